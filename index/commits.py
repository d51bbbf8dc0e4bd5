"""Writing one stage's result: its rows are replaced as a whole."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Table, delete, func, insert, select, update

from longtake.errors import LibraryError
from longtake.index import fulltext, rows
from longtake.index.lanes import Cue, FrameVectors, Segment, StageName
from longtake.index.records import (
    ClipVectors,
    SentenceVectors,
    StageRecord,
    VectorFileRecord,
    VectorKind,
)
from longtake.index.schema import Base
from longtake.index.vectors import VectorFiles, Vectors
from longtake.timing import Span

_CHUNK = 5_000
TABLES: Mapping[str, Table] = Base.metadata.tables


@dataclass(frozen=True, slots=True, kw_only=True)
class StageData:
    """Everything a stage can leave in the library; a stage only fills its own."""

    shots: Sequence[Span] | None = None
    clips: Sequence[tuple[int, Span]] | None = None
    """Position of the clip's shot, and the clip."""
    segments: Sequence[Segment] | None = None
    cues: Sequence[Cue] | None = None
    frames: FrameVectors | None = None
    clip_vectors: ClipVectors | None = None
    sentence_vectors: SentenceVectors | None = None

    def given(self) -> set[str]:
        """Names of what is filled."""
        return {field.name for field in fields(self) if getattr(self, field.name) is not None}


OWNED: Mapping[StageName, frozenset[str]] = {
    StageName.SHOTS: frozenset({"shots", "clips"}),
    StageName.THUMBNAILS: frozenset(),
    StageName.VISUAL: frozenset({"frames"}),
    StageName.CLIPS: frozenset({"clip_vectors"}),
    StageName.SPEECH: frozenset({"segments"}),
    StageName.TEXT: frozenset({"cues"}),
    StageName.SENTENCES: frozenset({"sentence_vectors"}),
}
"""What each stage writes, and what its next commit replaces."""

_VALUES: Mapping[str, Callable[[str, int, Any], Iterator[rows.Values]]] = {
    "shots": rows.shot_values,
    "clips": rows.clip_values,
    "segments": rows.segment_values,
    "cues": rows.cue_values,
}

KINDS: Mapping[str, VectorKind] = {
    "frames": "frames",
    "clip_vectors": "clips",
    "sentence_vectors": "sentences",
}


def require_owned(stage: StageRecord, data: StageData) -> None:
    """Refuse data of another stage.

    Raises:
        ValueError: that is a bug of the caller.
    """
    if foreign := data.given() - OWNED[stage.name]:
        raise ValueError(f"stage {stage.name!s} cannot write {sorted(foreign)}")


def write_stage(
    connection: Connection, files: VectorFiles, stage: StageRecord, data: StageData
) -> None:
    """Replace a stage's row and all it owns, inside the caller's transaction.

    Raises:
        LibraryError: if vectors have another dimension than the model's vectors so far.
    """
    require_owned(stage, data)
    for name in sorted(OWNED[stage.name]):
        value = getattr(data, name)
        if name in KINDS:
            _replace_vectors(connection, files, stage, KINDS[name], value)
        else:
            _replace_rows(connection, stage.video_id, name, value or ())
    _delete(connection, "stages", video_id=stage.video_id, name=stage.name.value)
    connection.execute(insert(TABLES["stages"]), rows.stage_values(stage))


def clear_stage(connection: Connection, video_id: str, stage: StageName) -> None:
    """Delete a stage's row and all it owns, so that the next index redoes it."""
    for name in sorted(OWNED[stage]):
        if name in KINDS:
            _delete(connection, "vector_files", video_id=video_id, kind=KINDS[name])
        else:
            _delete(connection, name, video_id=video_id)
    _delete(connection, "stages", video_id=video_id, name=stage.value)


def upsert(connection: Connection, table: str, key: str, values: Mapping[str, Any]) -> None:
    """Update the row with this key, or insert it; the only writer needs no more than that."""
    target = TABLES[table]
    changed = connection.execute(update(target).where(target.c[key] == values[key]).values(values))
    if changed.rowcount == 0:
        connection.execute(insert(target), values)


def _replace_rows(connection: Connection, video_id: str, table: str, values: Sequence[Any]) -> None:
    _delete(connection, table, video_id=video_id)
    if not values:
        return
    # one block of ids a video: full text filters by id range
    first_id = (connection.scalar(select(func.max(TABLES[table].c.id))) or 0) + 1
    for chunk in _chunks(_VALUES[table](video_id, first_id, values)):
        connection.execute(insert(TABLES[table]), chunk)
    fulltext.add(connection, table, first_id, first_id + len(values) - 1)


def _replace_vectors(
    connection: Connection,
    files: VectorFiles,
    stage: StageRecord,
    kind: VectorKind,
    vectors: Vectors | None,
) -> None:
    table = TABLES["vector_files"]
    _delete(connection, "vector_files", video_id=stage.video_id, kind=kind)
    if vectors is None:
        return
    same = (table.c.kind == kind) & (table.c.model == stage.model)
    taken = connection.execute(
        select(func.max(table.c.first_id + table.c.count), func.max(table.c.dimension)).where(same)
    ).one()
    first_id, dimension = taken[0] or 0, taken[1]
    if dimension is not None and vectors.vectors.shape[1] != dimension:
        raise LibraryError(
            f"model {stage.model!r} made {kind} of {vectors.vectors.shape[1]} dimensions, those in "
            f"the library have {dimension}: its weights changed; give the new ones another name"
        )
    file = files.write(stage.video_id, kind, stage.model, vectors, first_id)
    connection.execute(insert(table), _vector_file_values(file))


def _vector_file_values(file: VectorFileRecord) -> dict[str, Any]:
    return {field.name: getattr(file, field.name) for field in fields(file)}


def _delete(connection: Connection, table: str, **where: str) -> None:
    target = TABLES[table]
    connection.execute(
        delete(target).where(*(target.c[name] == key for name, key in where.items()))
    )


def _chunks(values: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    iterator = iter(values)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk
