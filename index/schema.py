"""Tables of the library (SQLAlchemy 2 typed models). The same models run on SQLite and PostgreSQL.

Rows never leave `longtake.index`: `store.py` hands out plain dataclasses.
Lists of a video keep contiguous, ascending primary keys, so that a video is one id range.
"""

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

RowId = BigInteger().with_variant(Integer, "sqlite")
"""SQLite only auto-numbers INTEGER keys; FTS5 rowids follow them."""


class Base(DeclarativeBase):
    type_annotation_map = {dict[str, Any]: JSON, list[Any]: JSON}  # noqa: RUF012


class SchemaVersion(Base):
    """One row a migration that has run."""

    __tablename__ = "schema_version"
    version: Mapped[int] = mapped_column(primary_key=True)
    applied_at: Mapped[float]


class Video(Base):
    """A file, known by a hash of its content."""

    __tablename__ = "videos"
    id: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str]
    """Absolute path where the content was last seen."""
    size: Mapped[int] = mapped_column(BigInteger)
    mtime_ns: Mapped[int] = mapped_column(BigInteger)
    title: Mapped[str]
    """File name without extension."""
    duration: Mapped[float]
    fps: Mapped[float | None]
    width: Mapped[int | None]
    height: Mapped[int | None]
    video_codec: Mapped[str | None]
    audio_codec: Mapped[str | None]
    added_at: Mapped[float]
    notes: Mapped[list[Any]] = mapped_column(default=list)
    """What was odd about the file: truncated, damaged frames, claimed duration wrong, ..."""


class VideoPath(Base):
    """A path where a video's content lies: unchanged files are recognised without hashing."""

    __tablename__ = "video_paths"
    path: Mapped[str] = mapped_column(primary_key=True)
    video_id: Mapped[str] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"), index=True)
    size: Mapped[int] = mapped_column(BigInteger)
    mtime_ns: Mapped[int] = mapped_column(BigInteger)


class Stage(Base):
    """How one stage of one video ended, and with what."""

    __tablename__ = "stages"
    video_id: Mapped[str] = mapped_column(
        ForeignKey("videos.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    """done, empty, skipped or failed."""
    reason: Mapped[str | None]
    engine: Mapped[str]
    model: Mapped[str]
    """Identity of model and weights."""
    version: Mapped[str]
    """Version of the engine's package."""
    parameters: Mapped[str]
    """Hash over everything the result depends on; another hash means the stage is stale."""
    started_at: Mapped[float]
    finished_at: Mapped[float]
    stats: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Shot(Base):
    """An unbroken camera take."""

    __tablename__ = "shots"
    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    video_id: Mapped[str] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    start: Mapped[float]
    end: Mapped[float]


class Clip(Base):
    """The unit of retrieval: at most `max_clip_s` long, inside one shot."""

    __tablename__ = "clips"
    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    video_id: Mapped[str] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    shot: Mapped[int]
    """Position of the shot in the video."""
    start: Mapped[float]
    end: Mapped[float]


class Segment(Base):
    """A sentence or phrase of speech."""

    __tablename__ = "segments"
    __table_args__ = (Index("segments_video_start", "video_id", "start"),)
    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    video_id: Mapped[str] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"))
    start: Mapped[float]
    end: Mapped[float]
    text: Mapped[str]
    confidence: Mapped[float]
    language: Mapped[str | None]
    source: Mapped[str]
    words: Mapped[list[Any]] = mapped_column(default=list)
    """[[start, end, text, probability], ...]"""


class Cue(Base):
    """On-screen text over the time it stands."""

    __tablename__ = "cues"
    __table_args__ = (Index("cues_video_start", "video_id", "start"),)
    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    video_id: Mapped[str] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"))
    start: Mapped[float]
    end: Mapped[float]
    text: Mapped[str]
    confidence: Mapped[float]
    x0: Mapped[float]
    y0: Mapped[float]
    x1: Mapped[float]
    y1: Mapped[float]


class VectorFile(Base):
    """A video's vector file of one kind; it owns FAISS ids [first_id, first_id + count)."""

    __tablename__ = "vector_files"
    video_id: Mapped[str] = mapped_column(
        ForeignKey("videos.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(primary_key=True)
    """`frames` and `clips` (visual), `sentences` (speech and on-screen text)."""
    model: Mapped[str]
    """Identity of the encoder; also names the folder."""
    dimension: Mapped[int]
    count: Mapped[int]
    first_id: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str]
    """SHA-256 of the file."""


class Run(Base):
    """A question that was asked and everything that came of it."""

    __tablename__ = "runs"
    id: Mapped[str] = mapped_column(primary_key=True)
    asked_at: Mapped[float]
    question: Mapped[str]
    answer: Mapped[dict[str, Any]]
    ledger: Mapped[dict[str, Any]] = mapped_column(default=dict)
    trace: Mapped[list[Any]] = mapped_column(default=list)
