"""The strict scorer, against values worked out by hand and against brute force."""

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.eval import scoring
from longtake.eval.grounding import iou
from longtake.eval.judgement import Response
from longtake.eval.samples import AnswerKind, Sample
from longtake.timing import Span


def sample(kind: AnswerKind, answer: Any, **more: Any) -> Sample:
    return Sample(
        sample_id="s",
        video="v",
        video_path=None,
        question="?",
        kind=kind,
        answer=answer,
        **more,
    )


def score(asked: Sample, text: str, **more: Any) -> float | None:
    return scoring.strict(asked, Response(text=text, **more)).score


def test_options() -> None:
    asked = sample("option", "B", options=("red", "blue"))
    assert score(asked, "B") == 1
    assert score(asked, "Blue.") == 1
    assert score(asked, "A") == 0
    assert score(asked, "Both of them") == 0
    assert scoring.strict(asked, Response(text="Both of them")).parsed is None
    assert scoring.strict(asked, None).score == 0


def test_a_hidden_truth_has_no_score() -> None:
    asked = sample("option", None, options=("red", "blue"))
    judged = scoring.strict(asked, Response(text="B"))
    assert (judged.parsed, judged.score) == ("B", None)
    assert scoring.strict(asked, None).score is None


def test_to_abstain_is_right_where_there_is_no_answer_and_only_there() -> None:
    none = sample("option", None, options=("red", "blue"), answerable=False)
    some = sample("option", "A", options=("red", "blue"))
    assert score(none, "", abstained=True) == 1
    assert score(none, "A") == 0
    assert score(some, "", abstained=True) == 0
    assert scoring.strict(none, None).score == 0


def test_texts() -> None:
    asked = sample("text", "Berth 7", extra={"accepted": ["number seven"]})
    assert score(asked, "the berth 7.") == 1
    assert score(asked, '{"answer": "Number Seven"}') == 1
    assert score(asked, "Berth 7 or 8") == 0
    assert score(asked, "") == 0


def test_numbers() -> None:
    exact, near = sample("number", 4.0), sample("number", 4.0, extra={"tolerance": 0.5})
    assert score(exact, "4") == 1
    assert score(exact, "4.4") == 0
    assert score(near, "Answer: 4.4") == 1
    assert scoring.strict(exact, Response(text="5")).values["soft"] == pytest.approx(0.8)
    assert scoring.strict(exact, Response(text="four")).values["soft"] == 0
    assert score(sample("number", 0.0), "0") == 1


def test_stretches() -> None:
    asked = sample("spans", (Span(10, 20), Span(40, 50)))
    judged = scoring.strict(asked, Response(text="12 - 20, 40 - 44"))
    # 12 of 20 true seconds given, none else; the first against [10, 20): 8 of 10.
    assert judged.score == pytest.approx(12 / 20)
    assert judged.values == {
        "iou": pytest.approx(0.8),
        "r1@0.3": 1,
        "r1@0.5": 1,
        "r1@0.7": 1,
        "f1": pytest.approx(2 * 1 / 4),  # 4 of 10 seconds of the second: below a half
    }


def test_stretches_are_read_from_what_is_cited_where_the_reply_names_none() -> None:
    asked = sample("spans", (Span(10, 20),))
    assert score(asked, "It happens there.", spans=(Span(10, 15),)) == pytest.approx(0.5)
    assert score(asked, "10 - 20", spans=(Span(0, 1),)) == 1
    nothing = scoring.strict(asked, Response(text="It happens there."))
    assert (nothing.parsed, nothing.score, nothing.values["iou"]) == (None, 0, 0)


def test_what_is_missing_is_in_every_mean() -> None:
    """A measure that only replies had would leave the others out of its denominator."""
    for asked in (
        sample("spans", (Span(10, 20),)),
        sample("number", 4.0),
        sample("order", ("A", "B"), options=("x", "y")),
    ):
        unread = scoring.strict(asked, Response(text="I cannot tell.")).values
        assert unread
        assert scoring.strict(asked, None).values == unread
        assert scoring.strict(asked, Response(text="", abstained=True)).values == unread


def test_orders() -> None:
    asked = sample("order", ("C", "A", "B"), options=("x", "y", "z"))
    assert score(asked, "C, A, B") == 1
    half = scoring.strict(asked, Response(text="C, B, A"))
    assert half.score == 0
    assert half.values["tau"] == pytest.approx(1 / 3)
    lost = scoring.strict(asked, Response(text="C"))
    assert lost.values["tau"] == -1  # no pair of the three is in order


def test_rankings() -> None:
    asked = sample("ranking", ("v3",))
    assert score(asked, "", ranking=("v3", "v1")) == 1
    third = scoring.strict(asked, Response(text="", ranking=("v1", "v2", "v3")))
    assert (third.score, third.values["rank"]) == (0, 3)
    assert scoring.strict(asked, Response(text="", ranking=("v1",))).values == {}


WHOLE = st.integers(min_value=0, max_value=12)
SPANS = st.lists(
    st.tuples(WHOLE, WHOLE).map(lambda ends: Span(float(min(ends)), float(max(ends)))), max_size=4
)


def seconds(stretches: list[Span]) -> set[int]:
    return {second for s in stretches for second in range(int(s.start), int(s.end))}


@given(SPANS, SPANS)
def test_union_iou_counts_each_second_once(given_: list[Span], true: list[Span]) -> None:
    one, other = seconds(given_), seconds(true)
    either = len(one | other)
    expected = len(one & other) / either if either else 0.0
    assert scoring.union_iou(given_, true) == pytest.approx(expected)


@given(SPANS, SPANS)
def test_window_f1_matches_pairs_one_to_one(given_: list[Span], true: list[Span]) -> None:
    """Ours takes pairs greedily: never more than the best matching, at least half of it."""
    found = scoring.window_f1(given_, true, 0.51)
    if not given_ and not true:
        assert found == 0
        return
    few, many = sorted((given_, true), key=len)
    best = max(
        sum(iou(a, b) >= 0.51 for a, b in zip(few, chosen, strict=True))
        for chosen in permutations(many, len(few))
    )
    mine = round(found * (len(given_) + len(true)) / 2)
    assert best / 2 <= mine <= best


@given(st.permutations("ABCDE"))
def test_kendall_tau_against_all_pairs(order: list[str]) -> None:
    true = "ABCDE"
    pairs = [(a, b) for a in true for b in true if a < b]
    right = sum(order.index(a) < order.index(b) for a, b in pairs)
    expected = (right - (len(pairs) - right)) / len(pairs)
    assert scoring.kendall_tau(order, list(true)) == pytest.approx(expected)
