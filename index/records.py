"""What the library hands out: plain values without any tie to the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from longtake.index.lanes import F16, F64, I32, U8, Cue, Segment, StageName, StageState
from longtake.timing import Span

VectorKind = Literal["frames", "clips", "sentences"]
TextLane = Literal["speech", "text"]

LANE_CODES: Mapping[TextLane, int] = {"speech": 0, "text": 1}
"""Values of `SentenceVectors.lanes`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRecord:
    """A video of the library."""

    id: str
    path: Path
    """Absolute path where the content was last seen."""
    size: int
    """Bytes."""
    mtime_ns: int
    title: str
    duration: float
    """Seconds."""
    fps: float | None
    width: int | None
    height: int | None
    video_codec: str | None
    audio_codec: str | None
    added_at: float
    """Seconds since the epoch."""
    notes: tuple[str, ...] = ()
    """What was odd about the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPath:
    """A file that was indexed: unchanged while size and mtime are the same."""

    video_id: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRecord:
    """How one stage of one video ended, and with what."""

    video_id: str
    name: StageName
    state: StageState
    reason: str | None = None
    engine: str
    model: str
    """Identity of model and weights; names the vectors of `visual` and `sentences`."""
    version: str
    parameters: str
    """Hash over everything the result depends on."""
    started_at: float
    finished_at: float
    stats: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotRecord:
    """An unbroken camera take."""

    id: int
    video_id: str
    position: int
    start: float
    end: float

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRecord:
    """The unit of retrieval, inside one shot."""

    id: int
    video_id: str
    position: int
    shot: int
    """Position of its shot."""
    start: float
    end: float

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRecord:
    """A stored speech segment."""

    id: int
    video_id: str
    segment: Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class CueRecord:
    """A stored on-screen text cue."""

    id: int
    video_id: str
    cue: Cue


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """A question that was asked, its answer and how it came about."""

    id: str
    asked_at: float
    question: str
    answer: dict[str, Any]
    ledger: dict[str, Any]
    trace: list[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextMatch:
    """A segment or cue found by full text."""

    lane: TextLane
    id: int
    video_id: str
    start: float
    end: float
    text: str
    confidence: float
    score: float
    """BM25, positive, higher is better; comparable within one lane and query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorMatch:
    """A vector near a query."""

    video_id: str
    row: int
    """Row of the video's vector file of that kind."""
    score: float
    """Cosine, -1..1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClipVectors:
    """Clip embeddings of one video, in the order of its clips."""

    vectors: F16
    """[C, D] unit length."""
    starts: F64
    """[C] seconds."""
    ends: F64
    """[C] seconds."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SentenceVectors:
    """Sentence embeddings of one video's speech and on-screen text."""

    vectors: F16
    """[M, D] unit length."""
    lanes: U8
    """[M] 0 speech, 1 text (`LANE_CODES`)."""
    positions: I32
    """[M] index in the video's list of segments or cues."""
    starts: F64
    """[M] seconds."""
    ends: F64
    """[M] seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorFileRecord:
    """A vector file the database knows; its vectors own the ids [first_id, first_id + count)."""

    video_id: str
    kind: VectorKind
    model: str
    dimension: int
    count: int
    first_id: int
    digest: str
    """SHA-256 of the file, hex."""
