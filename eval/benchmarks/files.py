"""The owners' files as they lie on this machine: rows of annotations, videos, subtitles."""

import ast
import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from longtake.errors import UsageError
from longtake.eval.samples import Loaded, Sample

VIDEO_SUFFIXES = (".mp4", ".mkv", ".webm", ".avi", ".mov")
SUMS = "SHA256SUMS"
"""A file of this name beside the annotations, as `sha256sum` writes it, pins them."""


class RowModel(BaseModel):
    """A row of an annotation file: the fields we use; the owners may add others."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    @model_validator(mode="before")
    @classmethod
    def _from_table(cls, row: Any) -> Any:
        """Cells of a CSV: lists as JSON or as Python writes them, nothing as None."""
        if not isinstance(row, dict):
            return row
        cells = {}
        for name, field_info in cls.model_fields.items():
            if isinstance(cell := row.get(name), str) and field_info.annotation not in _TEXT:
                cells[name] = _unquoted(cell)
        return {**row, **cells}


_TEXT = (str, str | None)
_Row = TypeVar("_Row", bound=BaseModel)


def _unquoted(cell: str) -> Any:
    if not cell.strip():
        return None
    if cell.lstrip()[0] not in "[{(":
        return cell
    try:
        return ast.literal_eval(cell)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        try:
            return json.loads(cell)
        except (ValueError, RecursionError):
            return cell


def find(data: Path, names: Sequence[str], what: str) -> Path:
    """The first of `names` (paths, or patterns with `*`) that is in folder `data`.

    Raises:
        UsageError: none is; the message lists what was looked for.
    """
    if not data.is_dir():
        raise UsageError(f"no folder {str(data)!r}: put the benchmark's files there")
    for name in names:
        found = sorted(data.glob(name)) if "*" in name else [data / name]
        for path in found:
            if path.is_file():
                return path
    raise UsageError(f"no {what} in {str(data)!r}; looked for {', '.join(names)}")


def read_objects(path: Path) -> list[Any]:
    """Items of a JSON list, lines of a JSONL file, rows of a CSV, TSV or Parquet file.

    Raises:
        UsageError: the file is none of these, or is damaged; Parquet needs the extra `eval`.
    """
    try:
        match path.suffix.lower():
            case ".json":
                return _json_list(path)
            case ".jsonl":
                lines = path.read_text(encoding="utf-8").splitlines()
                return [json.loads(line) for line in lines if line.strip()]
            case ".csv" | ".tsv":
                with path.open(encoding="utf-8", newline="") as file:
                    separator = "\t" if path.suffix.lower() == ".tsv" else ","
                    return list(csv.DictReader(file, delimiter=separator))
            case ".parquet":
                return _parquet(path)
    except (OSError, ValueError, csv.Error) as exc:
        raise UsageError(f"{str(path)!r} cannot be read: {exc}") from exc
    raise UsageError(f"{str(path)!r} is neither JSON, JSONL, CSV, TSV nor Parquet")


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        UsageError: the file is damaged or holds something else.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise UsageError(f"{str(path)!r} cannot be read: {exc}") from exc
    if not isinstance(found, dict):
        raise UsageError(f"{str(path)!r} should hold one JSON object")
    return found


def _json_list(path: Path) -> list[Any]:
    found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, list):
        raise ValueError("it should hold a JSON list")
    return found


def _parquet(path: Path) -> list[Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as exc:
        raise UsageError(
            f"reading {path.name!r} needs pyarrow: pip install 'longtake[eval]', "
            "or export the rows as JSONL or CSV under the same name"
        ) from exc
    try:
        return list(pyarrow.parquet.read_table(path).to_pylist())
    except pyarrow.ArrowException as exc:
        raise ValueError(str(exc)) from exc


def rows(path: Path, model: type[_Row], objects: Iterable[Any] | None = None) -> Iterator[_Row]:
    """Rows of an annotation file, checked.

    Raises:
        UsageError: a row lacks a field or has a wrong one; the message names row and field.
    """
    for number, found in enumerate(read_objects(path) if objects is None else objects, 1):
        try:
            yield model.model_validate(found)
        except ValidationError as exc:
            error = exc.errors()[0]
            where = ".".join(map(str, error["loc"])) or "row"
            raise UsageError(
                f"{str(path)!r} row {number}: {where}: {error['msg']}; "
                "is this the benchmark's file?"
            ) from exc


def revision(paths: Sequence[Path]) -> str:
    """SHA-256 over annotation files, by name and content, in the order of their names.

    Raises:
        UsageError: a `SHA256SUMS` file beside one of them has another sum for it.
    """
    total = hashlib.sha256()
    for path in sorted(set(paths), key=lambda p: p.name):
        own = hashlib.sha256(path.read_bytes()).hexdigest()
        pinned = _pinned(path)
        if pinned not in (None, own):
            raise UsageError(
                f"{str(path)!r} is not the file that {SUMS} names: it has {own}, not {pinned}"
            )
        total.update(f"{path.name}\0{own}\n".encode())
    return total.hexdigest()


def _pinned(path: Path) -> str | None:
    sums = path.parent / SUMS
    if not sums.is_file():
        return None
    for line in sums.read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition(" ")
        if name.strip().removeprefix("*").removeprefix("./") == path.name:
            return digest.lower()
    return None


@dataclass(slots=True)
class Files:
    """Files of some kind below folders, found by path or by name without ending."""

    folders: Sequence[Path]
    suffixes: Sequence[str] = VIDEO_SUFFIXES
    _by_name: dict[str, Path] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        for folder in self.folders:
            if not folder.is_dir():
                continue
            for path in sorted(folder.rglob("*")):
                if path.suffix.lower() in self.suffixes:
                    inside = path.relative_to(folder).as_posix()
                    for name in (inside, path.name, path.stem):
                        self._by_name.setdefault(name, path)

    def get(self, *names: str) -> Path | None:
        """The first that is there: a path below a folder, a file name, or a name without ending."""
        for name in names:
            if name and (found := self._by_name.get(name)):
                return found
        return None


def loaded(
    benchmark: str,
    split: str,
    samples: Sequence[Sample],
    *,
    expected: int | None,
    annotations: Sequence[Path],
    subtitles: bool = False,
    missing: Sequence[str] = (),
    strata: tuple[str, ...] = (),
) -> Loaded:
    """A split as it was read, with what is missing said.

    Args:
        strata: axes whose shares a draw keeps; none leaves it to the first of them.

    Raises:
        UsageError: two samples have the same id.
    """
    twice = [name for name, n in Counter(s.sample_id for s in samples).items() if n > 1]
    if twice:
        raise UsageError(f"{benchmark} {split}: {len(twice)} ids come twice, such as {twice[0]!r}")
    notes = list(missing)
    if expected is not None and len(samples) != expected:
        notes.append(
            f"{len(samples):,} questions where the published split has {expected:,}: "
            "another revision, or a part of it"
        )
    videos = {s.video: s.video_path for s in samples}
    gone = sum(path is None for path in videos.values())
    if gone:
        notes.append(f"{gone:,} of {len(videos):,} videos")
    if subtitles:
        with_text = {s.video for s in samples if s.subtitles is not None}
        if len(with_text) < len(videos):
            notes.append(f"subtitles of {len(videos) - len(with_text):,} of {len(videos):,} videos")
    return Loaded(
        benchmark=benchmark,
        split=split,
        samples=tuple(samples),
        expected=expected,
        revision=revision(annotations),
        missing=tuple(notes),
        strata=strata,
    )
