"""A conversation whose process is killed while a call is under way goes on: no reply that had come
is paid for again, and the lost call is charged once."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from longtake import Agent, Library
from tests.tools.vlm.fault_server import Handler, says, serving

CHILD = """
import sys
from longtake import Agent, Library
with Library.open(sys.argv[1]) as library:
    agent = Agent(library, vlm=sys.argv[2], policy=sys.argv[3])
    print(agent.ask_sync("When is the screen white?").run_id)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What a model says in a conversation of two turns."""

    policy: str
    first_words: str
    """In the last message of the first call."""
    first: str
    second_words: str
    """In the last message of the second call, which is lost the first time."""
    second: str
    calls: list[str]
    """Calls of the conversation in all, as the receipt names them."""


LOVE_ZOOM = Script(
    policy="love_zoom",
    first_words="small frames",
    first='{"action": "zoom", "from": 160, "to": 165, "video": "V2"}',
    second_words="Zoom into",
    second='{"action": "answer", "answer": "White.", "from": 163, "to": 166}',
    # the lost call was charged, so that the next is the answer's, from the tokens kept for it
    calls=["love_zoom 1", "love_zoom 2", "love_zoom 3"],
)
SPOTLIGHT = Script(
    policy="spotlight",
    first_words="Ask for nothing twice",
    first='{"thought": "late", "action": "choose", "from": 1200, "to": 1400, "video": "V2"}',
    second_words="These lie between frames 1200 and 1400",
    second='{"thought": "there", "action": "answer", "answer": "White.", "video": "V2", '
    '"from": 1310, "to": 1330}',
    # a turn costs little: the same call is made again
    calls=["spotlight 1", "spotlight 2", "spotlight 2"],
)


@pytest.mark.parametrize("script", [LOVE_ZOOM, SPOTLIGHT], ids=lambda script: script.policy)
def test_a_killed_run_goes_on_without_paying_twice(colours: Library, script: Script) -> None:
    calls: list[str] = []
    killed: list[int] = []

    def talking(*, kill: bool) -> Callable[[Handler, dict[str, Any]], None]:
        def behave(handler: Handler, body: dict[str, Any]) -> None:
            calls.append(json.dumps(body, sort_keys=True))
            words = json.dumps(body["messages"][-1]["content"])
            if script.second_words in words and kill:
                killed.append(len(calls))
                os.kill(child.pid, signal.SIGKILL)
                time.sleep(0.2)
            if script.second_words in words:
                text = script.second
            else:
                text = script.first if script.first_words in words else "no plan"
            says(text, usage=(200, 20))(handler, body)

        return behave

    with serving(talking(kill=True)) as server:
        address = f"{server.url}#Qwen2.5-VL-3B"
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(colours.root), address, script.policy]
        )
        assert child.wait(120) == -signal.SIGKILL
        (number,) = killed
        paid = calls[: number - 1]
        server.behaviours = [talking(kill=False)]
        agent = Agent(colours, vlm=address, policy=script.policy)
        (left,) = asyncio.run(agent.unfinished())
        answer = asyncio.run(agent.resume(left.run_id))
    assert paid and not set(paid) & set(calls[number:])
    assert answer.receipt is not None and answer.supported
    lines = answer.receipt.lines
    assert [line.estimated for line in lines].count(True) == 1
    assert [line.purpose for line in lines if line.node == script.policy] == script.calls
    assert len(lines) == len(calls)
    assert answer.receipt.spent <= answer.receipt.limit
