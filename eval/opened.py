"""Which files of a benchmark's folder are opened while questions are answered: the log of a run
shows that nobody read the truth (benchmarks.md 4.7).

Python tells an audit hook of every file that it opens, in any thread. What libraries open by
themselves it does not tell: FFmpeg opens videos, which are noted where frames are read, and pyarrow
opens Parquet.
"""

import json
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from longtake.eval.benchmarks.files import VIDEO_SUFFIXES

SUFFIX = ".opened.jsonl"
"""Ends the names of files beside a run's logs."""


@dataclass(slots=True, kw_only=True)
class Opened:
    """Files of one folder that were opened so far."""

    root: str
    besides: tuple[str, ...] = ()
    """Folders in it that are not its own, such as logs."""
    files: set[str] = field(default_factory=set)
    """By their way from the folder, links resolved."""

    def note(self, path: str) -> None:
        """Keep a path if it is one of them."""
        real = os.path.realpath(path)
        if _inside(real, self.root) and not any(_inside(real, folder) for folder in self.besides):
            self.files.add(os.path.relpath(real, self.root))


_everywhere: list[Opened] = []
_here: ContextVar[tuple[Opened, ...]] = ContextVar("longtake_eval_opened", default=())
_hooked = threading.Event()


@contextmanager
def opening(
    root: Path, *, besides: Iterable[Path] = (), everywhere: bool = False
) -> Iterator[Opened]:
    """Every file under `root` that is opened in here, in threads and tasks begun in here too, is
    noted.

    Args:
        besides: not what lies under these folders.
        everywhere: also what is opened meanwhile by anything else in this process.
    """
    noted = Opened(
        root=os.path.realpath(root), besides=tuple(os.path.realpath(path) for path in besides)
    )
    if not _hooked.is_set():
        _hooked.set()
        sys.addaudithook(_heard)
    token = _here.set((*_here.get(), noted)) if not everywhere else None
    if everywhere:
        _everywhere.append(noted)
    try:
        yield noted
    finally:
        if token is not None:
            _here.reset(token)
        else:
            _everywhere.remove(noted)


def note(path: Path) -> None:
    """Keep a file that is opened by something that does not tell Python."""
    for noted in (*_everywhere, *_here.get()):
        noted.note(str(path))


def _heard(event: str, arguments: tuple[object, ...]) -> None:
    """An audit hook, which Python never takes back: quick where nothing is noted."""
    if event != "open":
        return
    watching = (*_everywhere, *_here.get())
    if watching and isinstance(path := arguments[0], str | bytes):
        for noted in watching:
            noted.note(os.fsdecode(path))


def _inside(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip(os.sep) + os.sep)


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What a run opened of its benchmark's folder."""

    videos: int
    others: tuple[str, ...]
    """All else, by their way from the folder: nothing, if no annotations were read."""


def read_opened(folders: Sequence[Path]) -> Files | None:
    """What runs noted beside their logs; None where there are no notes."""
    found: set[str] = set()
    noted = False
    for folder in folders:
        for file in sorted(folder.glob(f"*{SUFFIX}")):
            for line in file.read_text(encoding="utf-8").splitlines():
                found.update(json.loads(line)["files"])
                noted = True
    videos = {name for name in found if Path(name).suffix.lower() in VIDEO_SUFFIXES}
    return Files(videos=len(videos), others=tuple(sorted(found - videos))) if noted else None
