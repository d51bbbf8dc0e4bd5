"""Areas, calibration and abstention against hand-made values and permutations."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.eval import curves


def test_the_area_is_the_mean_height_over_log_tokens() -> None:
    assert curves.area([2000, 4000, 8000], [0.4, 0.4, 0.4]) == pytest.approx(0.4)
    assert curves.area([2000, 4000, 8000], [0.0, 1.0, 1.0]) == pytest.approx(0.75)
    # one doubling from 0 to 1, then two doublings at 1
    assert curves.area([1000, 2000, 8000], [0.0, 1.0, 1.0]) == pytest.approx((0.5 + 2) / 3)
    assert curves.area([500], [0.3]) == pytest.approx(0.3)


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=6, unique=True), st.data())
def test_the_area_is_a_fine_integral(budgets: list[int], data: st.DataObject) -> None:
    budgets.sort()
    some = st.lists(st.floats(0, 1), min_size=len(budgets), max_size=len(budgets))
    values = data.draw(some)
    places = np.log2(budgets)
    grid = np.union1d(np.linspace(places[0], places[-1], 20_001), places)
    fine = np.interp(grid, places, values)
    whole = float(((fine[1:] + fine[:-1]) / 2 * np.diff(grid)).sum()) / (places[-1] - places[0])
    assert curves.area(budgets, values) == pytest.approx(whole, abs=1e-6)


@pytest.mark.parametrize("budgets", [[], [0, 1], [4, 2], [2, 2]])
def test_budgets_must_ascend(budgets: list[int]) -> None:
    with pytest.raises(ValueError, match="ascending"):
        curves.log2_weights(budgets)


def test_risk_rises_as_less_sure_answers_are_accepted() -> None:
    got = curves.risk_coverage([0.9, 0.2, 0.6, 0.8], [1, 0, 0, 1])
    assert got is not None
    assert got.coverage == (0.25, 0.5, 0.75, 1.0)
    assert got.risk == pytest.approx((0, 0, 1 / 3, 2 / 4))
    assert got.area == pytest.approx((0 + 0 + 1 / 3 + 1 / 2) / 4)


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.sampled_from([0, 1])), min_size=1,
                max_size=6))  # fmt: skip
def test_risk_of_ties_is_that_of_all_their_orders(pairs: list[tuple[float, int]]) -> None:
    got = curves.risk_coverage([c for c, _ in pairs], [y for _, y in pairs])
    risks = []
    for order in itertools.permutations(pairs):
        if [c for c, _ in order] == sorted((c for c, _ in order), reverse=True):
            wrong = np.cumsum([1 - y for _, y in order])
            risks.append(wrong / np.arange(1, len(order) + 1))
    assert got is not None
    assert got.risk == pytest.approx(np.mean(risks, axis=0))


def test_calibration_error_has_hand_made_values() -> None:
    assert curves.ece([0.5, 0.5], [1, 0]) == pytest.approx(0)
    assert curves.ece([1.0, 1.0, 1.0, 1.0], [1, 1, 1, 0]) == pytest.approx(0.25)
    # two bins of two: (0.15 said, 0.5 true), (0.85 said, 1.0 true)
    assert curves.ece([0.1, 0.9, 0.2, 0.8], [1, 1, 0, 1], bins=2) == pytest.approx(
        0.5 * 0.35 + 0.5 * 0.15
    )
    assert curves.ece([], []) is None


def test_calibrated_answers_have_a_small_error_and_sure_wrong_ones_a_large_one() -> None:
    rng = np.random.default_rng(2)
    sure = rng.random(20_000)
    calibrated = curves.ece(sure.tolist(), (rng.random(20_000) < sure).astype(float).tolist())
    shifted = curves.ece(sure.tolist(), (rng.random(20_000) < sure / 2).astype(float).tolist())
    assert calibrated is not None and calibrated < 0.02
    assert shifted == pytest.approx(0.25, abs=0.02)


def test_brier_has_hand_made_values() -> None:
    assert curves.brier([1.0, 0.0], [1, 0]) == 0
    assert curves.brier([0.8, 0.4], [1, 1]) == pytest.approx((0.04 + 0.36) / 2)
    assert curves.brier([], []) is None


def test_abstentions_are_counted() -> None:
    abstained = [True, True, True, False, False, False]
    answerable = [False, False, True, False, True, True]
    got = curves.abstention(abstained, answerable)
    assert got.precision == pytest.approx(2 / 3)
    assert got.recall == pytest.approx(2 / 3)
    assert got.f1 == pytest.approx(2 / 3)
    assert got.false_rate == pytest.approx(1 / 3)


def test_abstentions_where_nothing_is_to_count_are_unknown() -> None:
    never = curves.abstention([False, False], [True, True])
    assert (never.precision, never.recall, never.f1, never.false_rate) == (None, None, None, 0)
    always = curves.abstention([True, True], [False, True])
    assert (always.precision, always.recall, always.false_rate) == (0.5, 1, 1)
    assert always.f1 == pytest.approx(2 * 0.5 / 1.5)


@given(st.integers(1, 400), st.integers(1, 60))
def test_a_thinned_curve_has_points_of_its_own_and_its_end(count: int, most: int) -> None:
    sure, right = [i / count for i in range(count)], [i % 3 / 2 for i in range(count)]
    whole = curves.risk_coverage(sure, right)
    assert whole is not None
    thin = whole.thinned(most)
    assert len(thin.coverage) == min(count, most)
    points = list(zip(whole.coverage, whole.risk, strict=True))
    assert set(zip(thin.coverage, thin.risk, strict=True)) <= set(points)
    assert (thin.coverage[-1], thin.risk[-1], thin.area) == (1.0, whole.risk[-1], whole.area)
