"""Moments that are counted to: when something is heard or written for the nth time."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from longtake import Agent, Library
from longtake.agent.candidates import candidates
from longtake.agent.context import Context
from longtake.agent.lines import lines
from longtake.agent.mentions import Counted, counted
from longtake.agent.plan import make_plan, perceived
from longtake.agent.retrieve import retrieve_rows
from longtake.agent.seeking import asked_of
from longtake.agent.state import State
from longtake.config import Settings, VisualSettings
from longtake.eval.haystack import models
from longtake.index.lanes import StageName
from longtake.index.store import Store
from longtake.timing import Span
from tests.agent.conftest import Fill
from tests.agent.seeing import Eyes
from tests.agent.talking import desk_for, opened
from tests.data.colours import SIGNAL, write_colours

ROOF = "Attention. The roof alarm has gone off."
ASKED = "Which room is on screen when the roof alarm is heard for the {} time?"


def line(lane: str, start: float, end: float, text: str) -> dict[str, Any]:
    return {"lane": lane, "start": start, "end": end, "text": text}


LINES = [
    line("speech", 10, 14, ROOF),
    line("speech", 30, 34, "Attention. The door alarm has gone off."),
    line("text", 48, 58, "K5"),
    line("speech", 50, 54, ROOF),
    line("text", 88, 99, "Budget"),
    line("speech", 90, 94, ROOF),
    line("text", 110, 120, "Budget"),
]


def library_of(fill: Fill, root: Any, *videos: str) -> Library:
    with Store.open(root, write=True, create=True) as store:
        for video in videos:
            fill(store, video, LINES)
    return Library.open(root, Settings(offline=True, library=root))


@pytest.fixture(scope="module")
def alarms(tmp_path_factory: pytest.TempPathFactory, fill: Fill) -> Iterator[Library]:
    with library_of(fill, tmp_path_factory.mktemp("alarms"), "a") as library:
        yield library


def asked(library: Library, question: str) -> State:
    state: State = {"question": question, "plan": make_plan(question)}
    return {**state, **retrieve_rows(library, state, Context())}


@pytest.mark.parametrize(
    ("question", "order", "nth"),
    [
        (ASKED.format("second"), "nth", 2),
        (ASKED.format("12th"), "nth", 12),
        ("When the roof alarm goes off for the seventh time, which room is shown?", "nth", 7),
        ("Which room is shown when the bell rings for the last time?", "last", None),
        ("What is shown after she says goodbye for the first time?", "first", None),
    ],
)
def test_the_moment_that_a_question_counts_to(question: str, order: str, nth: int | None) -> None:
    plan = make_plan(question)
    relation = plan["relation"]
    assert relation is not None
    assert (relation.get("order"), relation.get("nth")) == (order, nth)
    assert (plan["order"], plan["nth"]) == (None, None)


@pytest.mark.parametrize(
    ("clause", "subject"),
    [
        ("the roof alarm is heard for the second time", "the roof alarm"),
        ("the bell rings for the last time", "the bell"),
        ("the word tax is mentioned the third time", "the word tax"),
    ],
)
def test_what_is_perceived(clause: str, subject: str) -> None:
    assert perceived(clause) == subject


@pytest.mark.parametrize(
    ("question", "start"),
    [
        (ASKED.format("first"), 10),
        (ASKED.format("second"), 50),
        (ASKED.format("3rd"), 90),
        (ASKED.format("last"), 90),
        ("When the roof alarm goes off for the second time, which room is shown?", 50),
        ("Who speaks when Budget is written for the second time?", 110),
    ],
)
def test_it_is_found_by_counting_lines(alarms: Library, question: str, start: float) -> None:
    state = asked(alarms, question)
    anchor = state["anchor"]
    assert anchor is not None and anchor["rows"][0]["start"] == start
    others = [r for r in state["rows"] if r["text"] == ROOF and r["start"] != start]
    assert not others or "roof" not in question


def test_it_is_looked_at_and_told_first(alarms: Library) -> None:
    state = asked(alarms, ASKED.format("second"))
    best = max(candidates(alarms, state), key=lambda c: c.belief)
    assert best.span.overlap(Span(50, 54)) == 4
    asking = asked_of(state, "target")
    assert asking["question"] == "Which room is on screen when the roof alarm is heard?"
    with desk_for(alarms, Eyes(), "default", 4000) as desk:
        told = lines(desk, opened(desk, ASKED.format("second")))
    assert (told[0][1], told[0][0]["start"]) == (ROOF, 50)
    assert [citation["start"] for citation, text in told if text == ROOF] == [50]
    assert "K5" in [text for _, text in told]


def test_a_line_that_was_not_counted_to_is_not_told_first(alarms: Library) -> None:
    question = "Which room is on screen when the engine is heard for the second time?"
    anchor = asked(alarms, question)["anchor"]
    assert anchor is None or anchor["confidence"] < 0.5
    with desk_for(alarms, Eyes(), "default", 4000) as desk:
        told = lines(desk, opened(desk, question))
    assert all(citation["score"] < 1 for citation, _ in told)


@pytest.mark.parametrize(
    ("question", "start"),
    [
        ("When does the roof alarm go off for the second time?", 50),
        ("When is the roof alarm heard for the last time?", 90),
        ("When is the roof alarm first mentioned?", 10),
        ("When does the door alarm ring for the first time?", 30),
    ],
)
def test_a_question_may_count_by_itself(alarms: Library, question: str, start: float) -> None:
    answer = Agent(alarms).ask_sync(question)
    assert [piece.start for piece in answer.evidence] == [start]


def test_what_is_put_differently_each_time_is_not_counted(alarms: Library) -> None:
    question = "When is it said for the 5th time that attention the roof alarm has gone off?"
    assert asked(alarms, question)["absence"] is None


@pytest.mark.parametrize("vlm", [None, Eyes()])
def test_where_there_are_fewer_nothing_is_looked_at(alarms: Library, vlm: Eyes | None) -> None:
    answer = Agent(alarms, vlm=vlm).ask_sync(ASKED.format("fourth"))
    assert answer.abstained and answer.reason == "'the roof alarm' is heard 3 times, not 4"
    assert [lead.start for lead in answer.leads] == [10, 50, 90]
    assert answer.receipt is None or {line.node for line in answer.receipt.lines} == {"plan"}


def test_an_incomplete_transcript_denies_nothing(alarms: Library) -> None:
    state = asked(alarms, ASKED.format("fourth"))
    assert state["absence"] is not None
    half = {"speech": "searched 1 of 2 videos"}
    assert counted(alarms, state, half) == Counted()
    found = counted(alarms, asked(alarms, ASKED.format("third")), half).meant
    assert found is not None and found["start"] == 90


def test_over_several_videos_nothing_is_counted(
    tmp_path_factory: pytest.TempPathFactory, fill: Fill
) -> None:
    with library_of(fill, tmp_path_factory.mktemp("two"), "a", "b") as library:
        assert asked(library, ASKED.format("ninth"))["absence"] is None


@pytest.mark.parametrize(
    "question",
    [
        "Why does ice float when it is cold?",
        "Which room is on screen when the fire alarm is heard for the second time?",
        "What colour is the car when it turns left for the second time?",
    ],
)
def test_what_no_line_says_is_not_counted(alarms: Library, question: str) -> None:
    assert asked(alarms, question)["absence"] is None


def test_a_forecast_looks_at_nothing_where_there_are_fewer(alarms: Library) -> None:
    agent = Agent(alarms, vlm=Eyes())
    assert asyncio.run(agent.forecast(ASKED.format("third"))).views
    assert asyncio.run(agent.forecast(ASKED.format("fourth"))).views == ()


def test_a_question_that_counts_is_shown_more_clips(tmp_path: Path) -> None:
    files = [write_colours(tmp_path / "signal.mp4", SIGNAL)]
    given = VisualSettings(model=str(Path(models.__file__).parent / "encoder"))
    settings = Settings(offline=True, visual=given)
    with Library.open(tmp_path / "library", settings, create=True) as library:
        assert library.index(files, only={StageName.VISUAL}).ok
        once, often = (
            [row for row in asked(library, question)["rows"] if row["lane"] == "visual"]
            for question in ("When is the screen red?", "How many times is the screen red?")
        )
    assert len(once) == 3 and len(often) == 12
