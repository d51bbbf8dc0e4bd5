"""Targets 10 and 11: vector search and full text at size, inserts through SQLAlchemy Core.

Vectors come in clusters of near-duplicates, as frames of a shot do; isotropic noise would flatter
every index. Words follow Zipf's law, so that stop words are as common as in speech.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from longtake.index.lanes import F32, FrameVectors, Segment, StageName, StageState
from longtake.index.records import StageRecord, VideoRecord
from longtake.index.store import Store
from longtake.index.vector_index import unit_rows

DIMENSION = 512
PER_SHOT = 20
PER_VIDEO = 10_000
SEGMENTS_PER_VIDEO = 1_000
WORDS_PER_SEGMENT = 14
VOCABULARY = 50_000
STOP_WORDS = "the of and a to in is you that it he was for on are as with his they i".split()
QUERIES = 200
MODEL = "bench/clusters"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only sizes of a tenth")
    quick = parser.parse_args().quick
    folder = Path(tempfile.mkdtemp(prefix="longtake-bench-"))
    try:
        vectors(folder / "flat", 100_000, limit_ms=20.0, recall_limit=None)
        if not quick:
            vectors(folder / "lists", 1_000_000, limit_ms=2.0, recall_limit=0.95)
        full_text(folder / "text", 100_000 if quick else 1_000_000)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def vectors(root: Path, count: int, *, limit_ms: float, recall_limit: float | None) -> None:
    """Single-query latency, opening time and, for lists, recall against exact search."""
    rng = np.random.default_rng(1)
    size = f"{count:,} vectors"
    with Store.open(root, write=True, create=True) as store:
        for number in range(count // PER_VIDEO):
            store.put_video(_video(number))
            data = FrameVectors(
                times=np.arange(PER_VIDEO, dtype=np.float64),
                rows=np.arange(PER_VIDEO, dtype=np.int32),
                vectors=_clusters(rng, PER_VIDEO).astype(np.float16),
            )
            store.commit(_stage(number, StageName.VISUAL), frames=data)
        began = time.process_time()
        store.vector_index("frames", MODEL)
        say(f"{size}: index built in {time.process_time() - began:.1f} CPU s")
    with Store.open(root) as store:
        store.vector_files()
        began = time.perf_counter()
        index = store.vector_index("frames", MODEL)
        opened = time.perf_counter() - began
        report("10", f"open index of {size}", opened * 1000, 50.0, "lower", "ms")
        queries = _near_frames(store, rng, count)
        index.search(queries[:1], 10)  # the first one reads the file
        took, waited = [], []
        found = []
        for query in queries:
            began, cpu_began = time.perf_counter(), time.thread_time()
            (matches,) = index.search(query[None], 10)
            took.append(time.thread_time() - cpu_began)
            waited.append(time.perf_counter() - began)
            found.append({(match.video_id, match.row) for match in matches})
        middle = (
            f"p50 {np.percentile(took, 50) * 1000:.2f} ms, {np.median(waited) * 1000:.2f} waited"
        )
        note = f"CPU, 1 thread, k=10, {DIMENSION}-d; {middle}"
        p95 = float(np.percentile(took, 95)) * 1000
        report("10", f"search p95 of {size}, CPU", p95, limit_ms, "lower", "ms", note)
        if recall_limit is not None:
            exact = _exact(store, queries)
            recall = float(np.mean([len(a & b) / 10 for a, b in zip(found, exact, strict=True)]))
            report("10", f"recall@10 of {size}", recall, recall_limit, "higher", "ratio")


def _clusters(rng: np.random.Generator, count: int) -> F32:
    """Shots of near-duplicates."""
    centres = rng.normal(size=(count // PER_SHOT, DIMENSION)).astype(np.float32)
    noise = rng.normal(size=(count, DIMENSION)).astype(np.float32)
    return unit_rows(np.repeat(centres, PER_SHOT, axis=0) + 0.3 * noise)


def _near_frames(store: Store, rng: np.random.Generator, count: int) -> F32:
    """Queries near a stored frame each."""
    files = store.vector_files()
    picked = []
    for row in rng.integers(0, count, QUERIES):
        matrix = store.files.read(files[row // PER_VIDEO]).vectors
        picked.append(matrix[row % PER_VIDEO].astype(np.float32))
    noise = rng.normal(size=(QUERIES, DIMENSION)).astype(np.float32)
    return unit_rows(np.stack(picked) + 0.3 * noise / np.sqrt(DIMENSION))


def _exact(store: Store, queries: F32) -> list[set[tuple[str, int]]]:
    """The true ten nearest of each query."""
    best: list[list[tuple[float, str, int]]] = [[] for _ in queries]
    for file in store.vector_files():
        scores = queries @ unit_rows(store.files.matrix(file)).T
        for position, row in enumerate(np.argpartition(-scores, 10, axis=1)[:, :10]):
            best[position] += [(float(scores[position, r]), file.video_id, int(r)) for r in row]
    return [{(video, row) for _, video, row in sorted(hits)[-10:]} for hits in best]


def full_text(root: Path, count: int) -> None:
    """Inserts a second, and the latency of questions as people type them."""
    rng = np.random.default_rng(2)
    vocabulary, weights = _vocabulary()
    took = cpu = 0.0
    with Store.open(root, write=True, create=True) as store:
        for number in range(count // SEGMENTS_PER_VIDEO):
            shape = (SEGMENTS_PER_VIDEO, WORDS_PER_SEGMENT)
            words = vocabulary[rng.choice(VOCABULARY, shape, p=weights)]
            segments = [
                Segment(start=3.0 * n, end=3.0 * n + 3, text=" ".join(row), confidence=0.9)
                for n, row in enumerate(words)
            ]
            store.put_video(_video(number))
            began, cpu_began = time.perf_counter(), time.process_time()
            store.commit(_stage(number, StageName.SPEECH), segments=segments)
            took += time.perf_counter() - began
            cpu += time.process_time() - cpu_began
    note = f"{count / cpu:,.0f} per CPU s; {SEGMENTS_PER_VIDEO} rows a transaction, with full text"
    report("11", "inserted segments", count / took, 50_000.0, "higher", "rows/s", note)
    with Store.open(root) as store:
        for name, videos in (("all videos", None), ("one video", [_video(7).id])):
            times = []
            for question in _questions(rng, vocabulary):
                began = time.perf_counter()
                store.search_text(question, lanes=["speech"], videos=videos, limit=20)
                times.append(time.perf_counter() - began)
            note = f"p50 {np.percentile(times, 50) * 1000:.1f} ms, max {max(times) * 1000:.0f} ms"
            p95 = float(np.percentile(times, 95)) * 1000
            what = f"question p95 over {count:,} segments, {name}"
            report("11", what, p95, 100.0, "lower", "ms", note)


def _vocabulary() -> tuple[np.ndarray, np.ndarray]:
    letters = np.array(list("bcdfghklmnprtvz"))
    vowels = np.array(list("aeiou"))
    rng = np.random.default_rng(3)
    made = dict.fromkeys(STOP_WORDS)
    while len(made) < VOCABULARY:
        syllables = rng.integers(2, 5)
        parts = zip(rng.choice(letters, syllables), rng.choice(vowels, syllables), strict=True)
        made["".join(a + b for a, b in parts)] = None
    weights = 1 / np.arange(1, VOCABULARY + 1)
    return np.array(list(made)), weights / weights.sum()


def _questions(rng: np.random.Generator, vocabulary: np.ndarray) -> Iterator[str]:
    """Stop words around two to five words, common and rare ones alike."""
    for _ in range(QUERIES):
        ranks = np.exp(rng.uniform(np.log(50), np.log(VOCABULARY), rng.integers(2, 6))).astype(int)
        words = [str(vocabulary[min(rank, VOCABULARY - 1)]) for rank in ranks]
        yield f"What does the speaker say about the {' and the '.join(words)} in this?"


def _video(number: int) -> VideoRecord:
    return VideoRecord(
        id=f"{number:032x}",
        path=Path(f"/videos/{number}.mp4"),
        size=1,
        mtime_ns=1,
        title=f"video {number}",
        duration=10_000.0,
        fps=None,
        width=None,
        height=None,
        video_codec=None,
        audio_codec=None,
        added_at=0.0,
    )


def _stage(number: int, name: StageName) -> StageRecord:
    return StageRecord(
        video_id=f"{number:032x}",
        name=name,
        state=StageState.DONE,
        engine="bench",
        model=MODEL,
        version="1",
        parameters="",
        started_at=0.0,
        finished_at=0.0,
        stats={},
    )


def report(
    target: str, name: str, measured: float, limit: float, better: str, unit: str, note: str = ""
) -> None:
    """One row of the bench table."""
    row = {"target": target, "name": name, "measured": round(measured, 3), "limit": limit}
    print(json.dumps({**row, "better": better, "unit": unit, "note": note}), flush=True)
    say(f"{name}: {measured:,.3f} {unit} (limit {limit:g}) {note}")


def say(line: str) -> None:
    """For people."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
