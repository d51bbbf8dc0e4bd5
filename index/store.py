"""The library on disk: a SQLite database, vector files, and search over both.

Reading: `videos`, `video`, `known_paths`, `stages`, `shots`, `clips`, `segments`, `cues`,
`*_vectors`, `counts`.
Search: `search_text(text, lanes=, videos=, between=, limit=)` takes a question as typed (stop words
go, rows with all terms come before rows with some); `match_text` takes a ready FTS5 expression;
`vector_index(kind, model).search(...)`.
Writing: `put_video`, `put_path`, `commit` (one stage, one transaction), `remove`, `forget_path`,
`save_run`.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from sqlalchemy import delete, insert, update

from longtake.errors import LibraryCorrupt, LibraryError, LibraryMissing
from longtake.index import migrations, rows
from longtake.index.commits import TABLES, StageData, upsert, write_stage
from longtake.index.database import DATABASE_NAME, Database
from longtake.index.faults import writing_files
from longtake.index.lanes import Cue, FrameVectors, Segment
from longtake.index.lock import WriterLock
from longtake.index.reader import Reader
from longtake.index.records import ClipVectors, SentenceVectors, StageRecord, VideoRecord
from longtake.timing import Span

_log = logging.getLogger(__name__)


class Store(Reader):
    """A library folder. Any number of readers, one writer; methods may be called from any
    thread."""

    def __init__(self, root: Path, database: Database, lock: WriterLock | None) -> None:
        super().__init__(root, database)
        self._lock = lock

    @classmethod
    def open(cls, root: Path, *, write: bool = False, create: bool = False) -> Self:
        """Open the library in folder `root`.

        Args:
            write: take the writer's lock, bring an older database up to date, sweep what a killed
                run left.
            create: with `write`, make the library when there is none.

        Raises:
            LibraryMissing: there is no library.
            LibraryLocked: another process is writing (`write` only).
            LibraryTooNew: a newer longtake wrote it.
            LibraryCorrupt: the database is damaged.
            LibraryError: the folder cannot be read, or not written.
        """
        root = root.absolute()
        if not (root / DATABASE_NAME).exists() and not (write and create):
            raise LibraryMissing(f"no library in {str(root)!r}; make one with `longtake index`")
        return cls._open_to_write(root) if write else cls._open_to_read(root)

    @classmethod
    def _open_to_write(cls, root: Path) -> Self:
        with writing_files(root):
            root.mkdir(parents=True, exist_ok=True)
        lock = WriterLock(root)
        lock.acquire()
        try:
            store = cls(root, Database.open_sqlite(root, write=True), lock)
            try:
                with store.database.writing() as connection:
                    migrations.migrate(connection, root)
                store._sweep()
            except BaseException:
                store.database.close()
                raise
        except BaseException:
            lock.release()
            raise
        return store

    @classmethod
    def _open_to_read(cls, root: Path) -> Self:
        store = cls(root, Database.open_sqlite(root, write=False), None)
        try:
            with store.database.reading() as connection:
                found = migrations.version(connection)
                migrations.require_known(root, found)
        except BaseException:
            store.close()
            raise
        if found < len(migrations.MIGRATIONS):
            store.close()
            if found:  # an empty database is what a run killed at its very start leaves
                cls._open_to_write(root).close()
                return cls._open_to_read(root)
            raise LibraryMissing(f"the library in {str(root)!r} is empty; index a video first")
        return store

    def close(self) -> None:
        """Let go of the database and the lock."""
        try:
            if self._lock:
                self._sweep()
        finally:
            self.database.close()
            if self._lock:
                self._lock.release()
                self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    # Writing

    def put_video(self, video: VideoRecord) -> None:
        """Add a video, or replace what is known about it except when it was added."""
        values = rows.video_values(video)
        self._require_writer()
        table = TABLES["videos"]
        with self.database.writing() as connection:
            changes = {name: value for name, value in values.items() if name != "added_at"}
            changed = connection.execute(
                update(table).where(table.c.id == video.id).values(changes)
            )
            if changed.rowcount == 0:
                connection.execute(insert(table), values)

    def put_path(self, path: Path, video_id: str, size: int, mtime_ns: int) -> None:
        """Remember that a video's content lies at `path`, in a file of this size and time."""
        values = {
            "path": rows.path_text(path),
            "video_id": video_id,
            "size": size,
            "mtime_ns": mtime_ns,
        }
        self._require_writer()
        with self.database.writing() as connection:
            upsert(connection, "video_paths", "path", values)

    def forget_path(self, path: Path) -> None:
        """Forget a path; the video stays."""
        self._require_writer()
        table = TABLES["video_paths"]
        with self.database.writing() as connection:
            connection.execute(delete(table).where(table.c.path == str(path)))

    def remove(self, video_id: str) -> None:
        """Delete a video with all its rows and vectors."""
        self._require_writer()
        videos = TABLES["videos"]
        with self.database.writing() as connection:
            connection.execute(delete(videos).where(videos.c.id == video_id))

    def commit(
        self,
        stage: StageRecord,
        *,
        shots: Sequence[Span] | None = None,
        clips: Sequence[tuple[int, Span]] | None = None,
        segments: Sequence[Segment] | None = None,
        cues: Sequence[Cue] | None = None,
        frames: FrameVectors | None = None,
        clip_vectors: ClipVectors | None = None,
        sentence_vectors: SentenceVectors | None = None,
        duration: float | None = None,
        notes: Sequence[str] | None = None,
    ) -> None:
        """Replace everything a stage has left in the library, in one transaction.

        What the stage owns and is not given here is deleted: a failed stage leaves no rows. Vectors
        are named by `stage.model`; their files are on the disk before the transaction that names
        them commits.

        Args:
            clips: position of the clip's shot, and the clip.
            duration: new duration of the video in seconds.
            notes: new notes of the video.

        Raises:
            LibraryError: the disk is full, or vectors have another dimension than before; nothing
                has changed then.
        """
        data = StageData(
            shots=shots,
            clips=clips,
            segments=segments,
            cues=cues,
            frames=frames,
            clip_vectors=clip_vectors,
            sentence_vectors=sentence_vectors,
        )
        changes: dict[str, Any] = {} if duration is None else {"duration": duration}
        if notes is not None:
            changes["notes"] = [rows.storable(note) for note in notes]
        self._require_writer()
        with self.database.writing() as connection:
            write_stage(connection, self.files, stage, data)
            if changes:
                videos = TABLES["videos"]
                connection.execute(
                    update(videos).where(videos.c.id == stage.video_id).values(changes)
                )

    def refresh_indexes(self) -> None:
        """Bring every cached vector index up to date, so that the next search need not.

        A damaged vector file leaves its index as it is, with a warning: searching tells, too.
        """
        for kind, model in sorted({(file.kind, file.model) for file in self.vector_files()}):
            try:
                self.vector_index(kind, model)
            except LibraryCorrupt as exc:
                _log.warning("%s", exc)

    def save_run(
        self,
        run_id: str,
        *,
        asked_at: float,
        question: str,
        answer: dict[str, Any],
        ledger: dict[str, Any],
        trace: list[Any],
    ) -> None:
        """Keep a question and what came of it; also on a library that was opened to read.

        Raises:
            LibraryError: if the library cannot be written.
        """
        values = {
            "id": run_id,
            "asked_at": asked_at,
            "question": rows.storable(question),
            "answer": answer,
            "ledger": ledger,
            "trace": trace,
        }
        if self._lock:
            with self.database.writing() as connection:
                upsert(connection, "runs", "id", values)
            return
        # runs are apart from what the writer's lock guards: the database's own lock is enough
        database = Database.open_sqlite(self.root, write=True)
        try:
            with database.writing() as connection:
                upsert(connection, "runs", "id", values)
        finally:
            database.close()

    def _require_writer(self) -> None:
        if self._lock is None:
            raise LibraryError(f"library {str(self.root)!r} is open for reading only")

    def _sweep(self) -> None:
        self.files.sweep(self.vector_files())
