"""OCR engines behind the `TextReader` protocol, detection and recognition apart.

RapidOCR (PP-OCR models) runs on OpenVINO on a CPU, 1.8 times cheaper a core than onnxruntime, and
on onnxruntime where OpenVINO is missing or onnxruntime has a GPU. EasyOCR (CRAFT and CRNN) runs on
torch and needs weights from the network.
"""

import importlib.util
import logging
from pathlib import Path
from typing import Any

import numpy as np

from longtake import models
from longtake.config import Settings
from longtake.errors import EngineError, UsageError, WeightsCorrupt, WeightsMissing
from longtake.index.lanes import U8, Box, Line
from longtake.index.openvino_export import load_openvino

_log = logging.getLogger(__name__)

_UPRIGHT_RATIO = 2.5
"""Boxes taller than this many widths hold a line on its side; a lone "1" is less slender."""

_WIDTH_STEP = 160
"""Recogniser input widths are rounded up to this, so that few shapes are ever compiled."""


def crop(frame: U8, box: Box) -> U8:
    """The pixels of `box`, at least 1x1, turned upright when the line runs downwards."""
    height, width = frame.shape[:2]
    left, right = _range(box.x0, box.x1, width)
    top, bottom = _range(box.y0, box.y1, height)
    piece = frame[top:bottom, left:right]
    return np.rot90(piece) if bottom - top > _UPRIGHT_RATIO * (right - left) else piece


def _range(low: float, high: float, size: int) -> tuple[int, int]:
    first = min(max(int(low * size), 0), size - 1)
    return first, min(max(int(np.ceil(high * size)), first + 1), size)


class RapidReader:
    """RapidOCR's detector and recogniser, without its orientation classifier.

    The parts are called directly: `RapidOCR.__call__` keeps `use_rec=False` for later calls and
    pads, resizes and copies frames that are already of the right size.

    Args:
        runtime: "openvino" or "onnxruntime".
        detect_px: longer side that detection sees.
        threads: CPU threads of each of the two models.

    Raises:
        EngineError: RapidOCR cannot load its models.
    """

    def __init__(
        self, runtime: str, *, detect_px: int = 640, threads: int = 1, cuda: bool = False
    ) -> None:
        from rapidocr import EngineType, RapidOCR

        if runtime == "openvino":
            load_openvino()  # before RapidOCR does: without its telemetry
        engine = EngineType(runtime)
        blank = np.full((64, 64, 3), 255, np.uint8)
        try:
            ocr: Any = RapidOCR(
                params={
                    "Global.log_level": "critical",
                    "Det.engine_type": engine,
                    "Cls.engine_type": engine,
                    "Rec.engine_type": engine,
                    "Det.limit_type": "max",
                    "Det.limit_side_len": detect_px,
                    "EngineConfig.openvino.inference_num_threads": threads,
                    "EngineConfig.onnxruntime.intra_op_num_threads": threads,
                    "EngineConfig.onnxruntime.use_cuda": cuda,
                }
            )
            # Newer releases load each part at its first use, older ones have loaded them already.
            ocr(blank, use_det=True, use_cls=False, use_rec=False)
            ocr(blank, use_det=False, use_cls=False, use_rec=True)
        except (OSError, RuntimeError, ValueError, ImportError) as exc:
            raise EngineError(f"RapidOCR does not start on {runtime}: {exc}") from exc
        self._detector: Any = ocr.text_det
        self._recogniser: Any = ocr.text_rec
        detector, recogniser = ocr.cfg.Det, ocr.cfg.Rec
        self.identity = (
            f"rapidocr/{detector.ocr_version.value}-{detector.model_type.value}"
            f"+{recogniser.ocr_version.value}-{recogniser.model_type.value}/{runtime}"
        )

    def detect(self, frame: U8) -> list[Box]:
        """u8 [H, W, 3] RGB -> boxes of text lines, reading order."""
        height, width = frame.shape[:2]
        try:
            found = self._detector(np.ascontiguousarray(frame[..., ::-1]))
        except Exception as exc:  # RapidOCR and its runtimes share no base class
            raise EngineError(f"text detection failed on a {width}x{height} frame: {exc}") from exc
        if found.boxes is None:
            return []
        corners = np.asarray(found.boxes, np.float64) / (width, height)
        return [
            Box(*(float(v) for v in (*np.clip(quad.min(0), 0, 1), *np.clip(quad.max(0), 0, 1))))
            for quad in corners
        ]

    def recognise(self, frame: U8, boxes: list[Box]) -> list[Line]:
        """Texts of these boxes, one line a box, in their order (text may be empty)."""
        from rapidocr.ch_ppocr_rec import TextRecInput

        if not boxes:
            return []
        pieces = [np.ascontiguousarray(crop(frame, box)[..., ::-1]) for box in boxes]
        height = self._recogniser.rec_image_shape[1]
        widest = max(height * piece.shape[1] / piece.shape[0] for piece in pieces)
        width = int(np.ceil(widest / _WIDTH_STEP)) * _WIDTH_STEP
        self._recogniser.rec_image_shape = [3, height, width]
        try:
            read = self._recogniser(TextRecInput(img=pieces))
        except Exception as exc:  # as above
            raise EngineError(f"text recognition failed on {len(boxes)} lines: {exc}") from exc
        return [
            Line(text=text.strip(), box=box, confidence=float(score))
            for text, score, box in zip(read.txts, read.scores, boxes, strict=True)
        ]


