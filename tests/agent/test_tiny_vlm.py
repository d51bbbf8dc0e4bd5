"""The whole loop with a real model, trained to see colours (tests/data/tiny_vlm): on this machine
and behind a server."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from longtake import Agent, Library
from longtake.agent.answer import Answer


@pytest.fixture
def library(colours_library: Path) -> Iterator[Library]:
    for name in ("calls.db", "checkpoints.db"):
        for file in colours_library.glob(f"{name}*"):
            file.unlink()
    with Library.open(colours_library) as opened:
        yield opened


def exact(answer: Answer, budget: int) -> None:
    """The receipt is within the budget, and every price was what the model read."""
    assert answer.receipt is not None
    assert answer.receipt.spent <= budget
    assert sum(line.charged for line in answer.receipt.lines) == answer.receipt.spent
    for line in answer.receipt.lines:
        assert line.exact and not line.estimated
        assert line.input == line.planned_visual + line.planned_text
        assert line.output is not None and line.output <= line.planned_output


@pytest.mark.parametrize("where", ["tiny_vlm", "served_vlm"])
def test_the_loop_runs_with_an_exact_receipt(
    library: Library, where: str, request: pytest.FixtureRequest
) -> None:
    model = str(request.getfixturevalue(where))
    answer = Agent(library, vlm=model, budget=6000).ask_sync("When is the screen green?")
    assert answer.mode == "looked" and answer.receipt is not None
    assert "look" in {line.node for line in answer.receipt.lines}
    exact(answer, 6000)


CHILD = """
import asyncio, os, signal, sys
from longtake import Agent, Library

async def go(agent):
    async for event in agent.stream("When is the screen green?"):
        if event.kind == "reflected":
            os.kill(os.getpid(), signal.SIGKILL)

with Library.open(sys.argv[1]) as library:
    asyncio.run(go(Agent(library, vlm=sys.argv[2], budget=6000)))
"""


def test_a_run_killed_between_calls_goes_on_without_paying_twice(
    library: Library, tiny_vlm: Path
) -> None:
    command = [sys.executable, "-c", CHILD, str(library.root), str(tiny_vlm)]
    assert subprocess.run(command, timeout=120).returncode == -signal.SIGKILL
    agent = Agent(library, vlm=str(tiny_vlm), budget=6000)
    (left,) = asyncio.run(agent.unfinished())
    resumed = asyncio.run(agent.resume(left.run_id))
    exact(resumed, 6000)
    assert resumed.receipt is not None
    assert not any(line.replayed for line in resumed.receipt.lines)
    whole = agent.ask_sync("When is the screen green?")
    assert whole.receipt is not None
    # every call of the whole run was made, and paid for, once
    assert all(line.replayed for line in whole.receipt.lines)
    assert sorted(line.purpose for line in whole.receipt.lines) == sorted(
        line.purpose for line in resumed.receipt.lines
    )
    assert whole.receipt.spent == resumed.receipt.spent
    assert whole.evidence == resumed.evidence and whole.text == resumed.text
