"""What a model is told when what it asks for is not done as it asked."""

import json
from typing import Any

import pytest

from longtake import Agent, Library
from longtake.agent.replies import LookReply, ReflectReply
from longtake.tools.vlm.messages import Request, words_of
from tests.agent.seeing import Eyes

QUESTION = "When is the screen purple?"
HEAD = "Not done as asked: "


def told(
    library: Library, decision: dict[str, Any], closer: dict[str, Any] | None = None
) -> list[str]:
    """The line of each call that decides, empty where there is none. Nothing is ever seen."""

    def look(request: Request) -> str:
        seen = {"relevant": False, "claim": "nothing", "confidence": 0.1, "closer": closer}
        return json.dumps(seen)

    eyes = Eyes({ReflectReply: lambda r: json.dumps(decision), LookReply: look})
    answer = Agent(library, vlm=eyes, budget=40_000).ask_sync(QUESTION)
    assert answer.receipt is not None and answer.receipt.spent <= 40_000
    asked = [words_of(r.messages) for r in eyes.asked if r.schema is ReflectReply]
    assert len(asked) >= 2
    lines = [[ln for ln in words.splitlines() if ln.startswith(HEAD)] for words in asked]
    assert all(len(found) <= 1 for found in lines)
    return [found[0].removeprefix(HEAD) if found else "" for found in lines]


@pytest.mark.parametrize(
    ("decision", "reason"),
    [
        (
            {"action": "zoom", "video": "V2", "from": 5000, "to": 6000},
            "zoom: 5000.0-6000.0 s lies outside 0.0-184.0 s.",
        ),
        ({"action": "look", "video": "V9", "from": 1, "to": 2}, "look: there is no video of"),
        ({"action": "zoom", "video": "V2"}, 'zoom: it takes "from" and "to" in seconds.'),
        ({"action": "read", "video": "V2", "from": 1, "to": 9}, "read: there is nothing more to"),
        ({"action": "search", "query": " "}, "search: there are no new words to search for."),
        ({"action": "answer"}, "answer: nothing was seen that answers the question."),
    ],
)
def test_the_next_decision_is_told_why_the_last_was_refused(
    colours: Library, decision: dict[str, Any], reason: str
) -> None:
    first, *later = told(colours, decision)
    assert first == ""
    assert later and all(line.startswith(reason) for line in later)


def test_what_was_changed_is_told_once(colours: Library) -> None:
    """The same again was shown already."""
    lines = told(colours, {"action": "zoom", "video": "V2", "from": 170, "to": 1000})
    assert lines[1] == "zoom: cut to 170.0-184.0 s."
    assert set(lines[2:]) <= {"zoom: that was shown already."}


def test_a_wish_for_a_closer_look_that_cannot_be_met_is_told_of(colours: Library) -> None:
    search = {"action": "search", "query": " "}
    first, *_ = told(colours, search, closer={"from": 5000, "to": 6000})
    assert "a closer look in V" in first and "5000.0-6000.0 s lies outside" in first
    assert "search" not in first


def test_wishes_that_can_be_met_are_not_spoken_of(colours: Library) -> None:
    lines = told(colours, {"action": "look", "video": "V2", "from": 170, "to": 180})
    assert lines[:2] == ["", ""]
