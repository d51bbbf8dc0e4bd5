"""Frames by their numbers, as FrameThinker's actions name them: frame `i` is shown from second
`i / fps` on.

A deviation from the source, which takes `floor(seconds * fps)` as it is: a product that misses a
whole number by rounding alone counts as that number.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from longtake.index.records import VideoRecord
from longtake.timing import Span

FALLBACK_FPS = 25.0
"""Of videos whose rate is not known."""
_ROUNDING = 1e-6
_LAST_S = 1e9
"""Beyond any video; models may name any second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """The frames of a video that may be shown, `first` to `last`."""

    fps: float
    first: int
    last: int

    @classmethod
    def of(cls, video: VideoRecord, within: Span) -> "Numbers":
        """Those of a stretch of a video; at least one."""
        fps = video.fps or FALLBACK_FPS
        first = math.ceil(within.start * fps - _ROUNDING)
        last = math.floor(within.end * fps + _ROUNDING) - 1
        return cls(fps=fps, first=first, last=max(first, last))

    def at(self, seconds: float) -> int:
        """Number of the frame that is shown at a second; the first one's before the video."""
        return math.floor(min(max(seconds, 0.0), _LAST_S) * self.fps + _ROUNDING)

    def seconds(self, frame: int) -> float:
        """A second at which the frame is shown, its middle: rounding cannot reach another one."""
        return round((frame + 0.5) / self.fps, 3)

    def span(self, start: int, end: int) -> Span:
        """From the first moment of one frame to the last of another."""
        return Span(start / self.fps, (end + 1) / self.fps)

    def spread(self, count: int) -> list[int]:
        """At most `count` frames over all of them: the middles of equal parts."""
        there = self.last - self.first + 1
        count = min(count, there)
        return [self.first + math.floor((i + 0.5) * there / count) for i in range(count)]


def between(start: int, end: int, count: int) -> list[int]:
    """`count` frames strictly between two, evenly spaced, the outermost of them included.

    Raises:
        ValueError: there are fewer than that between them.
    """
    if end - start <= count:
        raise ValueError(f"fewer than {count} frames lie between {start} and {end}")
    if count == 1:
        return [(start + end) // 2]
    step = (end - start - 2) / (count - 1)
    return [math.floor(start + 1 + i * step + _ROUNDING) for i in range(count)]


def listed(frames: Sequence[int]) -> str:
    """`13, 38, 63`."""
    return ", ".join(str(frame) for frame in frames)
