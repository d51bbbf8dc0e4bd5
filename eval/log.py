"""A run's log: one line of JSON for every finished sample, on the disk before the next begins.

A log file begins with a header that holds the run's identity. Any number of files make up a run:
each process writes its own, and whoever goes on, with whatever number of shards, reads them all.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from filelock import FileLock, Timeout
from pydantic import ValidationError

from longtake.errors import LongtakeError, UsageError
from longtake.eval import opened
from longtake.eval.identity import Identity
from longtake.eval.records import Record

FORMAT = 1
SUFFIX = ".log.jsonl"

Key = tuple[str, int]
"""Sample and seed."""

AGAIN = frozenset({"error", "timeout", "no_video"})
"""Statuses that a resumed run tries again: nothing of the model is in them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What the files of one run hold."""

    identity: Identity
    records: tuple[Record, ...]
    """The last of every sample and seed."""
    tries: dict[Key, int] = field(default_factory=dict)
    """Lines of every sample and seed, so that what was retried can be told."""
    torn: int = 0
    """Half lines that killed processes left behind."""
    seeds: int = 1
    """That every sample is to be asked with."""
    data: str = ""
    """Folder of the benchmark on the machine that ran it."""
    folders: tuple[Path, ...] = ()
    """Where its files lie."""


def shard_of(video: str, shards: int) -> int:
    """Which of `shards` a video belongs to, from 0; the same everywhere and always."""
    return int.from_bytes(hashlib.sha256(video.encode()).digest()[:8], "big") % shards


def log_files(places: Iterable[Path]) -> list[Path]:
    """Log files under these files and folders, in the order of their names.

    Raises:
        UsageError: a place does not exist, or there is no log in it.
    """
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            inside = sorted(place.rglob(f"*{SUFFIX}"))
            if not inside:
                raise UsageError(f"{str(place)!r} has no log of an evaluation (*{SUFFIX})")
            found += inside
        elif place.is_file():
            found.append(place)
        else:
            raise UsageError(f"{str(place)!r}: no such file or folder")
    return list(dict.fromkeys(found))


def read_logs(places: Iterable[Path]) -> list[Log]:
    """The runs in these files and folders, by the order of their first file.

    Raises:
        UsageError: a place does not exist or holds no log.
        LongtakeError: a file is damaged elsewhere than at its end.
    """
    parts: dict[str, list[Log]] = {}
    for path in log_files(places):
        part = read_log(path)
        parts.setdefault(part.identity.run_id, []).append(part)
    return [_joined(several) for several in parts.values()]


def read_log(path: Path) -> Log:
    """One file. A half line at its end is left out and counted.

    Raises:
        UsageError: it is no log of an evaluation.
        LongtakeError: it is damaged elsewhere than at its end.
    """
    lines = path.read_bytes().split(b"\n")
    torn = 1 if lines.pop() else 0
    if not lines:
        raise UsageError(f"{str(path)!r} has no header: it is no log, or its process was killed")
    identity, header = _header(lines[0], path)
    records = []
    for number, line in enumerate(lines[1:], 2):
        try:
            records.append(Record.model_validate_json(line))
        except ValidationError as exc:
            raise LongtakeError(
                f"{str(path)!r}, line {number} is damaged: {exc.errors()[0]['msg']}; "
                "delete the line, its sample is then asked again"
            ) from exc
    return replace(
        _of(identity, records, torn),
        seeds=int(header.get("seeds", 1)),
        data=str(header.get("data", "")),
        folders=(path.parent,),
    )


def _header(line: bytes, path: Path) -> tuple[Identity, dict[str, Any]]:
    try:
        header = json.loads(line)
        version = header["longtake_eval"]
        if version != FORMAT:
            raise UsageError(
                f"{str(path)!r} is a log of format {version}, this longtake reads {FORMAT}"
            )
        return Identity.model_validate(header["identity"]), header
    except (ValueError, KeyError, TypeError) as exc:
        raise UsageError(f"{str(path)!r} does not begin like a log of an evaluation") from exc


def _of(identity: Identity, records: Sequence[Record], torn: int) -> Log:
    last: dict[Key, Record] = {}
    tries: dict[Key, int] = {}
    for record in sorted(records, key=lambda r: r.finished_at):
        key = (record.sample_id, record.seed)
        tries[key] = tries.get(key, 0) + 1
        if key not in last or last[key].status in AGAIN or record.status not in AGAIN:
            last[key] = record
    ordered = tuple(last[key] for key in sorted(last))
    return Log(identity=identity, records=ordered, tries=tries, torn=torn)


def _joined(parts: Sequence[Log]) -> Log:
    """Files of one run as one. Each file's earlier tries count once more than its last."""
    joined = _of(
        parts[0].identity, [r for part in parts for r in part.records], sum(p.torn for p in parts)
    )
    tries = dict.fromkeys(joined.tries, 0)
    for part in parts:
        for key, count in part.tries.items():
            tries[key] += count
    return replace(
        joined,
        tries=tries,
        seeds=max(part.seeds for part in parts),
        data=parts[0].data,
        folders=tuple(dict.fromkeys(folder for part in parts for folder in part.folders)),
    )


