"""Citations against evidence: hand-made cases, and seconds counted on a grid."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.eval.grounding import (
    covered,
    grounded,
    grounding,
    iop,
    iou,
    retrieval,
    twin_consistent,
)
from longtake.eval.records import Cited
from longtake.eval.samples import Evidence
from longtake.timing import Span


def cite(start: float, end: float, video: str = "v") -> Cited:
    return Cited(video=video, start_s=start, end_s=end, lane="visual")


def proof(start: float, end: float, group: str = "", video: str = "v") -> Evidence:
    return Evidence(video=video, span=Span(start, end), group=group)


def test_a_citation_of_the_moment_is_perfect() -> None:
    got = grounding([cite(10, 14)], [proof(10, 14)])
    assert got is not None
    assert (got.recall, got.complete, got.precision, got.iou, got.iop) == (1, True, 1, 1, 1)
    assert got.first == 1


def test_a_whole_video_meets_everything_and_proves_little() -> None:
    got = grounding([cite(0, 100)], [proof(10, 14)])
    assert got is not None
    assert (got.recall, got.precision) == (1, 0)
    assert got.iou == got.iop == pytest.approx(0.04)
    assert grounded(1, got) == 0


def test_the_best_group_counts_and_must_be_whole() -> None:
    evidence = [proof(0, 4, "a"), proof(20, 24, "a"), proof(50, 54, "b"), proof(60, 64, "b")]
    half = grounding([cite(0, 4)], evidence)
    assert half is not None and half.recall == 0.5 and not half.complete
    assert half.iou == pytest.approx(0.5)
    mixed = grounding([cite(0, 4), cite(50, 54)], evidence)
    assert mixed is not None and mixed.recall == 0.5 and not mixed.complete
    whole = grounding([cite(90, 91), cite(50, 54), cite(60, 64)], evidence)
    assert whole is not None and whole.complete
    assert whole.precision == pytest.approx(2 / 3)
    assert whole.first == 2


def test_other_videos_and_no_citations_meet_nothing() -> None:
    wrong = grounding([cite(10, 14, "w")], [proof(10, 14)])
    assert wrong is not None
    assert (wrong.recall, wrong.precision, wrong.iou, wrong.iop, wrong.first) == (0, 0, 0, 0, None)
    none = grounding([], [proof(10, 14)])
    assert none is not None and none.precision is None and none.iop == 0
    assert grounding([cite(1, 2)], []) is None


def test_a_point_inside_the_moment_is_grounded() -> None:
    got = grounding([cite(12, 12)], [proof(10, 14)])
    assert got is not None and got.iop == pytest.approx(1) and got.recall == 1
    assert grounded(1, got) == 1
    assert grounded(0, got) == 0
    assert grounded(1, None) == 0


spans = st.lists(
    st.tuples(st.sampled_from("vw"), st.integers(0, 40), st.integers(0, 12)), max_size=5
)


@given(spans, spans)
def test_shared_seconds_are_those_of_a_grid(
    first: list[tuple[str, int, int]], second: list[tuple[str, int, int]]
) -> None:
    def cells(places: list[tuple[str, int, int]]) -> set[tuple[str, int]]:
        return {(v, s) for v, start, n in places for s in range(start, start + n)}

    def as_spans(places: list[tuple[str, int, int]]) -> list[tuple[str, Span]]:
        return [(v, Span(start, start + n)) for v, start, n in places]

    assert covered(as_spans(first), as_spans(second)) == len(cells(first) & cells(second))


def test_overlaps_of_two_stretches() -> None:
    assert iou(Span(0, 10), Span(5, 15)) == pytest.approx(5 / 15)
    assert iop(Span(0, 10), Span(5, 15)) == pytest.approx(0.5)
    assert iou(Span(1, 1), Span(1, 1)) == 0 and iop(Span(1, 1), Span(0, 2)) == 0


def test_twins_count_when_both_are_right() -> None:
    twins = {"a": "a-", "a-": "a", "b": "b-", "c": "c-"}
    right = {"a": 1.0, "a-": 1.0, "b": 1.0, "b-": 0.0, "c": 1.0}
    assert twin_consistent(right, twins) == {"a": True, "b": False, "c": False}
    always = dict.fromkeys(("a", "b", "c"), 1.0) | dict.fromkeys(("a-", "b-", "c-"), 0.0)
    assert not any(twin_consistent(always, twins).values())


def test_ranks_have_textbook_values() -> None:
    got = retrieval([1, 3, 7, None], gallery=20)
    assert got is not None
    assert got.recall == {1: 0.25, 5: 0.5, 10: 0.75}
    assert got.median_rank == 5
    assert got.mean_rank == pytest.approx((1 + 3 + 7 + 20) / 4)
    assert retrieval([], gallery=3) is None
