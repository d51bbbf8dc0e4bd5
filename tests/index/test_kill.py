"""SIGKILL at any moment: the next run finishes, and the library equals an undisturbed one."""

import hashlib
import json
import multiprocessing
import random
import signal
import sqlite3
import time
from collections.abc import Iterator
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import av
import pytest

from longtake.index.check import check

KILLS = 30

# Runs in a process forked from one that has the libraries loaded; reports each event.
_INDEX = """
from longtake.config import Settings
from longtake.tools.library import Library
settings = Settings(offline=True, speech={"model": "tiny.en"}, visual={"model": clip})
with Library.open(library, settings, create=True) as lib:
    def tell(event):
        if event.kind != "progress":
            pipe.send(event.kind)
    report = lib.index([videos], progress=tell)
assert report.ok, report
"""
_PRELOAD = ["longtake.index.indexer", "longtake.tools.library", "faster_whisper", "openvino"]

_VOLATILE = {"added_at", "applied_at", "started_at", "finished_at"}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory, lecture: Path) -> Path:
    """Two pieces of the lecture, each with speech over a slide."""
    folder = tmp_path_factory.mktemp("videos")
    slides = json.loads(lecture.with_suffix(".json").read_text(encoding="utf-8"))["slides"]
    excerpt(lecture, slides[0]["start"], slides[0]["start"] + 9, folder / "a.mp4")
    excerpt(lecture, slides[-2]["start"], slides[-2]["start"] + 9, folder / "b.mp4")
    return folder


def excerpt(source: Path, start: float, end: float, target: Path) -> None:
    """Copy the packets between two times, from the key frame before `start` on."""
    with av.open(str(source)) as whole, av.open(str(target), "w") as out:
        streams = {s.index: out.add_stream_from_template(s) for s in whole.streams}
        whole.seek(int(start * av.time_base))
        for packet in whole.demux():
            if packet.dts is not None and packet.dts * packet.time_base < end:
                packet.stream = streams[packet.stream_index]
                out.mux(packet)


class Run:
    """One run of the indexer in a process of its own."""

    def __init__(self, context: Any, library: Path, videos: Path, clip: Path) -> None:
        self.pipe: Connection
        self.pipe, theirs = context.Pipe(duplex=False)
        names = {"library": library, "videos": videos, "clip": str(clip), "pipe": theirs}
        self.process = context.Process(target=exec, args=(_INDEX, names))
        self.process.start()
        theirs.close()

    def events(self) -> Iterator[str]:
        """Beginnings and ends of videos and ends of stages, as they happen."""
        while True:
            try:
                yield self.pipe.recv()
            except EOFError:
                return

    def finish(self) -> list[str]:
        events = list(self.events())
        self.process.join()
        assert self.process.exitcode == 0
        return events

    def kill(self, after: int, rng: random.Random) -> bool:
        """SIGKILL soon after that many events; false when the run was over before.

        After the beginning of a video that is somewhere in its decode pass, after a stage in the
        commits that follow.
        """
        seen = list(islice(self.events(), after))
        time.sleep(rng.uniform(0, 0.02 if seen[-1:] == ["stage"] else 2.0))
        self.process.kill()
        self.process.join()
        return bool(self.process.exitcode == -signal.SIGKILL)


def contents(library: Path) -> dict[str, Any]:
    """Every row of every table but times of day, and the digests of vectors and thumbnails."""
    with sqlite3.connect(f"file:{library / 'library.db'}?mode=ro", uri=True) as database:
        database.row_factory = sqlite3.Row
        names = [
            name
            for (name,) in database.execute("select name from sqlite_master where type = 'table'")
            if "_fts" not in name
        ]
        tables = {
            name: [steady(row) for row in database.execute(f"select * from {name} order by rowid")]
            for name in names
        }
    files = sorted([*library.rglob("*.npz"), *library.rglob("*.jpg")])
    assert files
    digests = {
        str(file.relative_to(library)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
    }
    return {**tables, "files": digests}


def steady(row: sqlite3.Row) -> dict[str, Any]:
    values = {key: row[key] for key in row.keys() if key not in _VOLATILE}  # noqa: SIM118
    if "stats" in values:
        stats = json.loads(values["stats"])
        values["stats"] = {k: v for k, v in stats.items() if not k.endswith("_s")}
    return values


@pytest.mark.timeout(1500)
def test_a_killed_index_is_finished_by_the_next_run(
    tmp_path: Path, videos: Path, clip_folder: Path
) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOAD)
    Run(context, tmp_path / "first", videos, clip_folder).finish()  # exports models once
    events = Run(context, tmp_path / "undisturbed", videos, clip_folder).finish()
    expected = contents(tmp_path / "undisturbed")
    assert [stage["state"] for stage in expected["stages"]] == ["done"] * 14
    rng = random.Random(2026)
    killed = finished = 0
    while killed < KILLS:
        library = tmp_path / f"killed-{finished}"
        for _ in range(rng.randint(1, 4)):  # kills in a row, before a run may finish
            run = Run(context, library, videos, clip_folder)
            killed += run.kill(rng.randrange(len(events) - 2), rng)
        Run(context, library, videos, clip_folder).finish()
        assert contents(library) == expected
        assert check(library) == []
        finished += 1
        assert finished <= KILLS