class Writer:
    """Appends to one file of a run; nobody else can while it is open.

    Attributes:
        folder: of the run.
        finished: samples and seeds that need not be asked again, from all files of the run.
        tries: how often each was tried before.
    """

    def __init__(
        self,
        folder: Path,
        identity: Identity,
        *,
        shard: str = "",
        seeds: int = 1,
        data: Path | None = None,
    ) -> None:
        """
        Args:
            folder: of the run; made when absent.
            shard: such as `1of4`, part of the file's name.
            seeds: that every sample is to be asked with.
            data: folder of the benchmark, for whoever scores the log.

        Raises:
            UsageError: the folder holds another run, or another process writes this file.
        """
        folder.mkdir(parents=True, exist_ok=True)
        name = f"samples{'-' if shard else ''}{shard}"
        self.folder = folder
        self._path = folder / f"{name}{SUFFIX}"
        self._opened = folder / f"{name}{opened.SUFFIX}"
        self._stack = ExitStack()
        lock = FileLock(folder / f".{name}.lock")
        try:
            self._stack.enter_context(lock.acquire(timeout=0))
        except Timeout as exc:
            raise UsageError(
                f"another process writes {str(self._path)!r}: wait for it, or give each process "
                "its own --shard"
            ) from exc
        try:
            self._begin(folder, identity, {"seeds": seeds, "data": str(data or "")})
        except BaseException:
            self._stack.close()
            raise

    def _begin(self, folder: Path, identity: Identity, more: dict[str, Any]) -> None:
        self.finished: set[Key] = set()
        self.tries: dict[Key, int] = {}
        for file in (self._path, self._opened):
            _mend(file)
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            if not path.stat().st_size:
                continue
            log = read_log(path)
            if log.identity.run_id != identity.run_id:
                raise UsageError(
                    f"{str(path)!r} is of another run; it differs in "
                    f"{', '.join(log.identity.differences(identity))}"
                )
            self.finished |= {(r.sample_id, r.seed) for r in log.records if r.status not in AGAIN}
            for key, count in log.tries.items():
                self.tries[key] = self.tries.get(key, 0) + count
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._stack.callback(os.close, self._file)
        self._side = os.open(self._opened, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._stack.callback(os.close, self._side)
        if not self._path.stat().st_size:
            header = {
                "longtake_eval": FORMAT,
                "run_id": identity.run_id,
                "identity": identity.model_dump(),
                "started_at": time.time(),
                **more,
            }
            _append(self._file, header)
            _sync_folder(folder)

    def append(self, record: Record, read: dict[str, Any]) -> None:
        """Write a finished sample; it is on the disk when this returns.

        Args:
            read: which files were opened and which frames read for it; goes to the side file.
        """
        self.note(sample_id=record.sample_id, seed=record.seed, **read)
        _append(self._file, record.model_dump(mode="json"))
        key = (record.sample_id, record.seed)
        self.tries[key] = self.tries.get(key, 0) + 1
        if record.status not in AGAIN:
            self.finished.add(key)

    def note(self, **read: Any) -> None:
        """Write a line of the side file: what was read for a sample or a whole stage."""
        _append(self._side, read)

    def close(self) -> None:
        """Let go of the file."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _append(file: int, value: dict[str, Any]) -> None:
    line = json.dumps(value, separators=(",", ":"), allow_nan=False).encode() + b"\n"
    while line:
        line = line[os.write(file, line) :]
    os.fsync(file)


def _mend(path: Path) -> None:
    """Cut off the half line that a killed process left at the end."""
    if not path.is_file():
        return
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        with path.open("r+b") as file:
            file.truncate(whole)
            os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make a new file's name as durable as its lines."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
