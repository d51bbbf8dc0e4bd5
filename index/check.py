"""Whether a library agrees with itself, and making again what does not.

Everything in a library comes from the videos, so a repair never mends a row: it drops the stage
that wrote it, and the next `longtake index` redoes just that.
"""

import hashlib
import itertools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from sqlalchemy import Table, delete, select

from longtake.errors import LibraryCorrupt, LibraryError, LibraryLocked
from longtake.index import fulltext
from longtake.index.commits import KINDS, OWNED, TABLES, clear_stage
from longtake.index.database import Database
from longtake.index.lanes import FrameVectors, StageName, StageState
from longtake.index.lock import WriterLock
from longtake.index.records import StageRecord, TextLane, VectorFileRecord, VectorKind
from longtake.index.store import Store
from longtake.index.vector_index import IndexFiles, entries, read_manifest

FindingKind = Literal[
    "database", "stage", "times", "shots", "clips", "vectors", "fulltext", "index", "orphan", "gone"
]
TOLERANCE_S = 0.1
"""How far past the end of its video a time may lie: durations are measured to a frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be."""

    kind: FindingKind
    what: str
    video_id: str | None = None
    repairable: bool = True
    """`gone` (a video's files are not where they were) and a damaged database are not."""
    stage: StageName | None = None
    """The stage that a repair drops, so that the next index redoes it."""


_STAGE_OF: Mapping[str, StageName] = {
    thing: stage for stage, things in OWNED.items() for thing in things
}
_STAGE_OF_KIND: Mapping[str, StageName] = {kind: _STAGE_OF[name] for name, kind in KINDS.items()}


def check(root: Path) -> list[Finding]:
    """Verify database, rows, times, vector files, search caches and files against each other.

    Raises:
        LibraryError: if there is no library, or it cannot be read at all.
    """
    root = root.absolute()
    try:
        with Store.open(root) as store:
            found = _database(store)
            if not all(finding.repairable for finding in found):
                return found
            found += [*_contents(store), *_vectors(store), *_indexes(store), *_gone(store)]
        return [*found, *_full_text(root), *_orphans(root)]
    except LibraryCorrupt as exc:
        return [Finding(kind="database", what=str(exc), repairable=False)]


def repair(root: Path) -> list[Finding]:
    """Drop or make again what `check` finds; returns what is left to find.

    Raises:
        LibraryError: if the library cannot be written.
    """
    root = root.absolute()
    found = check(root)
    if any(finding.kind == "database" and not finding.repairable for finding in found):
        return found
    with Store.open(root, write=True) as store:  # opening it deletes orphans
        with store.database.writing() as connection:
            for table in _owned_tables():
                known = select(TABLES["videos"].c.id)
                connection.execute(delete(table).where(table.c.video_id.not_in(known)))
            for finding in found:
                if finding.stage and finding.video_id:
                    clear_stage(connection, finding.video_id, finding.stage)
            for lane in fulltext.TABLES:
                fulltext.rebuild(connection, lane)
        for cache, _ in _damaged_caches(store):
            cache.index.unlink(missing_ok=True)
        store.refresh_indexes()
    return check(root)


def _database(store: Store) -> list[Finding]:
    with store.database.reading() as connection:
        if connection.dialect.name != "sqlite":
            return []
        problems = [row[0] for row in connection.exec_driver_sql("PRAGMA integrity_check")]
        strays = sorted({row[0] for row in connection.exec_driver_sql("PRAGMA foreign_key_check")})
    found = [
        Finding(kind="database", what=f"the database is damaged: {problem}", repairable=False)
        for problem in problems
        # full text has its own check, and unlike tables it can be made again
        if problem != "ok" and "malformed inverted index" not in problem
    ]
    return found + [
        Finding(kind="database", what=f"rows in {table} belong to no video") for table in strays
    ]


def _contents(store: Store) -> Iterator[Finding]:
    stages = store.stages()
    kinds = {(file.video_id, file.kind) for file in store.vector_files()}
    for video in store.videos():
        lists: dict[str, Sequence[tuple[float, float]]] = {
            "shots": [(shot.start, shot.end) for shot in store.shots(video.id)],
            "clips": [(clip.start, clip.end) for clip in store.clips(video.id)],
            "segments": [(s.segment.start, s.segment.end) for s in store.segments(video.id)],
            "cues": [(c.cue.start, c.cue.end) for c in store.cues(video.id)],
        }
        present = {name for name, spans in lists.items() if spans}
        present |= {name for name, kind in KINDS.items() if (video.id, kind) in kinds}
        for name in StageName:
            if problem := _stage_problem(name, stages.get((video.id, name)), present):
                yield _finding("stage", f"{video.title!r}: {problem}", video.id, name)
        for thing, spans in lists.items():
            if outside := _outside(spans, video.duration):
                what = f"{video.title!r}: {thing} at {outside} of a video of {video.duration:.1f} s"
                yield _finding("times", what, video.id, _STAGE_OF[thing])
        yield from _cuts(store, video.id, video.title, video.duration)


def _stage_problem(
    name: StageName, stage: StageRecord | None, present: Collection[str]
) -> str | None:
    """What a stage says against what it left."""
    left = sorted(OWNED[name] & frozenset(present))
    if stage is None:
        return f"{', '.join(left)} without a record of the stage {name!s}" if left else None
    if stage.state is StageState.DONE:
        missing = sorted(OWNED[name] - frozenset(present))
        return (
            f"stage {name!s} is done, but there are no {' and no '.join(missing)}"
            if missing
            else None
        )
    return f"stage {name!s} is {stage.state!s}, but there are {', '.join(left)}" if left else None


