"""Where the first or last of something is sought."""

from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.agent.ends import SHOWS, STEP_S, first_or_last
from longtake.agent.plan import make_plan
from longtake.agent.stretches import UNSEEN, Candidate
from longtake.timing import Span


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


def found(at: float, belief: float, video: str = "v") -> Candidate:
    return Candidate(video_id=video, span=Span(at, at + 2), belief=belief, why="retrieved")


def beliefs(*told: Candidate, last: bool, seen: tuple[float, float] = (-1, -1)) -> list[float]:
    """Of the stretches of one minute, from its start."""
    made = first_or_last(
        {"v": Span(0, 60)},
        told,
        last=last,
        is_seen=lambda c: seen[0] <= c.span.middle <= seen[1],
    )
    by_start = {c.span.start: c.belief for c in made}
    return [by_start.get(STEP_S * i, 0.0) for i in range(12)]


def test_nothing_found_means_from_the_end_on_by_the_rule_of_succession() -> None:
    last = beliefs(last=True)
    assert last[::-1][:4] == pytest.approx([1 / 2, 1 / 6, 1 / 12, 1 / 20])
    assert beliefs(last=False) == pytest.approx(last[::-1])


def test_what_was_retrieved_is_believed_unless_a_later_one_may_show_it() -> None:
    last = beliefs(found(36, 0.2), found(11, 0.1), last=True)
    free = prod(1 - 1 / (n + 2) for n in range(4))
    assert last[7] == pytest.approx(SHOWS * free)
    between = prod(1 - 1 / (n + 2) for n in range(5, 9))
    assert last[2] == pytest.approx(SHOWS / 2 * free * (1 - SHOWS) * between)
    assert last[7] > max(last[:7] + last[8:10])


def test_what_was_seen_shows_it_no_more_and_makes_the_next_one_less_likely() -> None:
    last = beliefs(last=True, seen=(50, 60))
    assert last[10:] == [0, 0]
    assert last[9] == pytest.approx(1 / 4)
    assert last[8] == pytest.approx(3 / 4 * 1 / 5)


@given(
    st.lists(st.tuples(st.floats(0, 58), st.floats(0.001, 1)), max_size=8),
    st.booleans(),
    st.tuples(st.floats(0, 60), st.floats(0, 60)),
)
def test_beliefs_are_chances(
    told: list[tuple[float, float]], last: bool, seen: tuple[float, float]
) -> None:
    made = beliefs(*(found(*one) for one in told), last=last, seen=seen)
    assert all(0 <= belief < 1 for belief in made) and sum(made) <= 1 + 1e-9


def test_videos_share_the_belief_and_say_why() -> None:
    spans = {"v": Span(0, 60), "w": Span(0, 20)}
    made = first_or_last(spans, [found(3, 1, "w")], last=True, is_seen=lambda c: False)
    assert sum(c.belief for c in made) <= 1
    by_video = {(c.video_id, c.span.start): c for c in made}
    assert by_video["v", 55.0].belief == by_video["w", 15.0].belief == 1 / 4
    assert by_video["v", 55.0].why == UNSEEN and by_video["w", 0.0].why == "retrieved"
