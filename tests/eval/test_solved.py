"""Which questions count as solved without their video, on hand-made runs."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from longtake.errors import UsageError
from longtake.eval.results import Result
from longtake.eval.samples import Sample
from longtake.eval.solved import Solved, solved, without
from tests.eval.test_results import record, result, sample

NAMES = tuple(f"{video}{number}" for video in "abcd" for number in range(5))


def asked(
    system: str, right: Sequence[str], samples: Sequence[Sample] = (), **changes: Any
) -> Result:
    """A run that has these samples right."""
    samples = samples or [sample(name) for name in NAMES]
    records = [record(s.sample_id, "A" if s.sample_id in right else "B") for s in samples]
    model = changes.pop("model", "m1")
    return result(samples, records, system=system, model=model, model_identity=model, **changes)


@pytest.mark.parametrize(
    ("rights", "expected"),
    [
        ((["a0", "a1"], ["a1", "a2"]), ["a1"]),
        ((["a0", "a1"], ["a1", "a2"], ["a2", "a3"]), ["a1", "a2"]),
        ((["a0"], ["a0"], ["a1"], ["a1"]), []),
        ((["a0"], ["a0"], ["a0"], ["a1"]), ["a0"]),
        ((["a0", "a1"], [], []), []),
    ],
)
def test_two_thirds_of_the_models_and_two_at_least(
    rights: tuple[list[str], ...], expected: list[str]
) -> None:
    runs = [asked("blind", right, model=f"m{i}") for i, right in enumerate(rights)]
    found = solved([*runs, asked("uniform", NAMES)])
    assert found.samples == dict.fromkeys(expected, "blind")
    assert (found.benchmark, found.split, found.revision) == ("colours", "test", "r1")


def test_budgets_and_seeds_are_asked_together() -> None:
    """Model m1 has it right at one of two budgets, which is not more often than not."""
    runs = [
        asked("blind", ["a0", "a1"], budget=1000),
        asked("blind", ["a1"], budget=2000),
        asked("blind", ["a0", "a1"], model="m2"),
    ]
    assert list(solved(runs).samples) == ["a1"]


@pytest.mark.parametrize(("count", "found"), [(8, 0), (9, 9), (20, 20)])
def test_options_solve_what_lots_would_not(count: int, found: int) -> None:
    """Of 20 questions with four options lots have 5 right, with a standard error of 1.94: more than
    8.87 are too many."""
    every = [sample(name, axes={"task": "one"}) for name in NAMES]
    made = solved([asked("options_only", NAMES[:count], every)])
    assert made.samples == dict.fromkeys(NAMES[:found], "options")


def test_kinds_of_questions_are_looked_at_apart() -> None:
    """All five of kind a are right, which is more than 3.2; two of five are not."""
    right = [*NAMES[:5], "b0", "b1"]
    found = solved([asked("options_only", right)])
    assert found.samples == dict.fromkeys(NAMES[:5], "options")
    every = [sample(name, axes={"task": name[0], "form": name[1]}) for name in NAMES]
    assert solved([asked("options_only", right, every)], template="form").samples == {}


def test_what_is_scored_together_leaves_together() -> None:
    samples = [
        sample("a1", twin="a2"),
        sample("a2", twin="a1", answer=None, answerable=False),
        sample("b1", group="g"),
        sample("b2", group="g"),
        sample("c1"),
    ]
    runs = [asked("blind", ["a1", "b2"], samples, model=model) for model in ("m1", "m2")]
    expected = {"a1": "blind", "a2": "beside", "b1": "beside", "b2": "blind"}
    assert solved(runs).samples == expected


def test_abstaining_without_a_video_solves_nothing() -> None:
    samples = [sample("a1"), sample("a2", answer=None, answerable=False)]
    records = [record("a1", None), record("a2", None)]
    runs = [
        result(samples, records, system="blind", model=m, model_identity=m) for m in ("m1", "m2")
    ]
    assert solved(runs).samples == {}


def test_numbers_without_are_those_of_the_others() -> None:
    made = asked("uniform", ["a0", "a1", "b0"], [sample(n) for n in ("a0", "a1", "b0", "c0")])
    left = Solved(benchmark="colours", split="test", revision="r1", samples={"a0": "blind"})
    less = without(made, left)
    accuracy = less.accuracy()
    assert accuracy is not None and accuracy.n == 3
    assert accuracy.value == pytest.approx(2 / 3)
    assert less.complete and less.stamps == ()
    other = Solved(benchmark="colours", split="test", revision="r2", samples={})
    with pytest.raises(UsageError, match="revision r2, the run uniform-2000 of colours test"):
        without(made, other)


def test_what_cannot_be_told_is_refused() -> None:
    with pytest.raises(UsageError, match="no run of blind or options_only"):
        solved([asked("uniform", [])])
    with pytest.raises(UsageError, match="one model"):
        solved([asked("blind", []), asked("blind", [], budget=4000)])
    with pytest.raises(UsageError, match="has an axis 'luck'"):
        solved([asked("options_only", [])], template="luck")
    one, other = asked("options_only", []), asked("blind", [])
    dev = replace(other, identity=other.identity.model_copy(update={"split": "dev"}))
    with pytest.raises(UsageError, match="several benchmarks"):
        solved([one, dev])
