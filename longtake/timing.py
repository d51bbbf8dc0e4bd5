"""Times: seconds as float from the start of the video; clock notation only at the edges."""

import math
import re
from dataclasses import dataclass
from typing import Self

_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)")


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open stretch of a video, [start, end) in seconds.

    Raises:
        ValueError: if a bound is NaN, infinite or negative, or `end < start`.
    """

    start: float
    end: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start) and math.isfinite(self.end)):
            raise ValueError(f"span bounds must be finite, got [{self.start!r}, {self.end!r})")
        if self.start < 0 or self.end < self.start:
            raise ValueError(f"span needs 0 <= start <= end, got [{self.start!r}, {self.end!r})")

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.end - self.start

    @property
    def middle(self) -> float:
        """Midpoint in seconds."""
        return (self.start + self.end) / 2

    def overlap(self, other: "Span") -> float:
        """Seconds shared with `other`; 0 when disjoint."""
        return max(0.0, min(self.end, other.end) - max(self.start, other.start))

    def gap(self, other: "Span") -> float:
        """Seconds between the two spans; 0 when they touch or overlap."""
        return max(0.0, max(self.start, other.start) - min(self.end, other.end))

    def union(self, other: "Span") -> Self:
        """The smallest span that holds both."""
        return type(self)(min(self.start, other.start), max(self.end, other.end))

    def clamp(self, duration: float) -> Self:
        """The part inside [0, duration]; an empty span at `duration` when nothing is."""
        return type(self)(min(self.start, duration), min(self.end, duration))

    def __str__(self) -> str:
        return f"{format_time(self.start)}-{format_time(self.end)}"


def format_time(seconds: float) -> str:
    """Clock notation for people: `0:07.5`, `12:03.0`, `1:02:03.4` (tenths, rounded half up)."""
    tenths = math.floor(seconds * 10 + 0.5)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{tenths // 10:02d}.{tenths % 10}"
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"


def parse_time(text: str) -> float:
    """Seconds from `93`, `93.5`, `93.5s`, `1:33.5` or `0:01:33.5`.

    Raises:
        ValueError: if `text` is none of these or names 60 or more seconds (or minutes, with hours).
    """
    text = text.strip()
    if re.fullmatch(r"\d+(?:\.\d+)?s?", text):
        return float(text.removesuffix("s"))
    match = _CLOCK.fullmatch(text)
    if not match:
        raise ValueError(f"not a time: {text!r} (write 93, 93.5, 1:33.5 or 0:01:33.5)")
    hours, minutes, seconds = int(match[1] or 0), int(match[2]), float(match[3])
    if seconds >= 60 or (match[1] and minutes >= 60):
        raise ValueError(f"not a time: {text!r} (seconds and minutes go up to 59)")
    return hours * 3600 + minutes * 60 + seconds
