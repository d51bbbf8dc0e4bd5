"""Vector files are whole or not there; the search cache always equals what the database names."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from longtake.errors import LibraryCorrupt, LibraryError
from longtake.index import vector_index
from longtake.index.lanes import F32, FrameVectors
from longtake.index.records import ClipVectors, SentenceVectors, VectorFileRecord, VectorMatch
from longtake.index.store import Store
from longtake.index.vector_index import VectorIndex, factory, open_index, unit_rows
from longtake.index.vectors import VectorFiles, model_folder

MODEL = "open_clip/ViT-B-32"
DIMENSION = 16


@pytest.fixture
def vectors(tmp_path: Path) -> VectorFiles:
    return VectorFiles(tmp_path)


def clustered(count: int, seed: int = 0) -> F32:
    """Near-duplicates in groups of ten, unit length."""
    rng = np.random.default_rng(seed)
    centres = np.repeat(rng.normal(size=(-(-count // 10), DIMENSION)), 10, axis=0)[:count]
    rows = centres + 0.2 * rng.normal(size=(count, DIMENSION))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def frames(rows: F32) -> FrameVectors:
    numbers = np.arange(len(rows), dtype=np.int32)
    return FrameVectors(
        times=numbers.astype(np.float64), rows=numbers, vectors=rows.astype(np.float16)
    )


def write(vectors: VectorFiles, sizes: list[int]) -> list[VectorFileRecord]:
    """One file of frames a video, `v0`, `v1`, ..."""
    files, first = [], 0
    for number, size in enumerate(sizes):
        data = frames(clustered(size, seed=number))
        files.append(vectors.write(f"v{number}", "frames", MODEL, data, first))
        first += size
    return files


def opened(vectors: VectorFiles, files: list[VectorFileRecord]) -> VectorIndex:
    return open_index(vectors, files, kind="frames", model=MODEL)


def by_hand(
    vectors: VectorFiles, files: list[VectorFileRecord], query: F32, k: int
) -> list[tuple[str, int]]:
    scored = [
        (-float(score), file.video_id, row)
        for file in files
        for row, score in enumerate(unit_rows(vectors.matrix(file)) @ query)
    ]
    return [(video, row) for _, video, row in sorted(scored)[:k]]


def places(matches: list[VectorMatch]) -> list[tuple[str, int]]:
    return [(match.video_id, match.row) for match in matches]


def test_files_come_back_as_they_were(vectors: VectorFiles) -> None:
    rows = clustered(3).astype(np.float16)
    starts, ends = np.array([0.0, 1.5, 2.0]), np.array([1.5, 2.0, 9.0])
    sentences = SentenceVectors(
        vectors=rows,
        lanes=np.array([0, 0, 1], np.uint8),
        positions=np.array([0, 1, 0], np.int32),
        starts=starts,
        ends=ends,
    )
    file = vectors.write("v", "sentences", MODEL, sentences, 7)
    assert (file.count, file.dimension, file.first_id) == (3, DIMENSION, 7)
    back = VectorFiles(vectors.root).load(file)
    assert isinstance(back, SentenceVectors)
    for name in ("vectors", "lanes", "positions", "starts", "ends"):
        np.testing.assert_array_equal(getattr(back, name), getattr(sentences, name))
        assert getattr(back, name).dtype == getattr(sentences, name).dtype
    assert [path.name for path in vectors.path(file).parent.iterdir()] == [
        f"v.sentences.{file.digest[:16]}.npz"
    ]


def test_same_content_has_the_same_digest(tmp_path: Path) -> None:
    files = [
        VectorFiles(tmp_path / name).write("v", "frames", MODEL, frames(clustered(5)), 0)
        for name in "ab"
    ]
    assert files[0] == files[1]
    other = VectorFiles(tmp_path / "a").write("v", "frames", MODEL, frames(clustered(5, 1)), 0)
    assert other.digest != files[0].digest


@pytest.mark.parametrize(
    ("times", "rows", "problem"),
    [
        ([0.0], [0, 1], "has 1 times for 2 rows"),
        ([0.0, 1.0], [0, 2], "has rows outside 0..1"),
        ([0.0, 1.0], [-1, 0], "has rows outside 0..1"),
    ],
)
def test_shapes_that_do_not_fit(
    vectors: VectorFiles, times: list[float], rows: list[int], problem: str
) -> None:
    data = FrameVectors(
        times=np.array(times),
        rows=np.array(rows, np.int32),
        vectors=np.eye(2, 4).astype(np.float16),
    )
    with pytest.raises(ValueError, match=problem):
        vectors.write("v", "frames", MODEL, data, 0)
    clips = ClipVectors(
        vectors=np.eye(2, 4).astype(np.float16), starts=np.zeros(2), ends=np.zeros(3)
    )
    with pytest.raises(ValueError, match=r"has lists of \[2, 3\] for 2 vectors"):
        vectors.write("v", "clips", MODEL, clips, 0)
    assert not vectors.folder.exists()


def test_damaged_files_say_which_and_what_to_do(vectors: VectorFiles) -> None:
    (file,) = write(vectors, [4])
    path = vectors.path(file)
    content = path.read_bytes()
    advice = "; run `longtake check --repair`, then index again"
    for damage, problem in ((content[:50], "was altered or truncated"), (None, "is missing")):
        if damage is None:
            path.unlink()
        else:
            path.write_bytes(damage)
        with pytest.raises(LibraryCorrupt) as caught:
            vectors.read(file)
        assert str(caught.value) == f"vector file {str(path)!r} {problem}{advice}"


def test_read_keeps_files_in_memory_and_they_cannot_be_changed(vectors: VectorFiles) -> None:
    (file,) = write(vectors, [4])
    first = vectors.read(file)
    assert vectors.read(file) is first
    with pytest.raises(ValueError, match="read-only"):
        first.vectors[0, 0] = 1


@given(st.text(max_size=80), st.text(max_size=80))
def test_model_folders_are_safe_and_different(one: str, other: str) -> None:
    one, other = (name.encode("utf-8", "replace").decode() for name in (one, other))
    folder = model_folder(one)
    assert folder not in (".", "..") and len(folder) <= 80
    assert all(char.isascii() and (char.isalnum() or char in ".-") for char in folder)
    assert (model_folder(other) == folder) == (one == other)


@given(st.integers(1, 10**9))
def test_index_type_follows_the_size(count: int) -> None:
    name = factory(count)
    assert name.startswith("IVF") == (count > 500_000)
    assert (name == "IDMap2,Flat") == (count <= 100_000)
    assert factory(1_000_000) == "IVF4096,SQ8"


def test_search_is_exact_and_filtered(vectors: VectorFiles) -> None:
    files = write(vectors, [30, 50, 20])
    index = opened(vectors, files)
    assert len(index) == 100
    queries = clustered(3, seed=1)
    for query, matches in zip(queries, index.search(queries * 5, 7), strict=True):
        assert places(matches) == by_hand(vectors, files, query, 7)
        assert matches[0].score <= 1.001
    (matches,) = index.search(queries[:1], 60, videos=["v0", "v2"])
    assert places(matches) == by_hand(vectors, [files[0], files[2]], queries[0], 50)
    assert index.search(queries[:1], 5, videos=["unknown"]) == [[]]
    assert index.search(queries[:1], 0) == [[]]
    assert len(index.search(queries[:1], 10**6)[0]) == 100


def test_queries_of_another_dimension(vectors: VectorFiles) -> None:
    index = opened(vectors, write(vectors, [3]))
    with pytest.raises(LibraryError) as caught:
        index.search(np.ones((1, 5), np.float32), 1)
    assert str(caught.value) == (
        f"queries of 5 dimensions cannot search frames of model {MODEL!r}, which have 16"
    )


def test_no_vectors_at_all(vectors: VectorFiles) -> None:
    index = opened(vectors, [])
    assert len(index) == 0
    assert index.search(np.ones((2, 5), np.float32), 3) == [[], []]
    assert not vectors.folder.exists()


@pytest.mark.parametrize("kind", ["IDMap2,Flat", "IDMap2,SQfp16", "IVF8,SQ8"])
def test_files_come_and_go(
    vectors: VectorFiles, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(vector_index, "factory", lambda count: kind)
    monkeypatch.setattr(vector_index, "PROBES", 8)
    builds: list[int] = []
    build = vector_index._build

    def counted(vectors: VectorFiles, files: Sequence[VectorFileRecord]) -> Any:
        builds.append(len(files))
        return build(vectors, files)

    monkeypatch.setattr(vector_index, "_build", counted)
    files = write(vectors, [200, 300, 100, 50])
    query = clustered(1, seed=3)
    for wanted in (files[:3], [files[0], files[2]], [files[0], *files[2:]], files):
        index = opened(vectors, wanted)
        (matches,) = index.search(query, 10)
        exact = by_hand(vectors, wanted, query[0], 10)
        if "SQ" in kind:
            assert len(set(places(matches)) & set(exact)) >= 8
        else:
            assert places(matches) == exact
        again = opened(VectorFiles(vectors.root), wanted)  # from the cache
        assert places(again.search(query, 10)[0]) == places(matches)
        (filtered,) = again.search(query, 3, videos=["v2"])
        assert {match.video_id for match in filtered} == {"v2"} and len(filtered) == 3
    assert builds == [3]


@pytest.mark.parametrize("damage", ["truncated", "garbage", "missing", "manifest"])
def test_damaged_cache_is_made_again(
    vectors: VectorFiles, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    files = write(vectors, [40, 10])
    query = clustered(1)
    expected = places(opened(vectors, files).search(query, 5)[0])
    index = vectors.model_path(MODEL) / "frames.faiss"
    size = index.stat().st_size
    if damage == "truncated":
        index.write_bytes(index.read_bytes()[: size // 2])
    elif damage == "garbage":
        index.write_bytes(b"\x7f" * size)
    elif damage == "missing":
        index.unlink()
    else:
        index.with_suffix(".json").write_text('{"size": ')
    with caplog.at_level(logging.WARNING):
        assert places(opened(vectors, files).search(query, 5)[0]) == expected
    assert bool(caplog.records) == (damage != "missing")
    assert index.stat().st_size == size
    caplog.clear()
    assert places(opened(vectors, files).search(query, 5)[0]) == expected
    assert caplog.records == []


def test_reader_without_the_cache_lock_searches_from_memory(vectors: VectorFiles) -> None:
    files = write(vectors, [40])
    cache = vectors.model_path(MODEL)
    with FileLock(cache / "frames.lock"):
        index = opened(vectors, files)
    assert len(index.search(clustered(1), 5)[0]) == 5
    assert not (cache / "frames.faiss").exists()


def test_missing_vector_file_is_told_when_the_index_needs_it(
    tmp_path: Path, fill_library: Callable[..., None]
) -> None:
    fill_library(tmp_path)
    (path,) = tmp_path.glob(f"vectors/*/{0:032x}.frames.*")
    path.unlink()
    with (
        Store.open(tmp_path) as store,
        pytest.raises(LibraryCorrupt, match=r"frames\..*\.npz' is missing; run `longtake check"),
    ):
        store.vector_index("frames", "some/model")
