"""The commands that show runs, and the live view, through the real program."""

import fcntl
import json
import logging
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from longtake import Library, Settings
from longtake.agent.desk import JOURNAL
from longtake.cli import _log_handler, app
from longtake.index.lanes import StageName
from longtake.tools.vlm.journal import Journal
from tests.data.colours import write_colours
from tests.test_replay import Parsed
from tests.tools.vlm.fault_server import Handler, Server, says, serving

QUESTION = "When is the screen green?"
MODEL = "Qwen2.5-VL-3B"
EVIL = "green\u001b[31m <b>light</b>"


def sees(wait_s: float = 0.0) -> Any:
    """A model that finds green in every view, and cites it."""

    def behave(handler: Handler, body: dict[str, Any]) -> None:
        words = json.dumps(body["messages"][-1]["content"])
        reply: dict[str, Any] = {"sub_queries": [{"text": QUESTION, "lanes": ["visual"]}]}
        if "Frames of video" in words:
            time.sleep(wait_s)
            reply = {"relevant": True, "claim": EVIL, "from": 5, "to": 8, "confidence": 0.9}
        elif "Evidence, [label" in words:
            evidence = [{"label": "E1", "from": 5, "to": 8}]
            reply = {"answer": EVIL, "confidence": 0.9, "evidence": evidence}
        elif "Decide the next step" in words:
            reply = {"enough": True, "action": "answer", "why": "seen"}
        says(json.dumps(reply), usage=(200, 20))(handler, body)

    return behave


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(sees()) as made:
        yield made


@pytest.fixture(scope="module", autouse=True)
def no_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A working folder and a user without settings."""
    empty = tmp_path_factory.mktemp("empty")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(empty)
        patch.setenv("XDG_CONFIG_HOME", str(empty))
        patch.setenv("LONGTAKE_OFFLINE", "true")
        yield


class Done:
    """What a command did."""

    def __init__(self, library: Path, *arguments: str) -> None:
        result = CliRunner().invoke(app, ["--library", str(library), *arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        self.code, self.out, self.err = result.exit_code, result.stdout, result.stderr

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def ask_args(server: Server, *more: str) -> list[str]:
    return ["ask", QUESTION, "--vlm", f"{server.url}#{MODEL}", "--budget", "9000", *more]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Empty of runs; one video of 12 s, green from 5 to 8."""
    place = tmp_path_factory.mktemp("runs")
    stretches = [("red", 5.0), ("green", 3.0), ("blue", 4.0)]
    write_colours(place / "light.mp4", stretches, width=128, height=72, fps=4)
    with Library.open(place / "library", Settings(offline=True), create=True) as opened:
        assert opened.index([place / "light.mp4"], only={StageName.SHOTS}).ok
    return place / "library"


@pytest.fixture(scope="module")
def asked(library: Path, server: Server) -> tuple[Done, dict[str, Any]]:
    """The question asked twice: what the first time printed, and the second time's document."""
    assert Done(library, "runs").err == (
        "no question was asked yet; ask one with: longtake ask QUESTION\n"
    )
    assert Done(library, "show-run").code == 2
    return Done(library, *ask_args(server)), Done(library, *ask_args(server, "--json")).json


Asked = tuple[Done, dict[str, Any]]


def test_without_a_terminal_the_output_is_clean(asked: Asked) -> None:
    done = asked[0]
    assert done.code == 0
    assert "\x1b" not in done.out + done.err
    assert done.out.startswith("green\\x1b[31m <b>light</b> (seen at 0:05.")
    assert re.fullmatch(r"\d+ of 9000 tokens; run [0-9a-f]{8}\n", done.err.splitlines(True)[-1])
    assert "looking" not in done.err


def test_runs_are_listed_newest_first(library: Path, asked: Asked) -> None:
    first, second = Done(library, "runs").out.splitlines()[1:]
    assert first.startswith(asked[1]["run_id"][:8])
    for line in (first, second):
        assert "looked" in line and QUESTION in line and " of 9,000" in line
        assert "\\x1b[31m" in line and "\x1b" not in line
    assert len(Done(library, "runs", "--limit", "1").out.splitlines()) == 2
    listed = Done(library, "runs", "--json").json
    assert [run["question"] for run in listed["runs"]] == [QUESTION] * 2
    assert listed["runs"][0]["id"] == asked[1]["run_id"]
    assert (listed["runs"][0]["limit"], listed["unfinished"]) == (9000, [])


def test_a_run_is_shown_by_id_by_its_beginning_and_the_last_by_none(
    library: Path, asked: Asked
) -> None:
    run_id = asked[1]["run_id"]
    whole = Done(library, "show-run", run_id).out
    assert whole == Done(library, "show-run", run_id[:8]).out == Done(library, "show-run").out
    assert whole == Done(library, "show-run", run_id[:8].upper()).out
    assert whole.startswith(f"{QUESTION}\n")
    for line in (r"Plan .*by the", r"Round 1 .*1 view", r"L1 light 0:", r"saw .*green\\x1b\[31m"):
        assert re.search(line, whole), line
    assert "citations that hold: 1" in whole
    assert "budget: " in whole and "\x1b" not in whole


