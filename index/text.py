"""The text lane: sampled frames in, cues of on-screen text out.

Three savings keep OCR, the dearest lane on slides, cheap: a frame that did not change or is blank
is not looked at, a line whose pixels did not change is not read again, and detection sees a small
picture while recognition cuts its lines from the full one.
"""

from collections.abc import Callable
from time import perf_counter

from longtake.config import Settings
from longtake.errors import UsageError
from longtake.index.cues import CueBuilder
from longtake.index.decode import SampledFrame
from longtake.index.lanes import Box, Cue, Line, StageResult, StageState, TextReader
from longtake.index.line_cache import LineCache
from longtake.index.text_gate import GATE_PX, TextGate, is_blank

_READ_PX = 2560
"""Longer side of the picture that lines are cut from; recognition scales them to 48 px anyway."""

_MAX_LINES = 200
"""Lines read in one frame; more are texture."""


def build_reader(settings: Settings) -> TextReader:
    """The OCR engine that the settings name, loaded.

    Raises:
        WeightsMissing: its weights are nowhere to be had.
        EngineError: it does not start.
        UsageError: it cannot read the languages asked for.
    """
    from longtake.index import ocr_engines

    builders: dict[str, Callable[[Settings], TextReader]] = {
        "rapidocr": ocr_engines.build_rapid,
        "easyocr": ocr_engines.build_easy,
    }
    if settings.text.engine not in builders:
        raise UsageError(
            f"unknown text engine {settings.text.engine!r}; known: {', '.join(sorted(builders))}"
        )
    return builders[settings.text.engine](settings)


class CueReader:
    """Reads the frames of one video, in order, and builds its cues.

    Args:
        reader: an OCR engine; it may be shared by videos, not by threads.
    """

    def __init__(self, reader: TextReader, settings: Settings) -> None:
        self._reader = reader
        self._detect_px = settings.text.detect_px
        self._gate = TextGate()
        self._cache = LineCache()
        self._builder = CueBuilder(min_confidence=settings.text.min_confidence)
        self._counts = dict.fromkeys(("frames", "gated", "blank", "detected", "lines", "read"), 0)
        self._seconds = {"detect_s": 0.0, "recognise_s": 0.0}

    def push(self, frame: SampledFrame) -> None:
        """Take the next sampled frame.

        Raises:
            EngineError: the engine failed on it.
        """
        self._counts["frames"] += 1
        glance = frame.rgb(*fit(frame, GATE_PX))
        if not self._gate.changed(glance):
            self._counts["gated"] += 1
            self._builder.hold(frame.time)
        elif is_blank(glance):
            self._counts["blank"] += 1
            self._builder.push(frame.time, [])
        else:
            self._builder.push(frame.time, self._read(frame))

    def finish(self, duration: float) -> tuple[list[Cue], StageResult]:
        """The cues, ordered by time, inside [0, duration), and how the stage went."""
        cues = self._builder.finish(duration)
        counts = self._counts
        seconds = {name: round(value, 3) for name, value in self._seconds.items()}
        stats: dict[str, float | int | str] = {**counts, "cues": len(cues), **seconds}
        if cues:
            return cues, StageResult(state=StageState.DONE, stats=stats)
        reason = f"no text seen in {counts['frames']} frames ({counts['detected']} looked at)"
        return cues, StageResult(state=StageState.EMPTY, reason=reason, stats=stats)

    def _read(self, frame: SampledFrame) -> list[Line]:
        """All lines of a frame, those that are known without reading them again."""
        picture = frame.rgb(*fit(frame, self._detect_px))
        started = perf_counter()
        boxes = self._reader.detect(picture)[:_MAX_LINES]
        self._seconds["detect_s"] += perf_counter() - started
        self._counts["detected"] += 1
        self._counts["lines"] += len(boxes)
        if not boxes:
            return []
        recalled = self._cache.recall(picture, boxes)
        unread = [box for box, line in zip(boxes, recalled, strict=True) if line is None]
        read = iter(self._recognise(frame, unread))
        lines = [next(read) if line is None else line for line in recalled]
        self._cache.store(picture, lines)
        return lines

    def _recognise(self, frame: SampledFrame, boxes: list[Box]) -> list[Line]:
        if not boxes:
            return []
        picture = frame.rgb(*fit(frame, _READ_PX))
        started = perf_counter()
        lines = self._reader.recognise(picture, boxes)
        self._seconds["recognise_s"] += perf_counter() - started
        self._counts["read"] += len(boxes)
        return lines


def fit(frame: SampledFrame, longer_px: int) -> tuple[int, int]:
    """(width, height) of the frame scaled down to `longer_px` on its longer side; not enlarged."""
    scale = min(1.0, longer_px / max(frame.width, frame.height))
    return max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
