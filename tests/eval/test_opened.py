"""Files of a benchmark that are opened while questions are answered: none is missed, none is
noted that does not count."""

import json
import os
import threading
from pathlib import Path

import pytest

from longtake.config import Settings
from longtake.eval.alarms import alarms
from longtake.eval.asking import Asked
from longtake.eval.libraries import Indexed
from longtake.eval.material import Material
from longtake.eval.opened import Files, opening, read_opened
from longtake.eval.samples import Sample
from longtake.eval.summary import summary
from longtake.eval.systems import SYSTEMS, System
from longtake.eval.watched import WatchedLibrary
from tests.eval.going import go
from tests.eval.test_results import record, result
from tests.eval.test_results import sample as plain
from tests.eval.world import reader


def test_what_python_opens_there_is_noted_however_it_is_named(tmp_path: Path) -> None:
    truth = tmp_path / "data" / "truth"
    truth.mkdir(parents=True)
    for name in ("a", "b", "c", "d", "e", "f"):
        (truth / name).write_text("x")
    (tmp_path / "other").write_text("x")
    (tmp_path / "link").symlink_to(truth / "d")
    (tmp_path / "data2").mkdir()
    (tmp_path / "data2" / "a").write_text("x")
    with opening(tmp_path / "data") as noted:
        (truth / "a").read_text()
        os.close(os.open(os.fsencode(truth / "b"), os.O_RDONLY))
        (truth / ".." / "truth" / "c").read_bytes()
        (tmp_path / "link").read_text()
        (tmp_path / "other").read_text()
        (tmp_path / "data2" / "a").read_text()
    (truth / "e").read_text()
    assert noted.files == {"truth/a", "truth/b", "truth/c", "truth/d"}


def test_results_that_lie_in_the_folder_are_not_its_files(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with opening(tmp_path, besides=[tmp_path / "out"]) as noted:
        (tmp_path / "out" / "log").write_text("x")
        (tmp_path / "out.txt").write_text("x")
    assert noted.files == {"out.txt"}


def test_only_the_whole_process_hears_of_threads_begun_before(tmp_path: Path) -> None:
    begin, done = threading.Event(), threading.Event()

    def elsewhere() -> None:
        begin.wait(10)
        (tmp_path / "file").write_text("x")
        done.set()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    with opening(tmp_path) as here, opening(tmp_path, everywhere=True) as process:
        begin.set()
        assert done.wait(10)
    thread.join()
    assert (here.files, process.files) == (set(), {"file"})


def test_an_honest_run_opens_videos_only(
    tmp_path: Path, indexed: Indexed, settings: Settings, samples: tuple[Sample, ...], world: Path
) -> None:
    log = go(tmp_path, indexed, settings, samples, "uniform", reader(), 2300, data=world)
    assert read_opened(log.folders) == Files(videos=3, others=())
    lines = (tmp_path / log.identity.run_id / "samples.opened.jsonl").read_text().splitlines()
    noted = [json.loads(line) for line in lines]
    assert {line["sample_id"]: line["files"] for line in noted[:-1]} == {
        f"{colour}-when": [f"{colour}.mp4"] for colour in ("green", "blue", "yellow")
    }
    assert noted[-1] == {"stage": "answer", "files": ["blue.mp4", "green.mp4", "yellow.mp4"]}


def test_a_system_that_reads_the_truth_is_told_on(
    tmp_path: Path,
    indexed: Indexed,
    settings: Settings,
    samples: tuple[Sample, ...],
    world: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def cheat(library: WatchedLibrary, asked: Asked, ids: dict[str, str]) -> Material:
        (world / "annotations.txt").read_text()
        return Material(videos=asked.videos, spans=asked.spans)

    monkeypatch.setitem(SYSTEMS, "blind", System(name="blind", line="cheats", gather=cheat))
    log = go(tmp_path, indexed, settings, samples[:1], "blind", reader(), 2300, data=world)
    assert read_opened(log.folders) == Files(videos=0, others=("annotations.txt",))
    made = result([plain("a1")], [record("a1", "A")], folders=log.folders)
    (said,) = alarms(made)
    assert said.startswith("1 files of the benchmark other than videos") and "annotations" in said
    assert summary(made).opened == Files(videos=0, others=("annotations.txt",))


def test_runs_without_notes_claim_nothing(tmp_path: Path) -> None:
    assert read_opened([tmp_path]) is None
