"""Allocators give exactly the budget, whatever the weights and caps."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longtake.tools.select.allocators import (
    buckets,
    guided,
    per_segment,
    proportional,
    resolution,
    softmax,
    tiles,
    top_counts,
    uniform,
    waterfill,
)

Rows = Any

ALLOCATORS = {
    "uniform": uniform,
    "per_segment": per_segment,
    "waterfill": waterfill,
    "floor": proportional(floor=2),
    "soft": proportional(temperature=0.3),
    "cold": proportional(temperature=0.01),
    "guided": guided(10.0),
    "resolution": resolution(2.0),
    "tiles": tiles(0.5),
    "tiles-all": tiles(1.0),
    "buckets": buckets,
}

weights = st.one_of(
    st.integers(0, 5).map(float), st.floats(0, 1e9), st.floats(0, 1e-300), st.just(0.0)
)
groups = st.lists(st.tuples(weights, st.integers(0, 60)), min_size=1, max_size=25)


@pytest.mark.parametrize("name", sorted(ALLOCATORS))
@settings(max_examples=50, deadline=None)
@given(groups, st.integers(0, 800))
def test_quotas_are_integers_within_caps_that_sum_exactly(
    name: str, rows: list[tuple[float, int]], budget: int
) -> None:
    weight = np.array([w for w, _ in rows])
    caps = np.array([c for _, c in rows])
    quotas = ALLOCATORS[name](weight, budget, caps)
    assert np.issubdtype(quotas.dtype, np.integer)
    assert (quotas >= 0).all() and (quotas <= caps).all()
    assert quotas.sum() == min(budget, caps.sum())


@settings(max_examples=50, deadline=None)
@given(groups, st.integers(0, 800), st.integers(0, 9))
def test_waterfill_is_fair_as_filling_by_small_steps_is(
    rows: list[tuple[float, int]], budget: int, floor: int
) -> None:
    """Reference: bisection on the level `l` of `min(cap, floor + l * weight)`."""
    weight = np.array([float(int(w) % 50) for w, _ in rows]) + 1.0
    caps = np.array([c for _, c in rows])
    floors = np.minimum(caps, floor)
    quotas = waterfill(weight, budget, caps, floor)
    if floors.sum() >= budget:
        assert (quotas <= floors).all()
        return
    low, high = 0.0, 1000.0
    for _ in range(200):
        level = (low + high) / 2
        if np.minimum(caps, floors + level * weight).sum() < min(budget, caps.sum()):
            low = level
        else:
            high = level
    assert (quotas >= floors).all()
    assert np.abs(quotas - np.minimum(caps, floors + high * weight)).max() < 1 + 1e-6


@pytest.mark.parametrize("name", ["waterfill", "soft", "guided", "buckets"])
@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 90), min_size=1, max_size=20), st.integers(0, 300))
def test_more_weight_never_gets_less_and_equal_weights_get_alike(
    name: str, values: list[int], budget: int
) -> None:
    weight = np.array(values) / 7
    quotas = ALLOCATORS[name](weight, budget, np.full(len(values), 30))
    order = np.argsort(weight, kind="stable")
    for lighter, heavier in itertools.pairwise(order):
        if weight[lighter] == weight[heavier]:
            assert abs(quotas[lighter] - quotas[heavier]) <= 1
        else:
            assert quotas[heavier] >= quotas[lighter]


def test_known_shares() -> None:
    caps = np.array([10, 10, 10])
    assert waterfill(np.array([1.0, 2, 1]), 8, caps).tolist() == [2, 4, 2]
    assert waterfill(np.array([1.0, 98, 1]), 20, caps).tolist() == [5, 10, 5]
    assert waterfill(np.array([0.0, 0, 0]), 7, caps).tolist() == [3, 2, 2]
    assert waterfill(np.array([0.0, 1, 0]), 12, caps).tolist() == [1, 10, 1]
    assert waterfill(np.array([0.0, 3, 1]), 10, caps, 2).tolist() == [2, 5, 3]
    assert per_segment(np.zeros(3), 6, np.array([2, 4, 6])).tolist() == [1, 2, 3]


def test_clips_share_alike_between_half_and_full_sides() -> None:
    assert resolution(2.0)(np.ones(3), 600, np.array([100, 400, 400])).tolist() == [100, 250, 250]
    assert resolution(2.0)(np.ones(3), 450, np.array([100, 400, 1200])).tolist() == [50, 100, 300]
    assert resolution(2.0)(np.ones(3), 300, np.array([100, 400, 1200])).tolist() == [25, 100, 175]


def test_buckets_leave_no_group_empty_before_the_budget_is_short() -> None:
    caps = np.array([5, 0, 5, 5])
    assert buckets(np.array([9.0, 9, 0, 1]), 4, caps).tolist() == [2, 0, 1, 1]
    assert buckets(np.array([1.0, 9, 3, 2]), 2, caps).tolist() == [0, 0, 1, 1]


def test_tiles_as_in_hired() -> None:
    """Half for the whole picture, the rest by the top scores that fall in each tile."""
    attention = np.array([0.9, 0.8, 0.1, 0.7, 0.0, 0.2])
    tile = np.array([0, 0, 1, 1, 2, 2])
    counts = top_counts(attention, tile, 3)
    assert counts.tolist() == [2, 1, 0]
    caps = np.array([576, 576, 576, 576])
    weight = np.concatenate([[0], counts]).astype(float)
    assert tiles(0.5)(weight, 600, caps).tolist() == [300, 200, 100, 0]
    assert tiles(1.0)(weight, 500, caps).tolist() == [500, 0, 0, 0]
    assert tiles(0.0)(weight, 300, caps).tolist() == [0, 200, 100, 0]


def test_guided_shares_by_the_formula_of_globalcom2() -> None:
    weight = np.array([1.0, 2.0, 4.0, 1.0])
    z = (weight - weight.mean()) / weight.std()
    sigma = np.exp(z / 2) / np.exp(z / 2).sum()
    ratio = 0.25 * (1 + sigma - sigma.mean())
    quotas = guided(2.0)(weight, 1000, np.full(4, 1000))
    assert np.abs(quotas - ratio * 1000).max() < 1
    assert softmax(weight, 2.0) == pytest.approx(sigma)


@pytest.mark.parametrize("bad", [[-1.0, 2.0], [np.nan, 1.0], [np.inf, 1.0]])
def test_weights_that_are_no_shares_are_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="finite and not negative"):
        waterfill(np.array(bad), 3, np.array([3, 3]))


def test_a_day_of_clips_with_weights_of_all_sizes() -> None:
    weight: Rows = 2.0 ** np.linspace(-40, 40, 8640)
    quotas = waterfill(weight, 5000, np.full(8640, 10))
    assert quotas.sum() == 5000 and quotas[-1] == 10 and quotas[0] == 0
