"""What goes into a library comes out of it, whole or not at all, on good disks and bad ones."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from longtake.errors import LibraryCorrupt, LibraryError, LibraryMissing, UsageError
from longtake.index.check import check
from longtake.index.lanes import Box, Cue, FrameVectors, Segment, StageName, StageState, Word
from longtake.index.records import KnownPath, StageRecord, VideoRecord
from longtake.index.store import Store
from longtake.timing import Span

V0, V1 = f"{0:032x}", f"{1:032x}"
Fill = Callable[..., None]
ROWS = ("shots", "clips", "segments", "cues", "stages", "vector_files")


@pytest.fixture
def root(tmp_path: Path, fill_library: Fill) -> Path:
    fill_library(tmp_path / "library")
    return tmp_path / "library"


def stage(name: StageName, video_id: str = V0, **changes: Any) -> StageRecord:
    record = StageRecord(
        video_id=video_id,
        name=name,
        state=StageState.DONE,
        engine="engine",
        model="some/model",
        version="1.0",
        parameters="hash",
        started_at=1.0,
        finished_at=2.0,
        stats={},
    )
    return replace(record, **changes)


def dump(root: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table except times of day."""
    connection = sqlite3.connect(f"file:{root / 'library.db'}?mode=ro", uri=True)
    names = [
        row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
    ]
    content = {
        name: sorted(connection.execute(f"SELECT * FROM {name}").fetchall(), key=repr)
        for name in names
        if name not in ("schema_version", "videos", "video_paths")
    }
    connection.close()
    return content


def test_everything_comes_back(root: Path) -> None:
    with Store.open(root) as store:
        video = store.video(V0)
        assert video == VideoRecord(
            id=V0,
            path=root.parent / "video 0.mp4",
            size=9,
            mtime_ns=5,
            title="video 0",
            duration=20.0,
            fps=25.0,
            width=160,
            height=120,
            video_codec="h264",
            audio_codec=None,
            added_at=1.0,
            notes=("odd",),
        )
        assert store.known_paths()[str(video.path)] == KnownPath(video_id=V0, size=9, mtime_ns=5)
        assert store.paths(V0) == [video.path]
        assert store.stages()[V0, StageName.SPEECH] == stage(StageName.SPEECH, stats={"count": 2})
        assert store.stages(V1) == {
            key: record for key, record in store.stages().items() if key[0] == V1
        }
        assert [(s.position, s.span) for s in store.shots(V1)] == [
            (0, Span(0, 12)),
            (1, Span(12, 20)),
        ]
        assert [(c.id, c.position, c.shot, c.span) for c in store.clips(V1)] == [
            (3, 0, 0, Span(0, 12)),
            (4, 1, 1, Span(12, 20)),
        ]
        first, second = store.segments(V1)
        assert first.segment == Segment(
            start=1,
            end=3,
            text="The wolves ran 1 miles",
            confidence=0.9,
            language="en",
            words=(Word(start=1.0, end=1.5, text="wolves", probability=0.5),),
        )
        assert store.segment(second.id) == second
        (cue,) = store.cues(V0)
        assert cue.cue.box == Box(0, 0, 0.5, 0.25)
        assert store.cue(cue.id) == cue
        assert store.segments(V0, Span(3, 13)) == []
        assert [s.segment.start for s in store.segments(V0, Span(2.9, 13.1))] == [1.0, 13.0]
        assert store.cues(V0, Span(8, 9)) == [cue]
        frames = store.frame_vectors(V0, "some/model")
        assert frames is not None and frames.rows.tolist() == [0, 1, 1, 2, 3, 3]
        assert store.frame_vectors(V0, "another model") is None
        clips = store.clip_vectors(V0)
        assert clips is not None and clips.ends.tolist() == [12.0, 20.0]
        sentences = store.sentence_vectors(V1)
        assert sentences is not None and sentences.lanes.tolist() == [0, 0, 1]
        assert store.counts() == {
            "videos": 2,
            "shots": 4,
            "clips": 4,
            "segments": 4,
            "cues": 2,
            "runs": 0,
            "frame_vectors": 8,
            "clip_vectors": 4,
            "sentence_vectors": 6,
        }


@pytest.mark.parametrize(
    "text", ["nul \0 byte", "lone \ud800 surrogate", "\U0001f40d 'quotes\"; --\n"]
)
def test_any_text_can_be_stored(root: Path, text: str) -> None:
    with Store.open(root, write=True) as store:
        store.commit(
            stage(StageName.SPEECH),
            segments=[Segment(start=0, end=1, text=text, confidence=1.0)],
        )
        kept = store.segments(V0)[0].segment.text
    assert kept == text.replace("\0", "\ufffd").replace("\ud800", "?")


