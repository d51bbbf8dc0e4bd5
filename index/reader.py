"""Everything that reads a library: videos, rows, vectors, full text."""

import difflib
from collections.abc import Collection
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Row, Select, func, select

from longtake.errors import UsageError
from longtake.index import fulltext, rows
from longtake.index.commits import TABLES
from longtake.index.database import Database
from longtake.index.lanes import FrameVectors, StageName
from longtake.index.records import (
    ClipRecord,
    ClipVectors,
    CueRecord,
    KnownPath,
    RunRecord,
    SegmentRecord,
    SentenceVectors,
    ShotRecord,
    StageRecord,
    TextLane,
    TextMatch,
    VectorFileRecord,
    VectorKind,
    VideoRecord,
)
from longtake.index.vector_index import VectorIndex, open_index
from longtake.index.vectors import VectorFiles, Vectors
from longtake.timing import Span

_PREFIX = 4
"""Shortest beginning of a video id that names it."""


class Reader:
    """The reading half of a `Store`. Methods may be called from any thread.

    `database` and `files` are for `longtake.index` alone.
    """

    def __init__(self, root: Path, database: Database) -> None:
        self.root = root
        self.database = database
        self.files = VectorFiles(root)
        self._indexes: dict[tuple[VectorKind, str], VectorIndex] = {}

    def videos(self) -> list[VideoRecord]:
        """All videos, in the order of their titles."""
        videos = TABLES["videos"]
        found = self._all(select(videos).order_by(videos.c.title, videos.c.id))
        return [rows.video_record(row) for row in found]

    def video(self, key: str) -> VideoRecord:
        """The video with this id, path, file name, title or unique beginning of an id.

        Raises:
            UsageError: if none or several fit; the message names them or the nearest.
        """
        table = TABLES["videos"]
        for row in self._all(select(table).where(table.c.id == key)):
            return rows.video_record(row)
        videos = self.videos()
        known = self.known_paths().get(str(Path(key).expanduser().absolute()))
        ways = (
            [video for video in videos if known and video.id == known.video_id],
            [video for video in videos if video.path.name == key],
            [video for video in videos if video.title == key],
            [video for video in videos if len(key) >= _PREFIX and video.id.startswith(key.lower())],
        )
        found = next(filter(None, ways), [])
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(f"{video.title!r} ({video.id[:8]})" for video in found[:5])
            raise UsageError(f"{key!r} names {len(found)} videos: {names}; use the id")
        if not videos:
            raise UsageError(f"no video {key!r}: the library is empty")
        titles = [video.title for video in videos]
        near = difflib.get_close_matches(key, titles, n=3, cutoff=0.4) or titles[:3]
        raise UsageError(f"no video {key!r} in the library; there is {', '.join(map(repr, near))}")

    def known_paths(self) -> dict[str, KnownPath]:
        """Every file that was indexed, by absolute path."""
        known = self._all(select(TABLES["video_paths"]))
        return {
            row.path: KnownPath(video_id=row.video_id, size=row.size, mtime_ns=row.mtime_ns)
            for row in known
        }

    def paths(self, video_id: str) -> list[Path]:
        """Where a video's content was seen."""
        table = TABLES["video_paths"]
        found = select(table.c.path).where(table.c.video_id == video_id).order_by(table.c.path)
        return [Path(row.path) for row in self._all(found)]

    def stages(self, video_id: str | None = None) -> dict[tuple[str, StageName], StageRecord]:
        """How every stage ended, of every video or of one."""
        table = TABLES["stages"]
        statement = select(table)
        if video_id is not None:
            statement = statement.where(table.c.video_id == video_id)
        records = [rows.stage_record(row) for row in self._all(statement)]
        return {(record.video_id, record.name): record for record in records}

    def shots(self, video_id: str) -> list[ShotRecord]:
        """A video's shots in order."""
        return [rows.shot_record(row) for row in self._of_video("shots", video_id)]

    def clips(self, video_id: str) -> list[ClipRecord]:
        """A video's clips in order."""
        return [rows.clip_record(row) for row in self._of_video("clips", video_id)]

    def segments(self, video_id: str, between: Span | None = None) -> list[SegmentRecord]:
        """A video's speech in order; with `between`, what overlaps it."""
        found = self._of_video("segments", video_id, between)
        return [rows.segment_record(row) for row in found]

    def cues(self, video_id: str, between: Span | None = None) -> list[CueRecord]:
        """A video's on-screen text in order; with `between`, what overlaps it."""
        return [rows.cue_record(row) for row in self._of_video("cues", video_id, between)]

    def segment(self, row_id: int) -> SegmentRecord:
        """One speech segment.

        Raises:
            UsageError: if there is none with this id.
        """
        return rows.segment_record(self._by_id("segments", row_id))

    def cue(self, row_id: int) -> CueRecord:
        """One cue.

        Raises:
            UsageError: if there is none with this id.
        """
        return rows.cue_record(self._by_id("cues", row_id))

    def search_text(
        self,
        text: str,
        *,
        lanes: Collection[TextLane],
        videos: Collection[str] | None = None,
        between: Span | None = None,
        limit: int,
    ) -> list[TextMatch]:
        """The best `limit` rows for a question or keywords as typed; any text is allowed.

        Within a lane, rows with all informative terms come first, then rows with some, each by
        score. Scores of different lanes come from different statistics: ask for one lane at a time
        to fuse them by rank.
        """
        with self.database.reading() as connection:
            found = [
                fulltext.search(
                    connection, text, lane=lane, videos=videos, between=between, limit=limit
                )
                for lane in sorted(set(lanes))
            ]
        if len(found) == 1:
            return found[0]
        return _best([match for matches in found for match in matches], limit)

    def match_text(
        self,
        match: str,
        *,
        lanes: Collection[TextLane],
        videos: Collection[str] | None = None,
        between: Span | None = None,
        limit: int,
    ) -> list[TextMatch]:
        """The best `limit` rows for an FTS5 expression made by `fulltext.query_expression`."""
        with self.database.reading() as connection:
            found = [
                hit
                for lane in sorted(set(lanes))
                for hit in fulltext.match(
                    connection, match, lane=lane, videos=videos, between=between, limit=limit
                )
            ]
        return _best(found, limit)

    def vector_index(self, kind: VectorKind, model: str) -> VectorIndex:
        """Search over all vectors of this kind and model; empty when there are none.

        Raises:
            LibraryCorrupt: if a vector file that has to be read is damaged.
        """
        files = tuple(self.vector_files(kind=kind, model=model))
        index = self._indexes.get((kind, model))
        if index is None or index.files != files:
            index = open_index(self.files, files, kind=kind, model=model)
            self._indexes[kind, model] = index
        return index

    def frame_vectors(self, video_id: str, model: str | None = None) -> FrameVectors | None:
        """A video's frame embeddings; None when it has none (of this model)."""
        return cast(FrameVectors | None, self._vectors(video_id, "frames", model))

    def clip_vectors(self, video_id: str, model: str | None = None) -> ClipVectors | None:
        """A video's clip embeddings, clip by clip; None when it has none (of this model)."""
        return cast(ClipVectors | None, self._vectors(video_id, "clips", model))

    def sentence_vectors(self, video_id: str, model: str | None = None) -> SentenceVectors | None:
        """A video's sentence embeddings; None when it has none (of this model)."""
        return cast(SentenceVectors | None, self._vectors(video_id, "sentences", model))

    def vector_files(self, **where: str) -> list[VectorFileRecord]:
        """The vector files with these values (`video_id`, `kind`, `model`), by first id."""
        table = TABLES["vector_files"]
        statement = select(table).where(*(table.c[name] == key for name, key in where.items()))
        found = self._all(statement.order_by(table.c.model, table.c.kind, table.c.first_id))
        return [rows.vector_file_record(row) for row in found]

    def counts(self) -> dict[str, int]:
        """Rows by table, and vectors by kind (`frame_vectors`, ...)."""
        tables = ("videos", "shots", "clips", "segments", "cues", "runs")
        files = TABLES["vector_files"]
        with self.database.reading() as connection:
            counts = {
                name: connection.scalar(select(func.count()).select_from(TABLES[name])) or 0
                for name in tables
            }
            kinds = connection.execute(
                select(files.c.kind, func.sum(files.c.count)).group_by(files.c.kind)
            )
            vectors = {kind: int(count) for kind, count in kinds}
        for kind in ("frames", "clips", "sentences"):
            counts[f"{kind.removesuffix('s')}_vectors"] = vectors.get(kind, 0)
        return counts

    def runs(self, limit: int = 20) -> list[RunRecord]:
        """The last questions that were asked, newest first."""
        table = TABLES["runs"]
        found = self._all(select(table).order_by(table.c.asked_at.desc(), table.c.id).limit(limit))
        return [rows.run_record(row) for row in found]

    def run(self, run_id: str) -> RunRecord:
        """One question that was asked.

        Raises:
            UsageError: if there is none with this id.
        """
        return rows.run_record(self._by_id("runs", run_id))

    def _vectors(self, video_id: str, kind: VectorKind, model: str | None) -> Vectors | None:
        where = {"video_id": video_id, "kind": kind} | ({"model": model} if model else {})
        files = self.vector_files(**where)
        return self.files.read(files[0]) if files else None

    def _of_video(self, table: str, video_id: str, between: Span | None = None) -> list[Row[Any]]:
        columns = TABLES[table].c
        statement = select(TABLES[table]).where(columns.video_id == video_id)
        if between is not None:
            statement = statement.where(columns.end > between.start, columns.start < between.end)
        return self._all(statement.order_by(columns.id))

    def _by_id(self, table: str, key: int | str) -> Row[Any]:
        found = self._all(select(TABLES[table]).where(TABLES[table].c.id == key))
        if not found:
            raise UsageError(f"no row {key!r} in {table}; it may have been indexed again since")
        return found[0]

    def _all(self, statement: Select[Any]) -> list[Row[Any]]:
        with self.database.reading() as connection:
            return list(connection.execute(statement).all())


def _best(found: list[TextMatch], limit: int) -> list[TextMatch]:
    return sorted(found, key=lambda match: (-match.score, match.lane, match.id))[:limit]
