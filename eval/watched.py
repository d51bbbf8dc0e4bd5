"""A library that notes what is read of its videos while one question is answered, and that shows
nothing a streaming benchmark has not shown yet."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from longtake.errors import MediaError
from longtake.eval.opened import note
from longtake.index.records import CueRecord, SegmentRecord
from longtake.timing import Span
from longtake.tools.library import Lane, Library

if TYPE_CHECKING:
    from longtake.index.frames import Frame, Size
    from longtake.index.lanes import Box

_STEP_S = 0.05


@dataclass(slots=True, kw_only=True)
class Reading:
    """What one question has read so far."""

    until: float | None = None
    """No frame from this second on may be read."""
    frames: set[tuple[str, float]] = field(default_factory=set)
    """Video id and presentation time."""
    seconds: float = 0.0
    """Spent decoding."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def latest(self) -> float | None:
        """Presentation time of the last frame read."""
        return max((time for _, time in self.frames), default=None)


_reading: ContextVar[Reading | None] = ContextVar("longtake_eval_reading", default=None)


@contextmanager
def reading(until: float | None = None) -> Iterator[Reading]:
    """Everything that is read in here, in threads and tasks begun in here too, is noted.

    Args:
        until: no frame from this second on may be read.
    """
    noted = Reading(until=until)
    token = _reading.set(noted)
    try:
        yield noted
    finally:
        _reading.reset(token)


class WatchedLibrary(Library):
    """A library whose frames are read under the eyes of `reading`. Questions may be answered side
    by side: each has its own."""

    def frames_at(
        self,
        video_id: str,
        times: Sequence[float],
        *,
        size: "Size | None" = None,
        crop: "Box | None" = None,
    ) -> "list[Frame]":
        """`Library.frames_at`, within the second that `reading` allows.

        Raises:
            MediaError: a time is not before that second.
        """
        noted = _reading.get()
        if noted is None:
            return super().frames_at(video_id, times, size=size, crop=crop)
        until = noted.until
        if until is not None and max(times, default=0.0) >= until:
            raise MediaError(f"nothing from {until:g} s on may be seen for this question")
        note(self.video(video_id).path)
        with noted.lock:
            began = time.monotonic()
            frames = super().frames_at(video_id, times, size=size, crop=crop)
            if until is not None:
                frames = [
                    frame
                    if frame.time < until
                    else self._before(video_id, at, until, size=size, crop=crop)
                    for at, frame in zip(times, frames, strict=True)
                ]
            noted.seconds += time.monotonic() - began
            noted.frames |= {(video_id, frame.time) for frame in frames}
        return frames

    def _before(
        self,
        video_id: str,
        at: float,
        until: float,
        *,
        size: "Size | None",
        crop: "Box | None",
    ) -> "Frame":
        """The last frame that begins before `until`: the nearest one to `at` begins later."""
        while at > 0:
            at = max(0.0, at - _STEP_S)
            (frame,) = super().frames_at(video_id, [at], size=size, crop=crop)
            if frame.time < until:
                return frame
        raise MediaError(f"no frame begins before {until:g} s")

    def segments(self, video_id: str, between: Span | None = None) -> list[SegmentRecord]:
        """Speech, without what has not been said whole by the second that `reading` allows."""
        rows = super().segments(video_id, between)
        return [row for row in rows if self.may_quote("speech", row.segment.span)]

    def cues(self, video_id: str, between: Span | None = None) -> list[CueRecord]:
        """On-screen text that stands before the second that `reading` allows."""
        rows = super().cues(video_id, between)
        return [row for row in rows if self.may_quote("text", row.cue.span)]

    def may_quote(self, lane: Lane, span: Span) -> bool:
        """Whether speech has been said whole, or on-screen text stands, by the second that
        `reading` allows."""
        noted = _reading.get()
        if noted is None or noted.until is None:
            return True
        return span.end <= noted.until if lane == "speech" else span.start < noted.until
