"""What a search finds."""

from dataclasses import dataclass
from typing import Literal

from longtake.timing import Span

Lane = Literal["visual", "speech", "text"]
LANES: tuple[Lane, ...] = ("speech", "text", "visual")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A moment that a search found."""

    video_id: str
    video_title: str
    video_path: str
    start: float
    end: float
    lane: Lane
    score: float
    """Fused rank score, 1.0 = first in every ranking; comparable within one search only."""
    quote: str | None = None
    """What was said or read (speech, text)."""
    frame_time: float | None = None
    """Time of the best matching frame (visual)."""
    sources: tuple[str, ...] = ()
    """Rankers that found it: `bm25`, `vectors`."""
    rows: tuple[int, ...] = ()
    """Ids of the segments, cues or clips it stands for."""

    @property
    def span(self) -> Span:
        """[start, end) of the moment."""
        return Span(self.start, self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """Moments and how they came about."""

    hits: list[Hit]
    """Best first; spread over videos, so scores need not fall strictly."""
    searched: dict[Lane, str]
    """Each lane asked for: `searched`, or what was left out of it and why."""
