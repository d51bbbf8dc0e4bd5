"""Nearest-neighbour search over vector files (FAISS), with its index cached beside them.

The id of a vector is the `first_id` of its file plus its row. The cached index carries a manifest
of the files it holds; at every opening that is compared with the database, and files that came or
went are added or removed. A cache that cannot be read is made again, one that cannot be written is
kept in memory.
"""

import hashlib
import json
import logging
import math
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from longtake.errors import LibraryError
from longtake.index.lanes import F32
from longtake.index.records import VectorFileRecord, VectorKind, VectorMatch
from longtake.index.vectors import VectorFiles, write_whole

_log = logging.getLogger(__name__)

FLAT_UP_TO = 100_000
HALF_UP_TO = 500_000
TRAINING_PER_LIST = 40
PROBES = 16
"""Lists searched of an IVF index."""
_BLOCK = 65_536
_SEED = 7


def factory(count: int) -> str:
    """FAISS's name of the index for `count` vectors: exact while that is fast, then 8-bit lists."""
    if count <= FLAT_UP_TO:
        return "IDMap2,Flat"
    if count <= HALF_UP_TO:
        return "IDMap2,SQfp16"
    return f"IVF{2 ** round(math.log2(4 * math.sqrt(count)))},SQ8"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFiles:
    """Where the index of one kind and model is cached."""

    folder: Path
    kind: VectorKind

    @property
    def index(self) -> Path:
        return self.folder / f"{self.kind}.faiss"

    @property
    def manifest(self) -> Path:
        return self.folder / f"{self.kind}.json"

    @property
    def lock(self) -> Path:
        return self.folder / f"{self.kind}.lock"


class VectorIndex:
    """The vectors of one kind and model over all videos, searchable by cosine."""

    def __init__(
        self, index: Any, files: Sequence[VectorFileRecord], *, kind: VectorKind, model: str
    ) -> None:
        self._index = index
        self.files = tuple(sorted(files, key=lambda file: file.first_id))
        self._firsts = np.array([file.first_id for file in self.files], np.int64)
        self._kind = kind
        self._model = model

    def __len__(self) -> int:
        """How many vectors it holds."""
        return sum(file.count for file in self.files)

    def search(
        self, queries: F32, k: int, videos: Collection[str] | None = None
    ) -> list[list[VectorMatch]]:
        """The `k` nearest vectors of each query, best first; fewer when there are fewer.

        Args:
            queries: f32 [Q, D]; their length does not matter.
            videos: only vectors of these.

        Raises:
            LibraryError: if the queries are not of the indexed dimension.
        """
        if queries.ndim != 2:
            raise ValueError(f"queries must be [Q, D], got shape {queries.shape}")
        chosen = [file for file in self.files if videos is None or file.video_id in videos]
        available = sum(file.count for file in chosen)
        if not available or not len(queries) or k < 1:
            return [[] for _ in queries]
        if queries.shape[1] != self._index.d:
            raise LibraryError(
                f"queries of {queries.shape[1]} dimensions cannot search {self._kind} of model "
                f"{self._model!r}, which have {self._index.d}"
            )
        with _threads(1):  # more threads wait for each other longer than they help
            scores, ids = self._index.search(
                unit_rows(queries), min(k, available), params=self._parameters(chosen, available)
            )
        return [
            [
                self._match(int(id_), float(score))
                for id_, score in zip(*found, strict=True)
                if id_ >= 0
            ]
            for found in zip(ids, scores, strict=True)
        ]

    def _match(self, vector_id: int, score: float) -> VectorMatch:
        file = self.files[int(np.searchsorted(self._firsts, vector_id, side="right")) - 1]
        return VectorMatch(video_id=file.video_id, row=vector_id - file.first_id, score=score)

    def _parameters(self, chosen: Sequence[VectorFileRecord], available: int) -> Any:
        faiss = _faiss()

        selector = None
        if len(chosen) < len(self.files):
            last = self.files[-1]
            wanted = np.zeros(last.first_id + last.count, bool)
            for file in chosen:
                wanted[file.first_id : file.first_id + file.count] = True
            selector = faiss.IDSelectorBitmap(np.packbits(wanted, bitorder="little"))
        if not hasattr(self._index, "nlist"):
            return faiss.SearchParameters(sel=selector) if selector else None
        # a filter leaves fewer wanted vectors in each list, so more lists are searched
        probes = min(self._index.nlist, math.ceil(PROBES * len(self) / available))
        return faiss.SearchParametersIVF(sel=selector, nprobe=probes)


def unit_rows(vectors: Any) -> F32:
    """f32 copy with rows of length 1; rows of zeros stay."""
    rows: F32 = np.array(vectors, np.float32, order="C")
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    np.divide(rows, lengths, out=rows, where=lengths > 0)
    return rows


def open_index(
    vectors: VectorFiles, files: Sequence[VectorFileRecord], *, kind: VectorKind, model: str
) -> VectorIndex:
    """The index over exactly `files`, from the cache as far as that holds.

    Raises:
        LibraryCorrupt: if a vector file that has to be read is damaged.
    """
    if not files:
        return VectorIndex(None, files, kind=kind, model=model)
    cache = IndexFiles(folder=vectors.model_path(model), kind=kind)
    index = _cached(cache, files)
    if index is None:
        index = _refreshed(vectors, cache, files)
    return VectorIndex(index, files, kind=kind, model=model)


