"""Image-text encoders: open_clip or transformers models, run by OpenVINO or torch.

Frames come already squashed to `input_size` by the decoder's scaler, where that costs next to
nothing. A model that was trained on the centre crop of the resized shorter side (most of OpenAI's
and LAION's CLIPs; SigLIP squashes) so sees the whole frame a little narrower than it is used to,
instead of losing its left and right edges.
"""

import json
import shutil
import threading
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from longtake.config import Settings
from longtake.errors import EngineError, UsageError
from longtake.index.lanes import F32, U8, ImageTextEncoder
from longtake.index.openvino_export import Compiled, Precision, exported, write_module
from longtake.index.towers import Engine, Tokenize, Tokens, load_tokenizer, load_towers
from longtake.models import Kind, Weights, fingerprint, resolve

_IMAGE, _TEXT, _ABOUT = "image.xml", "text.xml", "about.json"
_TEXT_BATCH = 16


def build_image_encoder(settings: Settings) -> ImageTextEncoder:
    """The encoder that `settings.visual` names.

    Raises:
        UsageError: a GPU was asked for together with OpenVINO, or where there is none.
        WeightsMissing, WeightsCorrupt: no usable weights.
    """
    visual = settings.visual
    kind: Kind = "open_clip" if visual.engine == "open_clip" else "clip-transformers"
    if visual.runtime == "openvino" and settings.device == "cuda":
        raise UsageError("visual.runtime 'openvino' runs on the CPU; set device 'cpu' or 'auto'")
    weights = resolve(kind, visual.model, offline=settings.offline)
    on_gpu = visual.runtime != "openvino" and use_gpu(settings.device)
    if on_gpu or visual.runtime == "torch":
        return TorchEncoder(visual.engine, weights, device="cuda" if on_gpu else "cpu")
    return OpenVinoEncoder(visual.engine, weights, threads=settings.threads)


def use_gpu(device: Literal["auto", "cpu", "cuda"]) -> bool:
    """Whether torch is to run on a GPU; imports torch only where a driver is installed.

    Raises:
        UsageError: `cuda` was asked for and torch sees none.
    """
    if device == "cpu" or (device == "auto" and shutil.which("nvidia-smi") is None):
        return False
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("device 'cuda': torch sees no GPU; set device 'cpu' or 'auto'")
    return torch.cuda.is_available()


class TorchEncoder:
    """The model in torch: float32 on a CPU, bfloat16 autocast on a GPU."""

    def __init__(self, engine: Engine, weights: Weights, *, device: str = "cpu") -> None:
        self._towers = load_towers(engine, weights)
        self._towers.image.to(device)
        self._towers.text.to(device)
        self._device = device
        self.identity = fingerprint(weights.name)
        self.dimension = self._towers.dimension
        self.input_size = self._towers.input_size

    def images(self, frames: U8) -> F32:
        """u8 [B, H, W, 3] RGB -> f32 [B, D], unit length."""
        return self._run(self._towers.image, (_checked(frames, self.input_size),))

    def texts(self, texts: list[str]) -> F32:
        """-> f32 [B, D], unit length."""
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        return self._run(self._towers.text, self._towers.tokenize(texts))

    def _run(self, module: Any, inputs: tuple[Any, ...]) -> F32:
        import torch

        tensors = [torch.from_numpy(np.ascontiguousarray(x)).to(self._device) for x in inputs]
        on_gpu = self._device != "cpu"
        try:
            with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16, enabled=on_gpu):
                output = module(*tensors)
        except RuntimeError as exc:
            raise EngineError(f"torch failed while running {self.identity!r}: {exc}") from exc
        vectors: F32 = torch.nn.functional.normalize(output.float(), dim=-1).cpu().numpy()
        return vectors


class OpenVinoEncoder:
    """The model exported once to OpenVINO; a query starts only the text tower.

    Args:
        precision: `auto` computes in bf16 where the processor does (about 0.999 cosine to f32, at
            twice the speed).
    """

    def __init__(
        self, engine: Engine, weights: Weights, *, threads: int, precision: Precision = "auto"
    ) -> None:
        self._engine: Engine = engine
        self._weights = weights
        self._threads = threads
        self._precision: Precision = precision
        self._lock = threading.Lock()
        self._export = exported(
            weights.path.name if weights.source == "path" else weights.name,
            f"{engine} {weights.name} {fingerprint(str(weights.path))}",
            partial(_export, engine, weights),
        )
        about = json.loads((self._export / _ABOUT).read_text(encoding="utf-8"))
        self.identity = fingerprint(weights.name)
        self.dimension: int = about["dimension"]
        self.input_size: tuple[int, int] = (about["width"], about["height"])

    def images(self, frames: U8) -> F32:
        """u8 [B, H, W, 3] RGB -> f32 [B, D], unit length."""
        return _unit(self._image(_checked(frames, self.input_size)))

    def texts(self, texts: list[str]) -> F32:
        """-> f32 [B, D], unit length."""
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for start in range(0, len(texts), _TEXT_BATCH):
            batch = texts[start : start + _TEXT_BATCH]
            vectors[start : start + len(batch)] = _unit(self._text(*self._tokenize(batch)))
        return vectors

    @cached_property
    def _image(self) -> Compiled:
        xml = self._export / _IMAGE
        return Compiled(xml, threads=self._threads, precision=self._precision)

    @cached_property
    def _text(self) -> Compiled:
        # Few and short: always in full precision.
        return Compiled(self._export / _TEXT, threads=self._threads)

    def _tokenize(self, texts: list[str]) -> Tokens:
        with self._lock:
            return self._tokenizer(texts)

    @cached_property
    def _tokenizer(self) -> Tokenize:
        return load_tokenizer(self._engine, self._weights)


def _export(engine: Engine, weights: Weights, target: Path) -> None:
    import torch

    towers = load_towers(engine, weights)
    width, height = towers.input_size
    frames = torch.zeros(2, height, width, 3, dtype=torch.uint8)
    tokens = tuple(torch.from_numpy(part) for part in towers.tokenize(["a", "b c"]))
    write_module(towers.image, target / _IMAGE, (frames,))
    write_module(towers.text, target / _TEXT, tokens)
    about = {"dimension": towers.dimension, "width": width, "height": height}
    (target / _ABOUT).write_text(json.dumps(about), encoding="utf-8")


def _checked(frames: U8, input_size: tuple[int, int]) -> U8:
    width, height = input_size
    if frames.shape[1:] != (height, width, 3):
        raise ValueError(f"frames must be [B, {height}, {width}, 3], got {frames.shape!r}")
    return frames


def _unit(vectors: F32) -> F32:
    """bf16 rounds after the graph's own normalisation."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: F32 = vectors / np.maximum(lengths, 1e-12)
    return unit
