"""Which files to index: explicit files as given, folders walked for media files."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from longtake.errors import MediaError

MEDIA_SUFFIXES = frozenset(
    ".3gp .aac .asf .avi .flac .flv .m2ts .m4a .m4v .mkv .mov .mp3 .mp4 .mpeg .mpg .mts .mxf .oga "
    ".ogg .ogv .opus .ts .vob .wav .webm .wma .wmv".split()
)
"""What a walk picks up. A file that is named explicitly is tried whatever it is called."""


class Found(NamedTuple):
    """A file to index, or the reason why there is none under that path."""

    path: Path
    error: MediaError | None = None


def discover(paths: Sequence[Path]) -> Iterator[Found]:
    """The files behind `paths` with absolute paths, each once, folders in name order.

    Links are followed; a folder that is its own ancestor is entered once. What cannot be read
    comes with its error, so that the rest of the batch goes on.
    """
    seen: set[Path] = set()
    for path in paths:
        for found in _expand(path.expanduser()):
            if found.path not in seen:
                seen.add(found.path)
                yield found


def _expand(path: Path) -> Iterator[Found]:
    if path.is_dir():
        yield from _walk(path.absolute(), entered=set())
    elif os.path.lexists(path):
        yield Found(path.absolute())
    else:
        yield Found(path, MediaError(f"{str(path)!r}: no such file or folder"))


def _walk(folder: Path, entered: set[Path]) -> Iterator[Found]:
    real = folder.resolve()
    if real in entered:
        return
    entered.add(real)
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as exc:
        yield Found(folder, MediaError(f"{str(folder)!r} cannot be listed: {exc.strerror}"))
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if _is_folder(entry):
            yield from _walk(Path(entry.path), entered)
        elif Path(entry.name).suffix.lower() in MEDIA_SUFFIXES:
            yield Found(Path(entry.path))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads round in a circle
        return False
