"""Which lines a model that answers is told, and where the first or last of something is sought."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from math import prod
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake import Library
from longtake.agent.candidates import Candidate, first_or_last
from longtake.agent.lines import lines
from longtake.agent.plan import make_plan
from longtake.config import Settings
from longtake.index.store import Store
from longtake.timing import Span
from tests.agent.conftest import Fill
from tests.agent.seeing import Eyes
from tests.agent.talking import desk_for, opened

ASKED = "On which day does a board show code QMM42?"


def line(lane: str, start: float, end: float, text: str) -> dict[str, Any]:
    return {"lane": lane, "start": start, "end": end, "text": text}


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory, fill: Fill) -> Iterator[Library]:
    """Two days with a board each; the day stands on the screen all the time."""
    root = tmp_path_factory.mktemp("days")
    with Store.open(root, write=True, create=True) as store:
        for name, day, code in (("a", "DAY 11", "LLR98"), ("b", "DAY 15", "QMM42")):
            fill(
                store,
                name,
                [
                    line("text", 0, 600, day),
                    line("text", 10, 16, "NOTICES"),
                    line("text", 12, 16, f"{code} ROOM K5"),
                    line("speech", 30, 34, "Which day a board shows which code is on the board."),
                    line("text", 40, 44, "SCHEDULE"),
                ],
            )
    with Library.open(root, Settings(offline=True, library=root)) as library:
        yield library


def test_a_line_with_the_code_that_is_asked_for_comes_before_all_others(days: Library) -> None:
    with desk_for(days, Eyes(), "default", 4000) as desk:
        found = [text for _, text in lines(desk, opened(desk, ASKED))]
    assert found[0] == "QMM42 ROOM K5"
    assert "LLR98 ROOM K5" not in found[:1]


def test_what_stands_on_the_screen_with_the_nearest_line_is_told_too(days: Library) -> None:
    with desk_for(days, Eyes(), "default", 4000) as desk:
        found = lines(desk, opened(desk, ASKED))
    first = found[0][0]
    told = {text for citation, text in found if citation["video_id"] == first["video_id"]}
    assert {"DAY 15", "NOTICES"} <= told and "SCHEDULE" not in told
    (day,) = (citation for citation, text in found if text == "DAY 15")
    assert (day["lane"], day["start"], day["end"]) == ("text", 0.0, 600.0)
    cues = {record.id: record.cue.text for record in days.cues(first["video_id"])}
    assert [cues[row] for row in day["rows"]] == ["DAY 15"]


@pytest.mark.parametrize(
    ("question", "order"),
    [
        ("Which thing was put on a shelf most recently?", "last"),
        ("What is the last thing that has been put on a shelf so far?", "last"),
        ("Who was the first person that spoke?", "first"),
        ("What is the latest slide that names a price?", "last"),
        ("What is the latest version of the model?", None),
        ("What was decided last week?", None),
        ("What are the first steps?", None),
    ],
)
def test_orders_are_read_from_questions(question: str, order: str | None) -> None:
    assert make_plan(question)["order"] == order


@given(
    st.lists(st.tuples(st.integers(0, 900), st.floats(0.01, 1)), min_size=1, max_size=12,
             unique_by=lambda pair: pair[0]),
    st.sampled_from(["first", "last"]),
)  # fmt: skip
def test_belief_is_the_chance_of_being_the_first_or_last(
    told: list[tuple[int, float]], order: str
) -> None:
    found = [
        Candidate(video_id="v", span=Span(at, at + 4), belief=belief, why="") for at, belief in told
    ]
    made = {c.span.start: c.belief for c in first_or_last(found, order)}
    best = max(belief for _, belief in told)
    shows = {at: belief / best / 2 for at, belief in told}
    for at in made:
        ahead = [p for n, p in shows.items() if (n < at if order == "first" else n > at)]
        assert made[at] == pytest.approx(shows[int(at)] * prod(1 - p for p in ahead))


def test_of_equal_moments_the_last_is_believed_most() -> None:
    found = [
        Candidate(video_id="v", span=Span(at, at + 4), belief=0.2, why="") for at in (10, 300, 90)
    ]
    last = first_or_last(found, "last")
    assert [c.span.start for c in sorted(last, key=lambda c: -c.belief)] == [300, 90, 10]
    assert all(a.belief == 2 * b.belief for a, b in pairwise(sorted(last, key=lambda c: -c.belief)))
    assert first_or_last(found, None) == found
    other = [*found, replace(found[0], video_id="w")]
    assert max(first_or_last(other, "last"), key=lambda c: (c.belief, c.video_id)).video_id == "w"
