"""longtake beside two peers that run on a laptop without a key: saccade-video and takeseek.

    python -m bench.peers [--times 5] [--rounds 3]

Same Whisper weights (tiny.en, CTranslate2), same two threads, same files: the example lecture and
the lecture played several times over. Rounds are interleaved. Beside speed: the word error rate of
the transcript, and for how many of the lecture's answerable questions a search for the question
finds, first or among the first three, a passage that holds the answer and lies within 3 s of it.
The peers are installed into `.venv-peers`.
"""

import argparse
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import jiwer
from rich.console import Console
from rich.table import Table

from bench.index import LECTURE, ROOT, repeat
from longtake import models
from longtake.config import Settings
from longtake.tools.library import Library

TRUTH = json.loads(LECTURE.with_suffix(".json").read_text(encoding="utf-8"))
ENVIRONMENT = {**os.environ, "SACCADE_OFFLINE": "1", "HF_HUB_OFFLINE": "1"}


class Passage(NamedTuple):
    """What a tool's search returned."""

    start: float
    end: float
    text: str


@dataclass(slots=True)
class Measured:
    """One run of an indexer."""

    wall: float
    cpu: float
    peak_mib: float


def run(command: list[str]) -> Measured:
    """Run a command and measure it with its children."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT, env=ENVIRONMENT
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with exit code {process.returncode}")
    wall = time.perf_counter() - began
    return Measured(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def peers_environment() -> Path:
    """Folder of the peers' commands, installed when missing."""
    folder = ROOT / ".venv-peers"
    if not folder.exists():
        venv.create(folder, with_pip=True)
        pip = [str(folder / "bin" / "pip"), "install", "-q", "saccade-video", "takeseek"]
        subprocess.run(pip, check=True)
    return folder / "bin"


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: its index command, its transcript and its search."""

    name: str
    command: Callable[[Path, Path], list[str]]
    """(work folder, video) -> command"""
    transcript: Callable[[Path, Path], str]
    search: Callable[[Path, Path, str], list[Passage]]
    words: str
    """What it reads."""


def saccade(bin_: Path, weights: str) -> Tool:
    """saccade-video, whose search matches any word and returns passages of about half a minute."""

    def call(work: Path, *arguments: str) -> str:
        command = [str(bin_ / "saccade"), "--cache-dir", str(work / "saccade"), "-q", *arguments]
        done = subprocess.run(
            [*command, "--model", weights],
            check=True, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT,
        )  # fmt: skip
        return done.stdout

    def transcript(work: Path, video: Path) -> str:
        return re.sub(r"\[[^]]*\]", "", call(work, "transcribe", str(video), "-f", "text"))

    def search(work: Path, video: Path, query: str) -> list[Passage]:
        found = json.loads(call(work, "search", str(video), query, "-n", "3", "--json"))["results"]
        return [Passage(hit["start"], hit["end"], hit["text"]) for hit in found]

    def command(work: Path, video: Path) -> list[str]:
        shutil.rmtree(work / "saccade", ignore_errors=True)
        options = ["index", str(video), "--model", weights, "--threads", "2"]
        return [str(bin_ / "saccade"), "--cache-dir", str(work / "saccade"), "-q", *options]

    return Tool("saccade-video", command, transcript, search, "speech, frames")


def takeseek(bin_: Path, weights: str) -> Tool:
    """takeseek, searched in its full text table with the question's words joined by OR."""

    def rows(work: Path, sql: str, *values: str) -> list[Passage]:
        with sqlite3.connect(work / "takeseek.db") as database:
            return [Passage(*row) for row in database.execute(sql, values)]

    def transcript(work: Path, video: Path) -> str:
        sql = "select start_time, end_time, text from transcript_segments order by start_time"
        return " ".join(passage.text for passage in rows(work, sql))

    def search(work: Path, video: Path, query: str) -> list[Passage]:
        sql = (
            "select s.start_time, s.end_time, s.text from transcript_fts f "
            "join transcript_segments s on s.id = f.rowid "
            "where transcript_fts match ? order by rank limit 3"
        )
        return rows(work, sql, " OR ".join(re.findall(r"\w+", query)))

    def command(work: Path, video: Path) -> list[str]:
        (work / "takeseek.db").unlink(missing_ok=True)
        options = [str(video), "--db", str(work / "takeseek.db"), "--whisper-model", weights]
        return [str(bin_ / "takeseek-index"), *options]

    return Tool("takeseek", command, transcript, search, "speech")