def test_a_beginning_that_several_have_names_them(library: Path, asked: Asked) -> None:
    ids = [run["id"] for run in Done(library, "runs", "--json").json["runs"]]
    with Library.open(library) as opened:
        known = opened.store.run(ids[0])
        twins = [ids[0][:20] + end * 12 for end in "ab"]
        for twin in twins:
            opened.store.save_run(
                twin, asked_at=0.0, question="twin", answer=known.answer, ledger=known.ledger,
                trace=known.trace,
            )  # fmt: skip
    done = Done(library, "show-run", ids[0][:20])
    assert (done.code, done.out) == (2, "")
    assert f"{ids[0][:20]!r} names 3 runs: " in done.err
    told = done.err.partition("runs: ")[2].partition("; write")[0].split(", ")
    assert {run_id for run_id in (*twins, ids[0]) if any(run_id.startswith(t) for t in told)} == {
        *twins, ids[0],
    }  # fmt: skip
    assert len(set(told)) == 3, "they can be told apart"
    assert Done(library, "show-run", told[0]).code == 0


@pytest.mark.parametrize("key", ["nothing-like-it", "abc", "", "%", "*"])
def test_an_unknown_run_is_an_error_with_what_to_do(library: Path, asked: Asked, key: str) -> None:
    done = Done(library, "show-run", key)
    assert (done.code, done.out) == (2, "")
    assert "longtake runs lists them" in done.err


def test_a_run_as_a_page_and_as_json(library: Path, asked: Asked, tmp_path: Path) -> None:
    target = tmp_path / "run.html"
    run_id = asked[1]["run_id"]
    done = Done(library, "show-run", run_id, "--html", str(target))
    assert (done.code, done.out) == (0, "")
    assert done.err == f"page written to {target}\n"
    parsed = Parsed(target.read_text(encoding="utf-8"))
    assert QUESTION in parsed.words
    assert parsed.named("img") and len(parsed.named("script")) == 2
    document = Done(library, "show-run", run_id, "--json").json
    assert (document["schema"], document["id"]) == ("longtake.run/1", run_id)
    assert document["receipt"]["limit"] == 9000
    assert [event["event"] for event in document["trace"]][-1] == "verified"
    nowhere = Done(library, "show-run", run_id, "--html", str(tmp_path / "no" / "run.html"))
    assert nowhere.code == 1 and "cannot write" in nowhere.err


# In a terminal


def in_terminal(command: list[str], *, columns: int = 100) -> tuple[str, str]:
    """Stdout, which is a pipe, and all that was written to stderr, which is a terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=environment)
    os.close(theirs)
    written = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the terminal is closed
            break
        if not piece:
            break
        written += piece
    os.close(ours)
    assert process.stdout is not None
    out = process.stdout.read().decode()
    process.stdout.close()
    assert process.wait(60) == 0, written
    return out, written.decode()


def test_the_live_view_shows_what_is_looked_at_and_what_is_left(library: Path) -> None:
    """And nothing of it stays when the answer comes."""
    with serving(sees(0.5)) as server:
        arguments = ["--library", str(library), *ask_args(server, "--set", "vlm.cache=false")]
        out, err = in_terminal([sys.executable, "-m", "longtake", *arguments])
    assert "\x1b" not in out
    assert out.startswith("green\\x1b[31m <b>light</b> (seen at")
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", err)
    for said in (
        r"plan +\"When is the screen green\"",
        r"round 1: seen 0 of \d views?",
        r"L1 light 0:0\d\S+ +an overview",
        r"\+ L1 light \S+ +0:05\S* green\\x1b\[31m",
        r"next +answer now",
        r"tokens +\S+ +[\d,]+ of 9,000, [\d,]+ left",
    ):
        assert re.search(said, shown), said
    tokens = [
        (int(spent.replace(",", "")), int(left.replace(",", "")))
        for spent, left in re.findall(r"([\d,]+) of 9,000, ([\d,]+) left", shown)
    ]
    spent = [item[0] for item in tokens]
    assert spent == sorted(spent) and spent[0] < spent[-1]
    assert all(sum(item) <= 9000 for item in tokens), "what is reserved is not left"
    last = err.rsplit("\x1b[2K", 1)[-1]
    assert re.search(r"\d+ of 9000 tokens; run [0-9a-f]{8}", last)


# Calls that are kept


def age(path: Path, days: float) -> None:
    import sqlite3

    db = sqlite3.connect(path, isolation_level=None)
    db.execute(
        "UPDATE calls SET sent_at = sent_at - ?, replied_at = replied_at - ?", (days * 86_400,) * 2
    )
    db.close()


def test_old_calls_are_dropped_and_answers_stay(library: Path, asked: Asked) -> None:
    path = library / JOURNAL
    assert Done(library, "prune", "--calls-days", "0", "--calls-mb", "0").out == (
        "nothing to remove\n"
    ), "runs of the last hour may be going on"
    age(path, 91)
    journal = Journal.open(path)
    calls = sum(len(journal.calls(run_id)) for run_id in journal.last_active())
    journal.close()
    size = path.stat().st_size
    dropped = Done(library, "prune", "--json").json["calls"]
    assert dropped["dropped"] == calls and dropped["runs"] >= 2 and dropped["size_bytes"] > 0
    assert path.stat().st_size <= size
    assert Done(library, "prune").out == "nothing to remove\n"
    assert Done(library, "show-run", asked[1]["run_id"]).code == 0


def test_the_log_cannot_command_the_terminal() -> None:
    record = logging.makeLogRecord({"name": "longtake", "msg": "a\x1b[31m\nb\u202e\r"})
    assert _log_handler().format(record) == "longtake: a\\x1b[31m\nb\\u202e\\r"
