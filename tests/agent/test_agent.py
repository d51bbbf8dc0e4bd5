"""Agent: ask, stream, resume after a kill, record; usable where nothing can be written."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from longtake.agent.agent import Agent, Event
from longtake.agent.checkpoints import CHECKPOINTS
from longtake.config import Settings
from longtake.errors import LibraryError, UsageError
from longtake.index.store import Store
from longtake.timing import Span
from longtake.tools.library import Library

QUESTION = "How many hives does Ingrid look after?"
ANSWER = "My name is Ingrid, and I look after fourteen hives at the edge of the forest."

KILLED = """
import os, signal, sys
from pathlib import Path
import longtake.agent.graph as graph
from longtake.agent.agent import Agent
from longtake.agent.checkpoints import CHECKPOINTS
from longtake.config import Settings
from longtake.tools.library import Library

def die(state, runtime):
    os.kill(os.getpid(), signal.SIGKILL)

graph.answer = die
with Library.open(Path(sys.argv[1]), Settings(offline=True)) as library:
    Agent(library).ask_sync(sys.argv[2])
"""


@pytest.fixture
def bees(tmp_path: Path, fill: Any, data: dict[str, Any]) -> Iterator[Library]:
    """One video in a library of its own."""
    with Store.open(tmp_path, write=True, create=True) as store:
        fill(store, data["beekeeping"]["title"], data["beekeeping"]["lines"])
    with Library.open(tmp_path, Settings(offline=True)) as library:
        yield library


def test_ask_records_the_run(bees: Library) -> None:
    answer = Agent(bees).ask_sync(QUESTION)
    assert answer.evidence[0].quote == ANSWER
    assert answer.notes == ()
    run = bees.store.run(answer.run_id)
    assert run.question == QUESTION
    assert run.answer == answer.to_dict()
    assert [event["event"] for event in run.trace] == [
        "planned",
        "retrieved",
        "drafted",
        "verified",
    ]


def test_asking_works_while_another_process_writes(bees: Library) -> None:
    with Store.open(bees.root, write=True):
        assert Agent(bees).ask_sync(QUESTION).notes == ()


def test_finished_runs_leave_no_checkpoint(bees: Library) -> None:
    agent = Agent(bees)
    agent.ask_sync(QUESTION)
    assert asyncio.run(agent.unfinished()) == []


def test_stream_ends_with_the_answer(bees: Library) -> None:
    async def collect() -> list[Event]:
        return [event async for event in Agent(bees).stream(QUESTION)]

    events = asyncio.run(collect())
    assert [e.kind for e in events] == ["planned", "retrieved", "drafted", "verified", "answer"]
    assert events[0].data["queries"] == [QUESTION.rstrip("?")]
    assert events[-1].answer is not None
    assert len({e.run_id for e in events}) == 1


def test_ask_sync_inside_a_running_loop(bees: Library) -> None:
    async def inside() -> str:
        return Agent(bees).ask_sync(QUESTION).text

    assert "fourteen" in asyncio.run(inside())


def test_a_killed_run_resumes(bees: Library) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(bees.root), QUESTION], check=False)
    killed_at = time.time()
    assert done.returncode == -signal.SIGKILL
    agent = Agent(bees)
    (left,) = asyncio.run(agent.unfinished())
    assert left.question == QUESTION
    answer = asyncio.run(agent.resume(left.run_id))
    assert answer.evidence[0].quote == ANSWER
    assert answer.run_id == left.run_id
    # plan and retrieve ran in the killed process and are not run again
    trace = bees.store.run(answer.run_id).trace
    assert [event["event"] for event in trace] == ["planned", "retrieved", "drafted", "verified"]
    assert trace[1]["at"] < killed_at < trace[2]["at"]
    assert asyncio.run(agent.unfinished()) == []


def test_resuming_an_unknown_run_is_refused(bees: Library) -> None:
    with pytest.raises(UsageError, match="no unfinished run 'abc'"):
        asyncio.run(Agent(bees).resume("abc"))


def test_answers_where_checkpoints_cannot_be_written(bees: Library) -> None:
    (bees.root / CHECKPOINTS).mkdir()
    answer = Agent(bees).ask_sync(QUESTION)
    assert answer.evidence[0].quote == ANSWER
    assert "could not be resumed" in answer.notes[0]


def test_answers_where_runs_cannot_be_recorded(
    bees: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise LibraryError("the library is read-only")

    monkeypatch.setattr(bees.store, "save_run", refuse)
    answer = Agent(bees).ask_sync(QUESTION)
    assert answer.evidence[0].quote == ANSWER
    assert answer.notes == ("this run is not recorded: the library is read-only",)


def test_without_checkpoints(bees: Library) -> None:
    assert Agent(bees, checkpoint=False).ask_sync(QUESTION).notes == ()
    assert not (bees.root / CHECKPOINTS).exists()


def test_two_questions_at_once(bees: Library) -> None:
    async def both() -> list[str]:
        agent = Agent(bees)
        answers = await asyncio.gather(
            agent.ask(QUESTION), agent.ask("How many jars were filled this year?")
        )
        return [answer.text for answer in answers]

    first, second = asyncio.run(both())
    assert "fourteen" in first
    assert "ninety" in second


def test_filters_and_keys(bees: Library) -> None:
    agent = Agent(bees)
    assert not agent.ask_sync(QUESTION, videos=["A year with bees"], between=Span(0, 10)).abstained
    with pytest.raises(UsageError):
        agent.ask_sync(QUESTION, videos=["no such video"])


@pytest.mark.parametrize(
    ("question", "options", "message"),
    [
        ("  ", None, "empty"),
        (QUESTION, ["one"], "at least two"),
        (QUESTION, ["one", "one"], "at least two"),
    ],
    ids=["empty", "one option", "equal options"],
)
def test_wrong_requests_are_refused(
    bees: Library, question: str, options: list[str] | None, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        Agent(bees).ask_sync(question, options)


def test_without_sentence_vectors_words_answer(
    tmp_path: Path, fill: Any, data: dict[str, Any]
) -> None:
    item = data["beekeeping"]
    with Store.open(tmp_path, write=True, create=True) as store:
        fill(store, item["title"], item["lines"], vectors=False)
    with Library.open(tmp_path, Settings(offline=True)) as library:
        answer = Agent(library).ask_sync(QUESTION)
    assert answer.evidence[0].quote == ANSWER
    assert answer.searched.lanes["speech"].startswith("searched; by words only")


def test_an_empty_library_is_said(tmp_path: Path) -> None:
    Store.open(tmp_path, write=True, create=True).close()
    with Library.open(tmp_path, Settings(offline=True)) as library:
        answer = Agent(library).ask_sync(QUESTION)
    assert answer.abstained
    assert answer.searched.lanes["speech"] == "nothing to search: no videos"


def test_asking_imports_no_torch(bees: Library) -> None:
    Agent(bees).ask_sync(QUESTION)  # exports the sentence encoder if this machine has not yet
    code = (
        "import sys; from pathlib import Path\n"
        "from longtake import Agent, Library, Settings\n"
        "with Library.open(Path(sys.argv[1]), Settings(offline=True)) as library:\n"
        "    Agent(library).ask_sync(sys.argv[2])\n"
        "print([m for m in ('torch', 'transformers', 'sentence_transformers') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(bees.root), QUESTION],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    assert done.stdout.strip() == "[]"
    assert threading.active_count() < 50
