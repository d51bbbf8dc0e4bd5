"""What the indexer tells while it works and when it is done."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from longtake.index.lanes import StageName, StageState
from longtake.index.records import StageRecord

Action = Literal["indexed", "unchanged", "moved", "duplicate", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressEvent:
    """What the indexer is doing, for a progress display."""

    kind: Literal["video", "progress", "stage", "done"]
    path: Path
    position: int
    """1-based number of the file in this run."""
    total: int
    done_s: float = 0.0
    """Seconds of video that every lane has finished."""
    duration_s: float | None = None
    stage: StageName | None = None
    state: StageState | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoReport:
    """How indexing one file went."""

    path: Path
    title: str
    action: Action
    """`moved`: known content under a new path; `duplicate`: known content, its first path still
    there."""
    video_id: str | None = None
    error: str | None = None
    duration_s: float | None = None
    wall_s: float = 0.0
    stages: tuple[StageRecord, ...] = ()
    """Stages done in this run."""
    notes: tuple[str, ...] = ()
    """What was odd about the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexReport:
    """How indexing a batch went."""

    videos: tuple[VideoReport, ...]
    wall_s: float

    @property
    def ok(self) -> bool:
        """Whether no file and no stage failed."""
        return all(
            video.action != "failed"
            and all(stage.state is not StageState.FAILED for stage in video.stages)
            for video in self.videos
        )
