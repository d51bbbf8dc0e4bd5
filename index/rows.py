"""Between database rows and the records of `records.py`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Row

from longtake.errors import UsageError
from longtake.index.lanes import Box, Cue, Segment, StageName, StageState, Word
from longtake.index.records import (
    ClipRecord,
    CueRecord,
    RunRecord,
    SegmentRecord,
    ShotRecord,
    StageRecord,
    VectorFileRecord,
    VideoRecord,
)
from longtake.timing import Span

Values = dict[str, Any]


def storable(text: str) -> str:
    """`text` without what databases refuse: NUL and lone surrogates (become U+FFFD)."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def path_text(path: Path) -> str:
    """The path as text.

    Raises:
        UsageError: if its name is not valid UTF-8.
    """
    try:
        return path.as_posix().encode("utf-8").decode("utf-8")
    except UnicodeEncodeError as exc:
        raise UsageError(f"file name is not valid UTF-8: {path!r}; rename the file") from exc


def video_values(video: VideoRecord) -> Values:
    return {
        "id": video.id,
        "path": path_text(video.path),
        "size": video.size,
        "mtime_ns": video.mtime_ns,
        "title": storable(video.title),
        "duration": video.duration,
        "fps": video.fps,
        "width": video.width,
        "height": video.height,
        "video_codec": video.video_codec,
        "audio_codec": video.audio_codec,
        "added_at": video.added_at,
        "notes": [storable(note) for note in video.notes],
    }


def video_record(row: Row[Any]) -> VideoRecord:
    values = dict(row._mapping)
    return VideoRecord(**{**values, "path": Path(values["path"]), "notes": tuple(values["notes"])})


def stage_values(stage: StageRecord) -> Values:
    return {
        "video_id": stage.video_id,
        "name": stage.name.value,
        "state": stage.state.value,
        "reason": None if stage.reason is None else storable(stage.reason),
        "engine": stage.engine,
        "model": stage.model,
        "version": stage.version,
        "parameters": stage.parameters,
        "started_at": stage.started_at,
        "finished_at": stage.finished_at,
        "stats": dict(stage.stats),
    }


def stage_record(row: Row[Any]) -> StageRecord:
    values = dict(row._mapping)
    return StageRecord(
        **{**values, "name": StageName(values["name"]), "state": StageState(values["state"])}
    )


def shot_values(video_id: str, first_id: int, shots: Sequence[Span]) -> Iterator[Values]:
    for position, span in enumerate(shots):
        yield {
            "id": first_id + position,
            "video_id": video_id,
            "position": position,
            "start": span.start,
            "end": span.end,
        }


def shot_record(row: Row[Any]) -> ShotRecord:
    return ShotRecord(**row._mapping)


def clip_values(
    video_id: str, first_id: int, clips: Sequence[tuple[int, Span]]
) -> Iterator[Values]:
    for position, (shot, span) in enumerate(clips):
        yield {
            "id": first_id + position,
            "video_id": video_id,
            "position": position,
            "shot": shot,
            "start": span.start,
            "end": span.end,
        }


def clip_record(row: Row[Any]) -> ClipRecord:
    return ClipRecord(**row._mapping)


def segment_values(video_id: str, first_id: int, segments: Sequence[Segment]) -> Iterator[Values]:
    for row_id, segment in enumerate(segments, first_id):
        yield {
            "id": row_id,
            "video_id": video_id,
            "start": segment.start,
            "end": segment.end,
            "text": storable(segment.text),
            "confidence": segment.confidence,
            "language": segment.language,
            "source": segment.source,
            "words": [[w.start, w.end, storable(w.text), w.probability] for w in segment.words],
        }


def segment_record(row: Row[Any]) -> SegmentRecord:
    words = tuple(
        Word(start=start, end=end, text=text, probability=probability)
        for start, end, text, probability in row.words
    )
    segment = Segment(
        start=row.start,
        end=row.end,
        text=row.text,
        confidence=row.confidence,
        language=row.language,
        source=row.source,
        words=words,
    )
    return SegmentRecord(id=row.id, video_id=row.video_id, segment=segment)


def cue_values(video_id: str, first_id: int, cues: Sequence[Cue]) -> Iterator[Values]:
    for row_id, cue in enumerate(cues, first_id):
        yield {
            "id": row_id,
            "video_id": video_id,
            "start": cue.start,
            "end": cue.end,
            "text": storable(cue.text),
            "confidence": cue.confidence,
            **cue.box._asdict(),
        }


def cue_record(row: Row[Any]) -> CueRecord:
    cue = Cue(
        start=row.start,
        end=row.end,
        text=row.text,
        box=Box(row.x0, row.y0, row.x1, row.y1),
        confidence=row.confidence,
    )
    return CueRecord(id=row.id, video_id=row.video_id, cue=cue)


def run_record(row: Row[Any]) -> RunRecord:
    return RunRecord(**row._mapping)


def vector_file_record(row: Row[Any]) -> VectorFileRecord:
    return VectorFileRecord(**cast(dict[str, Any], row._mapping))