def test_names_that_are_not_text_are_refused(root: Path) -> None:
    path = Path(os.fsdecode(b"/videos/\xff.mp4"))
    with Store.open(root, write=True) as store, pytest.raises(UsageError) as caught:
        store.put_path(path, V0, 1, 1)
    assert str(caught.value) == f"file name is not valid UTF-8: {path!r}; rename the file"


def test_videos_are_found_by_what_people_type(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store.open(root, write=True) as store:
        video = replace(
            store.video(V0), id="abcdef" + V0[6:], title="Lecture", path=root / "Lecture.mp4"
        )
        store.put_video(video)
        store.put_path(root.parent / "copy.mp4", video.id, 9, 5)
        monkeypatch.chdir(root.parent)
        for key in (video.id, "abcd", "ABCDEF", "Lecture", "Lecture.mp4", "copy.mp4"):
            assert store.video(key) == video
        for key, message in (
            ("abc", "no video 'abc' in the library; there is 'Lecture', 'video 0', 'video 1'"),
            ("lectures", "no video 'lectures' in the library; there is 'Lecture'"),
            (
                "0000",
                "'0000' names 2 videos: 'video 0' (00000000), 'video 1' (00000000); use the id",
            ),
        ):
            with pytest.raises(UsageError) as caught:
                store.video(key)
            assert str(caught.value) == message
    with (
        Store.open(root / "empty", write=True, create=True) as store,
        pytest.raises(UsageError, match="no video 'x': the library is empty"),
    ):
        store.video("x")


def test_put_video_keeps_when_it_was_added(root: Path) -> None:
    with Store.open(root, write=True) as store:
        store.put_video(replace(store.video(V0), added_at=99.0, title="new"))
        assert (store.video(V0).title, store.video(V0).added_at) == ("new", 1.0)
        assert len(store.segments(V0)) == 2


def test_a_path_that_shows_other_content_moves(root: Path) -> None:
    with Store.open(root, write=True) as store:
        store.put_path(root.parent / "video 0.mp4", V1, 10, 6)
        assert store.paths(V0) == []
        assert len(store.paths(V1)) == 2
        store.forget_path(root.parent / "video 0.mp4")
        assert store.paths(V1) == [root.parent / "video 1.mp4"]


def test_a_commit_replaces_all_of_its_stage_and_nothing_else(root: Path) -> None:
    before = dump(root)
    with Store.open(root, write=True) as store:
        failed = stage(StageName.SPEECH, state=StageState.FAILED, reason="no engine")
        store.commit(failed, duration=20.05, notes=["shorter"])
        assert store.segments(V0) == []
        assert store.stages()[V0, StageName.SPEECH] == failed
        assert (store.video(V0).duration, store.video(V0).notes) == (20.05, ("shorter",))
        store.commit(stage(StageName.VISUAL, state=StageState.SKIPPED, reason="no weights"))
        assert store.frame_vectors(V0) is None
    after = dump(root)
    changed = {name for name in before if before[name] != after[name]}
    assert {name for name in changed if name in ROWS} == {
        "segments",
        "stages",
        "vector_files",
    }
    assert len(list(root.glob("vectors/*/*.frames.*.npz"))) == 1
    assert [f.kind for f in check(root)] == []


def test_rows_of_a_video_are_one_range_of_ids(root: Path) -> None:
    many = [Segment(start=n, end=n + 1, text=f"number {n}", confidence=1.0) for n in range(12_000)]
    with Store.open(root, write=True) as store:
        store.commit(stage(StageName.SPEECH), segments=many)
        ids = [row.id for row in store.segments(V0)]
        assert ids == list(range(5, 12_005))
        assert [row.segment for row in store.segments(V0)] == many
        (hit,) = store.search_text("number 11999", lanes=["speech"], limit=1)
        assert hit.start == 11999


def test_two_libraries_of_the_same_results_are_equal(tmp_path: Path, fill_library: Fill) -> None:
    for name in "ab":
        fill_library(tmp_path / name)
    fill_library(tmp_path / "b")  # committing again changes nothing but ids
    fill_library(tmp_path / "c")
    fill_library(tmp_path / "c")
    assert dump(tmp_path / "b") == dump(tmp_path / "c")
    names = [sorted(path.name for path in (tmp_path / x).rglob("*.npz")) for x in "abc"]
    assert names[0] == names[1] == names[2]


def test_stages_cannot_write_what_is_not_theirs(root: Path) -> None:
    before = dump(root)
    with (
        Store.open(root, write=True) as store,
        pytest.raises(ValueError, match=r"stage text cannot write \['segments'\]"),
    ):
        store.commit(stage(StageName.TEXT), segments=[])
    assert dump(root) == before


def test_vectors_of_a_changed_model_are_refused(root: Path) -> None:
    before = dump(root)
    other = FrameVectors(
        times=np.zeros(1), rows=np.zeros(1, np.int32), vectors=np.ones((1, 5), np.float16)
    )
    with Store.open(root, write=True) as store:
        with pytest.raises(LibraryError) as caught:
            store.commit(stage(StageName.VISUAL), frames=other)
        assert str(caught.value) == (
            "model 'some/model' made frames of 5 dimensions, those in the library have 8: "
            "its weights changed; give the new ones another name"
        )
        assert dump(root) == before
        store.commit(stage(StageName.VISUAL, model="other/model"), frames=other)
        assert len(store.vector_index("frames", "other/model")) == 1
        assert len(store.vector_index("frames", "some/model")) == 4


def test_remove_leaves_nothing(root: Path) -> None:
    with Store.open(root, write=True) as store:
        store.remove(V0)
        store.remove(V1)
    content = dump(root)
    assert all(content[name] == [] for name in ROWS)
    assert list(root.rglob("*.npz")) == []
    assert check(root) == []


def test_runs_are_kept_also_by_a_reader_beside_a_writer(root: Path) -> None:
    with Store.open(root, write=True), Store.open(root) as reader:
        for number in range(3):
            reader.save_run(
                f"r{number}",
                asked_at=float(number),
                question="why?",
                answer={"text": "because"},
                ledger={"spent": number},
                trace=[number],
            )
        assert [run.id for run in reader.runs(2)] == ["r2", "r1"]
        assert reader.run("r1").ledger == {"spent": 1}
        with pytest.raises(UsageError, match="no row 'r9' in runs"):
            reader.run("r9")


def test_reader_cannot_write(root: Path) -> None:
    with Store.open(root) as store, pytest.raises(LibraryError) as caught:
        store.remove(V0)
    assert str(caught.value) == f"library {str(root)!r} is open for reading only"


def test_missing_library(tmp_path: Path) -> None:
    for write in (False, True):
        with pytest.raises(LibraryMissing) as caught:
            Store.open(tmp_path / "none", write=write)
        expected = f"no library in {str(tmp_path / 'none')!r}; make one with `longtake index`"
        assert str(caught.value) == expected
    assert not (tmp_path / "none").exists()


def test_reader_sees_whole_transactions_while_a_writer_writes(root: Path) -> None:
    with Store.open(root, write=True) as writer, Store.open(root) as reader:
        with writer.database.writing() as connection:
            connection.exec_driver_sql("DELETE FROM segments WHERE video_id=?", (V0,))
            assert len(reader.segments(V0)) == 2
            with reader.database.reading() as snapshot:
                count = "SELECT count(*) FROM segments"
                assert snapshot.exec_driver_sql(count).scalar_one() == 4
        assert reader.segments(V0) == []


_WRITE_FOREVER = """
import sys
from dataclasses import replace
from pathlib import Path
import numpy as np
from longtake.index.lanes import FrameVectors, Segment, StageName, StageState
from longtake.index.records import StageRecord
from longtake.index.store import Store
root = Path(sys.argv[1])
base = StageRecord(
    video_id="0" * 32, name=StageName.SPEECH, state=StageState.DONE, engine="", model="some/model",
    version="", parameters="", started_at=0, finished_at=0, stats={})
with Store.open(root, write=True) as store:
    print("open", flush=True)
    n = 0
    while True:
        n += 1
        segments = [Segment(start=0, end=1, text=f"round {n}", confidence=1.0)] * 500
        store.commit(replace(base, parameters=str(n)), segments=segments)
        frames = FrameVectors(times=np.zeros(n % 7 + 1), rows=np.zeros(n % 7 + 1, np.int32),
                              vectors=np.full((1, 8), n, np.float16))
        store.commit(replace(base, name=StageName.VISUAL, parameters=str(n)), frames=frames)
        print(n, flush=True)
"""


@pytest.mark.parametrize("seed", range(6))
def test_kill_at_any_moment_leaves_whole_stages(root: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    command = [sys.executable, "-c", _WRITE_FOREVER, str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, b"")
        for _ in range(int(rng.integers(2, 12))):
            last = next(lines)
        time.sleep(float(rng.uniform(0, 0.03)))
        process.send_signal(signal.SIGKILL)
    acknowledged = 0 if last == b"open\n" else int(last)
    with Store.open(root, write=True) as store:
        stages = store.stages()
        segments = store.segments(V0)
        spoken = stages[V0, StageName.SPEECH].parameters
        assert int(spoken if spoken != "hash" else 0) >= acknowledged
        assert {row.segment.text for row in segments} == {f"round {spoken}"}
        assert len(segments) == 500
        frames = store.frame_vectors(V0)
        assert frames is not None
        assert frames.vectors[0, 0] == int(stages[V0, StageName.VISUAL].parameters)
        assert len(store.search_text(f"round {spoken}", lanes=["speech"], limit=600)) == 500
    assert check(root) == []


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Path]:
    """A mount, or a skipped test where this user may not make one."""
    done = subprocess.run(["mount", *options, str(folder)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("needs the right to mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_full_disk(tmp_path: Path, fill_library: Fill) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with mounted(disk, "-t", "tmpfs", "-o", "size=2m", "tmpfs"):
        root = disk / "library"
        fill_library(root)
        before = dump(root)
        rows = np.random.default_rng(0).normal(size=(200_000, 8)).astype(np.float16)
        frames = FrameVectors(
            times=np.arange(200_000.0), rows=np.zeros(200_000, np.int32), vectors=rows
        )
        speech = [Segment(start=0, end=1, text="x" * 1000, confidence=1.0)] * 4000
        expected = (
            f"no space left for library {str(root)!r}; free some and index again, "
            "finished stages are kept"
        )
        with Store.open(root, write=True) as store:
            for name, data in (
                (StageName.VISUAL, {"frames": frames}),
                (StageName.SPEECH, {"segments": speech}),
            ):
                with pytest.raises(LibraryError) as caught:
                    store.commit(stage(name), **data)
                assert str(caught.value) == expected
                assert dump(root) == before
            assert len(store.segments(V0)) == 2
        assert check(root) == []


@pytest.mark.parametrize("log_left", [False, True], ids=["closed", "killed"])
def test_read_only_disk(root: Path, log_left: bool) -> None:
    if log_left:  # what a killed writer leaves: its last commits are only in the log
        copy = root.with_name("killed")
        with Store.open(root, write=True) as store:
            store.commit(
                stage(StageName.TEXT),
                cues=[Cue(start=0, end=1, text="logged", box=Box(0, 0, 1, 1), confidence=1.0)],
            )
            shutil.copytree(root, copy)
        (copy / "library.db-shm").unlink()
        assert (copy / "library.db-wal").stat().st_size > 0
        root = copy
    with mounted(root, "--bind", str(root)):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(root)], check=True)
        with Store.open(root) as store:
            assert [video.title for video in store.videos()] == ["video 0", "video 1"]
            expected = "logged" if log_left else "Gradient descent"
            assert store.cues(V0)[0].cue.text == expected
            assert len(store.vector_index("frames", "some/model")) == 8
            with pytest.raises(
                LibraryError, match=r"^cannot open the database .*; check its permissions$"
            ):
                store.save_run("r", asked_at=0, question="q", answer={}, ledger={}, trace=[])
        assert check(root) == []
        with pytest.raises(LibraryError) as caught:
            Store.open(root, write=True)
        assert str(caught.value) == f"cannot write to library {str(root)!r}: Read-only file system"


_READ_AS_NOBODY = """
import os, sys
from pathlib import Path
from longtake.index.store import Store
from longtake.errors import LibraryError
os.setgid(65534); os.setuid(65534)
with Store.open(Path(sys.argv[1])) as store:
    print(len(store.videos()))
try:
    Store.open(Path(sys.argv[1]), write=True)
except LibraryError as error:
    print(error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_folder_without_write_permission(fill_library: Fill) -> None:
    base = Path("/var/tmp") / f"longtake-test-{os.getpid()}"
    root = base / "library"
    try:
        base.mkdir(mode=0o755)
        fill_library(root)
        done = subprocess.run(
            [sys.executable, "-c", _READ_AS_NOBODY, str(root)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.splitlines() == [
            "2",
            f"cannot write to library {str(root)!r}: Permission denied",
        ], done.stderr
    finally:
        shutil.rmtree(base)


@pytest.mark.parametrize("keep", [0.5, 0.1])
def test_truncated_database(root: Path, keep: float) -> None:
    path = root / "library.db"
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    for write in (False, True):
        with pytest.raises(LibraryCorrupt) as caught, Store.open(root, write=write) as store:
            (
                store.segments(V0),
                store.stages(),
                store.search_text("wolves", lanes=["speech"], limit=5),
            )
        assert str(caught.value) == (
            f"the database of library {str(root)!r} is damaged (database disk image is malformed); "
            "delete 'library.db' there and index again: everything in it comes from the videos"
        )


def test_leftovers_are_swept_by_the_next_writer(root: Path) -> None:
    (folder,) = (root / "vectors").iterdir()
    (folder / "half.npz.tmp").write_bytes(b"x")
    (folder / f"{V0}.frames.0123456789abcdef.npz").write_bytes(b"x")
    with Store.open(root):
        assert len(list(folder.iterdir())) == 8
    with Store.open(root, write=True):
        assert len(list(folder.iterdir())) == 6
    assert check(root) == []