def _refreshed(vectors: VectorFiles, cache: IndexFiles, files: Sequence[VectorFileRecord]) -> Any:
    """Bring index and cache up to date; without the cache's lock, only an index in memory."""
    lock = FileLock(cache.lock)
    try:
        lock.acquire(timeout=0)
    except (Timeout, OSError) as exc:
        _log.info("%s is not written (%s); searching from memory", cache.index, exc)
        return _build(vectors, files)
    try:
        index = _updated(vectors, cache, files)
        if index is None:
            index = _build(vectors, files)
        try:
            _save(cache, index, files)
        except OSError as exc:
            _log.warning("%s cannot be written (%s); searching from memory", cache.index, exc)
        return index
    finally:
        lock.release()


def read_manifest(cache: IndexFiles) -> dict[str, Any] | None:
    """The manifest, if index and manifest are both there and of one writing."""
    try:
        manifest = json.loads(cache.manifest.read_bytes())
        if cache.index.stat().st_size == manifest["size"]:
            return dict(manifest)
        _log.warning("%s does not have the size it was written with; making it again", cache.index)
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, TypeError) as exc:
        _log.warning("%s cannot be used (%s); making it again", cache.manifest, exc)
    return None


def entries(files: Sequence[VectorFileRecord]) -> list[list[Any]]:
    """What a manifest says about the files it holds."""
    ordered = sorted(files, key=lambda file: file.first_id)
    return [[file.video_id, file.digest, file.first_id, file.count] for file in ordered]


def _cached(cache: IndexFiles, files: Sequence[VectorFileRecord]) -> Any | None:
    faiss = _faiss()

    manifest = read_manifest(cache)
    if manifest is None or manifest["entries"] != entries(files):
        return None
    # maps the file into memory: opening takes milliseconds whatever the size
    return _read(cache, sum(file.count for file in files), faiss.IO_FLAG_MMAP_IFC)


def _read(cache: IndexFiles, count: int, flags: int) -> Any | None:
    faiss = _faiss()

    try:
        index = faiss.read_index(str(cache.index), flags)
    except (RuntimeError, MemoryError) as exc:  # what FAISS raises for a damaged file
        reason = str(exc).strip().splitlines()[-1:]
        _log.warning("%s cannot be read (%s); making it again", cache.index, reason)
        return None
    if index.ntotal != count:
        _log.warning(
            "%s holds %d vectors, not %d; making it again", cache.index, index.ntotal, count
        )
        return None
    return index


def _updated(
    vectors: VectorFiles, cache: IndexFiles, files: Sequence[VectorFileRecord]
) -> Any | None:
    """The cached index with files removed and added, when that gives the index one would build."""
    faiss = _faiss()

    manifest = read_manifest(cache)
    if manifest is None or manifest["factory"] != factory(sum(file.count for file in files)):
        return None
    index = _read(cache, sum(count for *_, count in manifest["entries"]), 0)
    if index is None:
        return None
    wanted = {tuple(entry) for entry in entries(files)}
    held = {tuple(entry) for entry in manifest["entries"]}
    for _, _, first, count in sorted(held - wanted):
        index.remove_ids(faiss.IDSelectorRange(first, first + count))
    added = wanted - held
    new = [
        file for file in files if (file.video_id, file.digest, file.first_id, file.count) in added
    ]
    _add(index, vectors, new)
    return index


def _build(vectors: VectorFiles, files: Sequence[VectorFileRecord]) -> Any:
    faiss = _faiss()

    name = factory(sum(file.count for file in files))
    index = faiss.index_factory(files[0].dimension, name, faiss.METRIC_INNER_PRODUCT)
    if not index.is_trained:
        index.train(_sample(vectors, files, TRAINING_PER_LIST * index.nlist))
    _add(index, vectors, files)
    return index


def _add(index: Any, vectors: VectorFiles, files: Sequence[VectorFileRecord]) -> None:
    for file in sorted(files, key=lambda file: file.first_id):
        matrix = vectors.matrix(file)
        for start in range(0, file.count, _BLOCK):
            rows = unit_rows(matrix[start : start + _BLOCK])
            first = file.first_id + start
            index.add_with_ids(rows, np.arange(first, first + len(rows), dtype=np.int64))


def _sample(vectors: VectorFiles, files: Sequence[VectorFileRecord], size: int) -> F32:
    """At most about `size` vectors, evenly from all files."""
    generator = np.random.default_rng(_SEED)
    share = min(1.0, size / sum(file.count for file in files))
    parts = []
    for file in sorted(files, key=lambda file: file.first_id):
        rows = generator.choice(file.count, math.ceil(file.count * share), replace=False)
        parts.append(unit_rows(vectors.matrix(file)[np.sort(rows)]))
    return np.concatenate(parts)


def _save(cache: IndexFiles, index: Any, files: Sequence[VectorFileRecord]) -> None:
    faiss = _faiss()

    temporary = cache.index.with_name(f"{cache.index.name}.tmp")
    try:
        faiss.write_index(index, str(temporary))
    except RuntimeError as exc:  # what FAISS raises when it cannot write
        raise OSError(str(exc).strip().splitlines()[-1]) from exc
    with temporary.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
    temporary.replace(cache.index)
    manifest = {
        "factory": factory(sum(file.count for file in files)),
        "size": size,
        "digest": digest,
        "entries": entries(files),
    }
    write_whole(cache.manifest, json.dumps(manifest).encode())


def _faiss() -> Any:
    """The library, loaded when first needed; its own types do not know its Python additions."""
    import faiss

    return faiss


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """FAISS with so many threads, in this thread."""
    faiss = _faiss()

    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(count)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