class EasyReader:
    """EasyOCR's CRAFT detector and CRNN recogniser.

    Args:
        languages: EasyOCR language codes; they choose the recogniser's weights.
        folder: where EasyOCR keeps its weights; None is its own default folder.
        device: "cpu" or "cuda".
        offline: never download weights.

    Raises:
        UsageError: a language EasyOCR does not know, or languages it cannot combine.
        WeightsMissing: weights are not in `folder` and may not or cannot be downloaded.
        WeightsCorrupt: weights in `folder` do not have their known MD5 (and `offline`).
    """

    def __init__(
        self,
        languages: tuple[str, ...],
        folder: Path | None = None,
        *,
        device: str = "cpu",
        detect_px: int = 640,
        offline: bool = False,
    ) -> None:
        import easyocr

        try:
            self._reader: Any = easyocr.Reader(
                list(languages),
                gpu="cuda" if device == "cuda" else False,
                model_storage_directory=str(folder) if folder else None,
                download_enabled=not offline,
                verbose=False,
            )
        except ValueError as exc:
            raise UsageError(
                f"EasyOCR cannot read the languages {', '.join(languages)!r} together: {exc}; "
                "set text.languages to codes it lists, as en, de, fr, ja"
            ) from exc
        except (OSError, AssertionError) as exc:
            if "MD5" in str(exc):
                raise WeightsCorrupt(f"easyocr: {exc}: delete the file and fetch it again") from exc
            raise WeightsMissing(
                f"no weights for easyocr languages {', '.join(languages)!r}: {exc}; run once with "
                "access to the network, put its model files into ~/.EasyOCR/model, "
                "or set text.engine to 'rapidocr'"
            ) from exc
        self._detect_px = detect_px
        self.identity = f"easyocr/craft+{self._reader.model_lang}/{'+'.join(languages)}"

    def detect(self, frame: U8) -> list[Box]:
        """u8 [H, W, 3] RGB -> boxes of text lines, reading order."""
        height, width = frame.shape[:2]
        flat, tilted = self._reader.detect(
            frame[..., ::-1], canvas_size=self._detect_px, min_size=5
        )
        spans = [(x0, y0, x1, y1) for x0, x1, y0, y1 in flat[0]]
        spans += [(*np.min(quad, 0), *np.max(quad, 0)) for quad in tilted[0]]
        boxes = [
            Box(
                max(0.0, float(x0 / width)),
                max(0.0, float(y0 / height)),
                min(1.0, float(x1 / width)),
                min(1.0, float(y1 / height)),
            )
            for x0, y0, x1, y1 in spans
        ]
        return sorted((box for box in boxes if box.x1 > box.x0 and box.y1 > box.y0), key=_order)

    def recognise(self, frame: U8, boxes: list[Box]) -> list[Line]:
        """Texts of these boxes, one line a box, in their order (text may be empty)."""
        lines = []
        for box in boxes:
            piece = np.ascontiguousarray(crop(frame, box)[..., ::-1])
            height, width = piece.shape[:2]
            read = self._reader.recognize(
                piece, horizontal_list=[[0, width, 0, height]], free_list=[]
            )
            _, text, confidence = read[0] if read else (None, "", 0.0)
            lines.append(Line(text=text.strip(), box=box, confidence=float(confidence)))
        return lines


def _order(box: Box) -> tuple[float, float]:
    """Reading order: rows of about a fiftieth of the height, then left to right."""
    return round(box.y0 * 50), box.x0


def build_rapid(settings: Settings) -> RapidReader:
    """RapidOCR as configured.

    Raises:
        WeightsMissing: the rapidocr package carries no models.
    """
    models.resolve("rapidocr", "rapidocr", offline=settings.offline)
    cuda = settings.device != "cpu" and _onnx_cuda()
    openvino = importlib.util.find_spec("openvino") is not None
    runtime = "openvino" if openvino and not cuda else "onnxruntime"
    _log.info("text: RapidOCR on %s%s", runtime, " (CUDA)" if cuda else "")
    return RapidReader(
        runtime, detect_px=settings.text.detect_px, threads=settings.threads, cuda=cuda
    )


def _onnx_cuda() -> bool:
    if importlib.util.find_spec("onnxruntime") is None:
        return False
    import onnxruntime

    return "CUDAExecutionProvider" in onnxruntime.get_available_providers()


def build_easy(settings: Settings) -> EasyReader:
    """EasyOCR as configured, with weights from its folder or, unless offline, the network."""
    import torch

    cuda = settings.device == "cuda" or (settings.device == "auto" and torch.cuda.is_available())
    try:
        folder = models.resolve("easyocr", "easyocr", offline=settings.offline).path
    except WeightsMissing:
        folder = None
    return EasyReader(
        settings.text.languages,
        folder,
        device="cuda" if cuda else "cpu",
        detect_px=settings.text.detect_px,
        offline=settings.offline,
    )
