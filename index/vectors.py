"""Vector files: the embeddings of one video, one kind and one model, in one npz file each.

A file's name ends in the digest of its content. A new version therefore never replaces the one that
the database names; it lies beside it until the transaction that names it has committed, and
whatever no row names is swept later.
"""

import hashlib
import io
import os
import re
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtake.errors import LibraryCorrupt
from longtake.index.faults import writing_files
from longtake.index.lanes import F16, FrameVectors
from longtake.index.records import ClipVectors, SentenceVectors, VectorFileRecord, VectorKind

Vectors = FrameVectors | ClipVectors | SentenceVectors

VECTORS_FOLDER = "vectors"
_CACHE_BYTES = 256 << 20

_ARRAYS: dict[VectorKind, dict[str, type[np.generic]]] = {
    "frames": {"vectors": np.float16, "times": np.float64, "rows": np.int32},
    "clips": {"vectors": np.float16, "starts": np.float64, "ends": np.float64},
    "sentences": {
        "vectors": np.float16,
        "lanes": np.uint8,
        "positions": np.int32,
        "starts": np.float64,
        "ends": np.float64,
    },
}
_TYPES: dict[VectorKind, Callable[..., Vectors]] = {
    "frames": FrameVectors,
    "clips": ClipVectors,
    "sentences": SentenceVectors,
}


def model_folder(model: str) -> str:
    """Folder name of a model: readable, valid everywhere, different for different models."""
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", model).strip("-.")[:60]
    return f"{slug}-{hashlib.blake2b(model.encode(), digest_size=4).hexdigest()}"


class VectorFiles:
    """The vector files below a library's folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / VECTORS_FOLDER
        self._cache: OrderedDict[str, tuple[int, Vectors]] = OrderedDict()

    def model_path(self, model: str) -> Path:
        """Folder of one model's files."""
        return self.folder / model_folder(model)

    def path(self, file: VectorFileRecord) -> Path:
        """Where a file lies."""
        name = f"{file.video_id}.{file.kind}.{file.digest[:16]}.npz"
        return self.model_path(file.model) / name

    def write(
        self, video_id: str, kind: VectorKind, model: str, vectors: Vectors, first_id: int
    ) -> VectorFileRecord:
        """Write a file so that it is on the disk, whole, under its name when this returns.

        Raises:
            LibraryError: if the disk is full or the folder cannot be written.
            ValueError: if shapes do not fit together.
        """
        arrays = {
            name: np.ascontiguousarray(getattr(vectors, name), dtype)
            for name, dtype in _ARRAYS[kind].items()
        }
        if problem := _misfit(kind, arrays):
            raise ValueError(f"{kind} vectors of {video_id!r}: {problem}")
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        content = buffer.getbuffer()
        count, dimension = arrays["vectors"].shape
        file = VectorFileRecord(
            video_id=video_id,
            kind=kind,
            model=model,
            dimension=dimension,
            count=count,
            first_id=first_id,
            digest=hashlib.sha256(content).hexdigest(),
        )
        path = self.path(file)
        with writing_files(self.root):
            if not path.parent.is_dir():
                path.parent.mkdir(parents=True)
                sync_folder(self.folder)
                sync_folder(self.root)
            write_whole(path, content)
        return file

    def read(self, file: VectorFileRecord) -> Vectors:
        """The content of a file; recently read files are kept in memory.

        Raises:
            LibraryCorrupt: if it is missing, truncated, altered or not of the recorded shape.
        """
        if file.digest in self._cache:
            self._cache.move_to_end(file.digest)
            return self._cache[file.digest][1]
        vectors = self.load(file)
        size = sum(getattr(vectors, name).nbytes for name in _ARRAYS[file.kind])
        self._cache[file.digest] = (size, vectors)
        while sum(kept for kept, _ in self._cache.values()) > _CACHE_BYTES and len(self._cache) > 1:
            self._cache.popitem(last=False)
        return vectors

    def load(self, file: VectorFileRecord) -> Vectors:
        """`read`, always from the disk."""
        path = self.path(file)
        try:
            content = path.read_bytes()
        except FileNotFoundError as exc:
            raise damaged(path, "is missing") from exc
        except OSError as exc:
            raise damaged(path, f"cannot be read: {exc.strerror}") from exc
        if hashlib.sha256(content).hexdigest() != file.digest:
            raise damaged(path, "was altered or truncated")
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in _ARRAYS[file.kind]}
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as exc:
            raise damaged(path, f"is not a vector file: {exc}") from exc
        if problem := _misfit(file.kind, arrays):
            raise damaged(path, problem)
        if arrays["vectors"].shape != (file.count, file.dimension):
            found = " x ".join(map(str, arrays["vectors"].shape))
            raise damaged(path, f"holds {found} values, not {file.count} x {file.dimension}")
        for array in arrays.values():
            array.flags.writeable = False  # they are shared through the cache
        return _TYPES[file.kind](**arrays)

    def matrix(self, file: VectorFileRecord) -> F16:
        """[count, dimension] of a file, not kept in memory."""
        return self.load(file).vectors

    def orphans(self, files: Iterable[VectorFileRecord]) -> list[Path]:
        """Files in the folder that neither `files` nor their search caches account for."""
        known: dict[Path, set[str]] = {}
        for file in files:
            path = self.path(file)
            known.setdefault(path.parent, set()).add(path.name)
        found: list[Path] = []
        for folder in sorted(self.folder.glob("*")):
            names = known.get(folder)
            for path in sorted(folder.iterdir()) if folder.is_dir() else [folder]:
                cache = names is not None and ".npz" not in path.suffixes
                if not cache and path.name not in (names or ()):
                    found.append(path)
        return found

    def sweep(self, files: Iterable[VectorFileRecord]) -> list[Path]:
        """Delete the orphans, and folders that are empty then; returns what was deleted."""
        orphans = self.orphans(files)
        with writing_files(self.root):
            for path in orphans:
                path.unlink(missing_ok=True)
            for folder in {path.parent for path in orphans} - {self.folder}:
                if not any(folder.iterdir()):
                    folder.rmdir()
        return orphans


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """Write a file so that it is there whole or not at all, whatever happens."""
    temporary = path.with_name(f"{path.name}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Flush a folder's names to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def damaged(path: Path, problem: str) -> LibraryCorrupt:
    return LibraryCorrupt(
        f"vector file {str(path)!r} {problem}; run `longtake check --repair`, then index again"
    )


def _misfit(kind: VectorKind, arrays: dict[str, NDArray[Any]]) -> str | None:
    """What is wrong with the arrays' types and shapes."""
    for name, dtype in _ARRAYS[kind].items():
        array = arrays[name]
        if array.dtype != dtype or array.ndim != (2 if name == "vectors" else 1):
            return f"has {name} of type {array.dtype} and shape {array.shape}"
    count = len(arrays["vectors"])
    lengths = {name: len(array) for name, array in arrays.items() if name != "vectors"}
    if kind == "frames":
        rows = arrays["rows"]
        if lengths["times"] != lengths["rows"]:
            return f"has {lengths['times']} times for {lengths['rows']} rows"
        if len(rows) and not (rows.min() >= 0 and rows.max() < count):
            return f"has rows outside 0..{count - 1}"
    elif any(length != count for length in lengths.values()):
        return f"has lists of {sorted({*lengths.values()})} for {count} vectors"
    return None
