"""Exploring with few scored frames, and QuoTA's sizes."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from longtake.tools.select.choose import choose
from longtake.tools.select.explore import Bandit, explore, nearest_scores, upper_bounds
from longtake.tools.select.items import IntArray, Items, Signals
from longtake.tools.select.quota import LEAST, UNITS, asked, frames_asked, sizes

Rows = Any


class Scored:
    """A probe that keeps what it was asked."""

    def __init__(self, scores: Rows) -> None:
        self.scores = scores
        self.calls: list[list[int]] = []

    def __call__(self, wanted: IntArray) -> Rows:
        self.calls.append(wanted.tolist())
        return self.scores[wanted]

    @property
    def asked(self) -> list[int]:
        return [index for call in self.calls for index in call]


@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 700), st.integers(0, 80), st.integers(1, 40), st.integers(1, 200), st.integers(0)
)
@example(26, 25, 6, 20, 0)
def test_exact_numbers_and_every_frame_asked_for_at_most_once(
    total: int, count: int, arm: int, most: int, seed: int
) -> None:
    """Also the last frames, which the released code leaves out of every arm."""
    probe = Scored(np.random.default_rng(seed).random(total))
    found = explore(total, count, probe, Bandit(arm=arm, most=most, seed=seed % 2**32))
    indices = found.indices.tolist()
    assert len(indices) == min(count, total)
    assert indices == sorted(set(indices)) and all(0 <= index < total for index in indices)
    assert len(probe.asked) == len(set(probe.asked)) == found.scored <= max(most, 1)
    assert len(probe.calls) <= 2


def test_pulls_are_counted_and_go_to_the_promising_arms() -> None:
    """100 arms of 16; a quarter of them is scored whole, the relevant one among them."""
    scores = np.full(1600, 0.1)
    scores[320:336] = 0.9
    probe = Scored(scores)
    found = explore(1600, 8, probe)
    assert (found.arms, found.zoomed, found.scored) == (100, 25, 475)
    assert probe.calls[0] == [16 * arm + 7 for arm in range(100)]
    assert len([index for index in probe.calls[1] if 320 <= index < 336]) == 15
    # 2 of the best frames scored, and an even share of the other 6 for the best of 25 arms
    assert ((found.indices >= 320) & (found.indices < 336)).sum() == 3
    again = explore(1600, 8, Scored(scores))
    assert again.indices.tolist() == found.indices.tolist()


def test_bounds_are_those_of_the_formula() -> None:
    scores = np.array([0.2, np.nan, 0.4, 0.9, np.nan, np.nan])
    edges = np.array([0, 3, 6])
    known = np.array([0.2, 0.4, 0.9])
    log = math.log(3)
    first = (2 * np.var([0.2, 0.4]) + np.var(known)) / 3
    second = np.var(known) / 2
    expected = [
        0.3 + math.sqrt(2 * log * first / 2) + 3 * log * 0.7 / 2,
        0.9 + math.sqrt(2 * log * second / 1) + 3 * log * 0.7 / 1,
    ]
    assert upper_bounds(scores, edges) == pytest.approx(expected)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000))
def test_a_frame_counts_as_the_nearest_one_scored_in_its_arm(seed: int) -> None:
    rng = np.random.default_rng(seed)
    edges = np.unique(np.concatenate([[0, 40], rng.integers(1, 40, 4)]))
    scores = np.full(40, np.nan)
    for start, end in itertools.pairwise(edges):
        some = rng.integers(start, end, 3)
        scores[some] = rng.random(3)
    found = nearest_scores(scores, edges)
    for start, end in itertools.pairwise(edges):
        known = [i for i in range(start, end) if not np.isnan(scores[i])]
        for place in range(start, end):
            assert found[place] == scores[min(known, key=lambda i: (abs(i - place), i))]


def test_focus_scores_frames_through_the_probe_or_reads_the_index() -> None:
    relevance = np.random.default_rng(0).random(800)
    items = Items.of(np.arange(800))
    probe = Scored(relevance)
    found = choose("focus", items, Signals(probe=probe), 10)
    assert found.scored == len(probe.asked) > 50 and len(found.picks) == 10
    stored = choose("focus", items, Signals(speech=relevance), 10)
    assert stored.scored == 0 and stored.notes and stored.times == found.times


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.integers(1, 40))
def test_sizes_sum_to_the_budget_within_full_size(values: list[float], budget: int) -> None:
    """`LEAST` to `UNITS` each; the first released version gives 1,407 of 729 tokens to a frame."""
    found = sizes(np.array(values), budget)
    assert found.sum() == min(budget, len(values)) * UNITS
    shown = found[found > 0]
    assert (shown <= UNITS).all() and (shown >= LEAST).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=25), st.integers(1, 20))
def test_a_likelier_frame_is_never_smaller(values: list[float], budget: int) -> None:
    row = np.array(values)
    found = sizes(row, budget)
    for one, other in itertools.permutations(range(len(row)), 2):
        if row[one] ** 2 > row[other] ** 2:
            assert found[one] >= found[other] - 1


def test_sizes_follow_the_square_of_the_probability() -> None:
    assert sizes(np.array([0.2, 0.4, 0.4]), 1).tolist() == [22, 87, 87]
    assert sizes(np.array([0.01, 0.9, 0.9]), 1).tolist() == [0, 98, 98]


def test_quota_asks_as_many_frames_as_the_source_and_ignores_the_others() -> None:
    items = Items.of(np.arange(7201))
    assert frames_asked(items) == 96 + 128 == len(asked(items))
    probability = np.full(7201, np.nan)
    probability[asked(items)] = 0.01
    probability[asked(items)[50]] = 0.99
    found = choose("quota", items, Signals(probability=probability), 1)
    assert found.times == (float(asked(items)[50]),) and found.picks[0].scale == 1.0
    relevance = choose("quota", items, Signals(speech=np.nan_to_num(probability)), 4)
    assert relevance.notes and float(asked(items)[50]) in relevance.times