def _outside(spans: Sequence[tuple[float, float]], duration: float) -> str | None:
    """The first span that is not inside [0, duration]."""
    for start, end in spans:
        # written so that NaN is outside, too
        if not (0 <= start <= end <= duration + TOLERANCE_S):
            return f"{start:.2f}-{end:.2f} s"
    return None


def _cuts(store: Store, video_id: str, title: str, duration: float) -> Iterator[Finding]:
    """Shots cover the video without gaps; clips lie in their shots."""
    shots = store.shots(video_id)
    bounds = [0.0, *itertools.chain.from_iterable((s.start, s.end) for s in shots), duration]
    for before, after in zip(bounds[::2], bounds[1::2], strict=True):
        if shots and not abs(after - before) <= TOLERANCE_S:
            what = f"{title!r}: shots leave or overlap {before:.2f}-{after:.2f} s"
            yield _finding("shots", what, video_id, StageName.SHOTS)
            break
    by_position = {shot.position: shot for shot in shots}
    for clip in store.clips(video_id):
        shot = by_position.get(clip.shot)
        if shot is None or not (
            shot.start - TOLERANCE_S <= clip.start and clip.end <= shot.end + TOLERANCE_S
        ):
            what = f"{title!r}: clip {clip.position} is not inside shot {clip.shot}"
            yield _finding("clips", what, video_id, StageName.SHOTS)
            break


def _vectors(store: Store) -> Iterator[Finding]:
    durations = {video.id: video.duration for video in store.videos()}
    dimensions: dict[tuple[str, str], int] = {}
    for file in store.vector_files():
        stage = _STAGE_OF_KIND[file.kind]
        try:
            vectors = store.files.load(file)
        except LibraryCorrupt as exc:
            what = str(exc).partition(";")[0]
            yield _finding("vectors", what, file.video_id, stage)
            continue
        usual = dimensions.setdefault((file.kind, file.model), file.dimension)
        name = str(store.files.path(file))
        if file.dimension != usual:
            what = f"vector file {name!r} has {file.dimension} dimensions, others have {usual}"
            yield _finding("vectors", what, file.video_id, stage)
        starts, ends = (
            (vectors.times, vectors.times)
            if isinstance(vectors, FrameVectors)
            else (vectors.starts, vectors.ends)
        )
        limit = durations.get(file.video_id, math.inf) + TOLERANCE_S
        if not (np.all(starts >= 0) and np.all(starts <= ends) and np.all(ends <= limit)):
            what = f"vector file {name!r} has times outside its video"
            yield _finding("vectors", what, file.video_id, stage)


def _indexes(store: Store) -> Iterator[Finding]:
    for cache, problem in _damaged_caches(store):
        yield Finding(kind="index", what=f"search cache {str(cache.index)!r} {problem}")


def _damaged_caches(store: Store) -> Iterator[tuple[IndexFiles, str]]:
    """Caches on the disk that are not what the database says; one that is not there is no fault."""
    groups: dict[tuple[str, VectorKind], list[VectorFileRecord]] = {}
    for file in store.vector_files():
        groups.setdefault((file.model, file.kind), []).append(file)
    for (model, kind), files in groups.items():
        cache = IndexFiles(folder=store.files.model_path(model), kind=kind)
        if not cache.index.exists():
            continue
        manifest = read_manifest(cache)
        if manifest is None:
            yield cache, "is damaged"
        elif _sha256(cache.index) != manifest["digest"]:
            yield cache, "was altered"
        elif manifest["entries"] != entries(files):
            yield cache, "does not hold the vectors that the database names"


def _full_text(root: Path) -> Iterator[Finding]:
    try:
        broken = _broken_lanes(Database.open_sqlite(root, write=True))  # SQLite's check is a write
    except LibraryError:
        broken = _broken_lanes(Database.open_copy(root))
    for lane in broken:
        yield Finding(kind="fulltext", what=f"full text of {lane} does not hold what its rows say")


def _broken_lanes(database: Database) -> list[TextLane]:
    try:
        with database.writing() as connection:
            return [lane for lane in fulltext.TABLES if not fulltext.is_intact(connection, lane)]
    finally:
        database.close()


def _orphans(root: Path) -> Iterator[Finding]:
    """Files that nothing names; not while a writer is at work, it may have just written one."""
    lock = WriterLock(root)
    try:
        lock.acquire()
    except LibraryLocked:
        return
    except LibraryError:
        pass  # read-only: nobody writes
    try:
        with Store.open(root) as store:
            for path in store.files.orphans(store.vector_files()):
                yield Finding(kind="orphan", what=f"nothing names {str(path)!r}")
    finally:
        lock.release()


def _gone(store: Store) -> Iterator[Finding]:
    for path, known in store.known_paths().items():
        if not Path(path).exists():
            yield Finding(
                kind="gone",
                what=f"{path!r} is not there any more; index it where it is now, or prune",
                video_id=known.video_id,
                repairable=False,
            )


def _finding(kind: FindingKind, what: str, video_id: str, stage: StageName) -> Finding:
    return Finding(kind=kind, what=what, video_id=video_id, stage=stage)


def _owned_tables() -> list[Table]:
    return [table for table in TABLES.values() if "video_id" in table.c]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
