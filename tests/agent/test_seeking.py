"""Relations in time and order among pictures: nothing is said or written in these videos."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from longtake import Agent, Library, Settings
from longtake.agent.answer import Answer
from longtake.agent.plan import make_plan
from longtake.agent.planner import merged
from longtake.agent.replies import LookReply, PlanReply
from longtake.agent.seeking import asked_of, beside, decided_after, in_order, part_of
from longtake.agent.sightings import sightings
from longtake.agent.state import Observation, Part, State, View
from longtake.index.lanes import StageName
from longtake.timing import Span
from longtake.tools.vlm.messages import Request
from tests.agent.seeing import Eyes, asked_colour, look_at_colours
from tests.data.colours import write_colours


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """green at 40-46, blue at 46-60; yellow at 20-24, 70-74 and 100-104."""
    place = tmp_path_factory.mktemp("order")
    stretches = [
        ("red", 20.0),
        ("yellow", 4.0),
        ("red", 16.0),
        ("green", 6.0),
        ("blue", 14.0),
        ("red", 10.0),
        ("yellow", 4.0),
        ("red", 26.0),
        ("yellow", 4.0),
        ("red", 16.0),
    ]
    video = write_colours(place / "order.mp4", stretches)
    with Library.open(place / "library", Settings(offline=True), create=True) as opened:
        assert opened.index([video], only={StageName.SHOTS}).ok
        yield opened


def _any_colour(request: Request) -> str:
    """Says which colour the frames have when the question names none."""
    words = str(request.messages[-1].parts)
    question = re.search(r"Question: ([^\\]*)", words)
    assert question is not None
    if asked_colour(question[1]) is not None:
        return look_at_colours(request)
    return look_at_colours(request, wanted="blue")


def ask(library: Library, question: str, **more: Any) -> Answer:
    eyes = Eyes({LookReply: _any_colour})
    return Agent(library, vlm=eyes, **more).ask_sync(question)


def test_what_comes_after_a_moment_is_looked_at_after_it(library: Library) -> None:
    answer = ask(library, "What colour is shown right after the screen is green?")
    views = [
        view
        for event in library.store.run(answer.run_id).trace
        if event["event"] == "selected"
        for view in event["views"]
    ]
    assert views[0]["part"] == "anchor"
    targets = [view for view in views if view["part"] == "target"]
    assert targets and targets[0]["start"] == pytest.approx(46.0, abs=1.0)
    assert targets[0]["end"] <= 46.0 + 46.0


@pytest.mark.parametrize(
    ("question", "start"),
    [
        ("When is the first time the screen is yellow?", 20.0),
        ("When is the last time the screen is yellow?", 100.0),
        ("When is the 2nd time the screen is yellow?", 70.0),
    ],
)
def test_the_right_one_of_several_moments_is_cited(
    library: Library, question: str, start: float
) -> None:
    answer = ask(library, question)
    assert answer.evidence[0].start == pytest.approx(start, abs=0.6), answer.text


def _view(name: str, span: tuple[float, float], part: Part = "target") -> View:
    return {
        "id": name,
        "video_id": "v",
        "start": span[0],
        "end": span[1],
        "times": [span[0], span[1]],
        "width": 100,
        "height": 50,
        "crop": None,
        "kind": "look",
        "why": "",
        "round": 1,
        "part": part,
    }


def _seen(view: View, start: float, end: float, confidence: float = 0.9) -> Observation:
    return {
        "view": view["id"],
        "video_id": "v",
        "start": start,
        "end": end,
        "claim": "it",
        "relevant": True,
        "confidence": confidence,
        "outcome": "ok",
        "closer": None,
    }


def _state(question: str, *looks: tuple[View, Observation]) -> State:
    return {
        "question": question,
        "plan": make_plan(question),
        "views": [view for view, _ in looks],
        "observations": [seen for _, seen in looks],
    }


def test_the_anchor_is_looked_for_until_it_is_seen() -> None:
    question = "What colour is shown before the light is green?"
    none = _state(question)
    assert part_of(none) == "anchor" and beside(none) is None
    assert asked_of(none, "anchor")["question"] == "When is this: the light is green?"
    view = _view("L1", (0, 90), "anchor")
    seen = _state(question, (view, _seen(view, 60, 66)))
    assert part_of(seen) == "target"
    where = beside(seen)
    assert where is not None and where.span == Span(15, 60) and where.backwards
    assert asked_of(seen, "target")["question"].startswith("What colour is shown?")
    assert "green" not in asked_of(seen, "target")["question"]


def test_an_anchor_that_is_nowhere_is_given_up() -> None:
    question = "What colour is shown before the light is green?"
    views = [{**_view(f"L{n}", (0, 90), "anchor"), "round": n} for n in (1, 2, 3)]
    blind = [{**_seen(view, 0, 90), "relevant": False} for view in views]  # type: ignore[arg-type]
    state = _state(question)
    state.update({"views": views, "observations": blind})  # type: ignore[typeddict-item]
    assert part_of(state) == "target"
    assert asked_of(state, "target")["question"] == question


def test_a_moment_and_the_one_beside_it_stay_two() -> None:
    anchor, target = _view("L1", (0, 90), "anchor"), _view("L2", (66, 80))
    state = _state(
        "What colour is shown after the light is green?",
        (anchor, _seen(anchor, 60, 66)),
        (target, _seen(target, 66, 70)),
    )
    found = in_order(state, sightings(state))
    assert [(s.part, s.span.start) for s in found] == [("target", 66), ("anchor", 60)]


@pytest.mark.parametrize(
    ("word", "order", "decided"),
    [
        ("first", [10, 40, 70], Span(12, 1e9)),
        ("last", [70, 40, 10], Span(0, 70)),
        ("third", [70, 10, 40], Span(72, 1e9)),
        ("second", [40, 70, 10], Span(42, 1e9)),
    ],
)
def test_order_sorts_sightings_and_says_what_is_decided(
    word: str, order: list[float], decided: Span
) -> None:
    looks = []
    for number, start in enumerate((40, 10, 70)):
        view = _view(f"L{number}", (start - 1, start + 3))
        looks.append((view, _seen(view, start, start + 2)))
    state = _state(f"When is the {word} time that it is seen?", *looks)
    assert [s.span.start for s in in_order(state, sightings(state))] == order
    assert decided_after(state) == {"v": decided}


def test_nothing_is_decided_before_enough_were_seen() -> None:
    view = _view("L1", (9, 13))
    state = _state("When is the second time that it is seen?", (view, _seen(view, 10, 12)))
    assert decided_after(state) == {}


def test_a_models_order_counts_only_with_its_number() -> None:
    rules = make_plan("When is it green?")
    for relation, order, nth in (
        ({"kind": "nth", "nth": 3}, "nth", 3),
        ({"kind": "nth"}, None, None),
        ({"kind": "nth", "nth": -2}, None, None),
        ({"kind": "last", "nth": 5}, "last", None),
    ):
        reply = PlanReply.model_validate({"sub_queries": [{"text": "green"}], "relation": relation})
        made = merged(rules, reply)
        assert (made["order"], made["nth"]) == (order, nth)