def longtake(lanes: str) -> Tool:
    """longtake, all lanes that have weights or speech alone."""
    only = ["--only", "speech"] if lanes == "speech" else []

    def transcript(work: Path, video: Path) -> str:
        with Library.open(work / f"longtake-{lanes}") as library:
            (record,) = library.videos()
            return " ".join(row.segment.text for row in library.segments(record.id))

    def search(work: Path, video: Path, query: str) -> list[Passage]:
        with Library.open(work / f"longtake-{lanes}", Settings(offline=True)) as library:
            hits = library.search(query, limit=3)
        return [Passage(hit.start, hit.end, hit.quote or "") for hit in hits]

    def command(work: Path, video: Path) -> list[str]:
        library = work / f"longtake-{lanes}"
        shutil.rmtree(library, ignore_errors=True)
        start = [sys.executable, "-m", "longtake", "--library", str(library)]
        settings = ["--set", "speech.model=tiny.en", "--set", "offline=true"]
        return [*start, "index", str(video), *settings, *only]

    words = "speech" if only else "speech, on-screen text, shots, thumbnails"
    return Tool(f"longtake, {lanes}", command, transcript, search, words)


def found(passage: Passage, question: dict[str, Any]) -> bool:
    """Whether a passage holds the answer at its moment."""
    near = passage.start - 3 <= question["end"] and passage.end + 3 >= question["start"]
    return near and question["answer"].lower() in passage.text.lower()


def word_error_rate(text: str) -> float:
    """Against what the lecture's voice was given to say; case and punctuation aside."""

    def plain(words: str) -> str:
        return re.sub(r"[^a-z0-9 ]", "", words.lower().replace("-", " "))

    truth = " ".join(sentence["text"] for sentence in TRUTH["sentences"])
    return float(jiwer.wer(plain(truth), plain(text)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--times", type=int, default=5, help="lectures in the longer video")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    weights = str(models.resolve("whisper-ct2", "tiny.en").path)
    bin_ = peers_environment()
    tools = [longtake("all"), longtake("speech"), saccade(bin_, weights), takeseek(bin_, weights)]
    questions = [question for question in TRUTH["questions"] if question["answer"]]
    grid = Table(
        "tool", "reads", "video", "wall s", "CPU s", "x real time", "MiB", "WER", "top 1", "top 3"
    )
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        longer = repeat(LECTURE, options.times, work / "longer.mp4")
        for video, rounds in ((LECTURE, options.rounds), (longer, 1)):
            runs: dict[str, list[Measured]] = {tool.name: [] for tool in tools}
            for _ in range(rounds):
                for tool in tools:
                    runs[tool.name].append(run(tool.command(work, video)))
                    print(f"   {tool.name} {video.name} {runs[tool.name][-1]}", file=sys.stderr)
            length = TRUTH["duration"] * (options.times if video is longer else 1)
            for tool in tools:
                wall = median(one.wall for one in runs[tool.name])
                cpu = median(one.cpu for one in runs[tool.name])
                peak = max(one.peak_mib for one in runs[tool.name])
                quality = ["", "", ""]
                if video is LECTURE:
                    hits = [
                        [
                            found(passage, question)
                            for passage in tool.search(work, video, question["question"])
                        ]
                        for question in questions
                    ]
                    quality = [
                        f"{word_error_rate(tool.transcript(work, video)):.3f}",
                        f"{sum(any(hit[:1]) for hit in hits)}/{len(hits)}",
                        f"{sum(any(hit) for hit in hits)}/{len(hits)}",
                    ]
                grid.add_row(
                    tool.name, tool.words, f"{length:.0f} s", f"{wall:.1f}", f"{cpu:.1f}",
                    f"{length / wall:.1f}", f"{peak:.0f}", *quality,
                )  # fmt: skip
    Console(width=150).print(grid)


if __name__ == "__main__":
    main()
