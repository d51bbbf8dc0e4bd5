"""The example lecture, indexed by real models, asked with the questions of the demo."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from longtake.agent.agent import Agent
from longtake.tools.library import Library

LECTURE = Path(__file__).resolve().parents[2] / "examples" / "lecture.json"
QUESTIONS: list[dict[str, Any]] = json.loads(LECTURE.read_text(encoding="utf-8"))["questions"]


@pytest.fixture(scope="module")
def agent(lecture_library: Path) -> Iterator[Agent]:
    with Library.open(lecture_library) as library:
        yield Agent(library, checkpoint=False)


@pytest.mark.parametrize(
    "item", [item for item in QUESTIONS if item["demo"]], ids=lambda item: item["answer"]
)
def test_the_demo_is_answered_with_moments_within_3_s(agent: Agent, item: dict[str, Any]) -> None:
    answer = agent.ask_sync(item["question"])
    assert not answer.abstained
    best = answer.evidence[0]
    assert best.lane == item["lane"]
    assert item["answer"] in (best.quote or "")
    assert abs(best.start - item["start"]) <= 3
    assert item["answer"] in answer.text


def test_what_the_lecture_does_not_say_is_mostly_not_answered(agent: Agent) -> None:
    unanswerable = [item["question"] for item in QUESTIONS if item["answer"] is None]
    answered = [question for question in unanswerable if not agent.ask_sync(question).abstained]
    assert len(unanswerable) == 5
    assert len(answered) <= 1
