"""Peaks, their groups in time, and F2C's clips."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longtake.tools.select.choose import choose
from longtake.tools.select.composition import Selection
from longtake.tools.select.f2c import Window, best_window, divided
from longtake.tools.select.items import Items, Signals
from longtake.tools.select.peaks import basin_peaks, peaks, time_groups

Rows = Any


def reference_peaks(values: list[float]) -> list[int]:
    """Runs of equal values as one place; a basin lies between places below both neighbours."""
    runs: list[tuple[float, int, int]] = []
    for index, value in enumerate(values):
        if runs and runs[-1][0] == value:
            runs[-1] = value, runs[-1][1], index
        else:
            runs.append((value, index, index))
    basins: list[list[tuple[float, int, int]]] = [[]]
    for place, run in enumerate(runs):
        if 0 < place < len(runs) - 1 and run[0] < min(runs[place - 1][0], runs[place + 1][0]):
            basins.append([])
        basins[-1].append(run)
    best = [max(basin, key=lambda run: (run[0], -run[1])) for basin in basins if basin]
    return [(first + last) // 2 for _, first, last in best]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 4), max_size=40))
def test_peaks_are_those_of_a_walk_over_the_values(values: list[int]) -> None:
    row = np.array(values, np.float64)
    assert basin_peaks(row).tolist() == reference_peaks([float(v) for v in values])


def test_a_silent_video_has_one_peak_and_a_word_in_it_is_the_peak() -> None:
    assert basin_peaks(np.zeros(9)).tolist() == [4]
    silent = np.zeros(500)
    silent[300] = 1.0
    assert basin_peaks(silent).tolist() == [300]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 500), min_size=3, max_size=30, unique=True), st.integers(1, 6))
def test_groups_of_time_are_a_fixed_point_of_k_means(times: list[int], count: int) -> None:
    row = np.array(sorted(times))
    groups = time_groups(row, min(count, len(row)))
    assert (np.diff(groups) >= 0).all()
    # every time lies nearest to the mean of its own group, as far as 25 rounds settle it
    means = {g: row[groups == g].mean() for g in set(groups.tolist())}
    for time, group in zip(row, groups, strict=True):
        assert abs(time - means[group]) <= min(abs(time - m) for m in means.values()) + 1e-9


def test_too_many_peaks_leave_the_best_of_each_group_of_time() -> None:
    values = np.zeros(100)
    values[[10, 12, 14, 80, 82]] = [0.2, 0.9, 0.3, 0.5, 0.4]
    assert peaks(np.empty((100, 0)), values, 2).tolist() == [12, 80]
    assert peaks(np.empty((100, 0)), values, 9).tolist() == [10, 12, 14, 80, 82]


def units(rng: np.random.Generator, count: int, dimension: int = 5) -> Rows:
    rows = rng.normal(size=(count, dimension))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(20))
def test_the_window_is_the_best_by_the_formula_written_out(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, relevance = units(rng, 30), rng.random(30)
    anchor, longest, base = int(rng.integers(30)), int(rng.integers(1, 12)), 0.1
    scores = {}
    for length in range(1, longest + 1):
        start = min(max(0, anchor - length // 2), 30 - length)
        inside = range(start, start + length)
        pairs = [rows[a] @ rows[b] for a in inside for b in inside if a != b]
        redundancy = np.clip((np.mean(pairs) - base) / (1 - base), 0, 1) if pairs else 0.0
        score = relevance[list(inside)].mean() - 0.5 * redundancy + 0.05 * length / longest
        scores[start, start + length] = score
    found = best_window(rows, relevance, anchor, longest, base)
    assert scores[found.start, found.end] == pytest.approx(max(scores.values()))


def test_a_frame_of_two_windows_belongs_to_the_nearer_anchor() -> None:
    windows = [Window(anchor=2, start=0, end=6), Window(anchor=6, start=3, end=9)]
    assert divided(windows) == [[0, 1, 2, 3, 4], [5, 6, 7, 8]]


def planned(relevance: Rows, rows: Rows, budget: int) -> Selection:
    items = Items.of(np.arange(len(relevance)), rows)
    return choose("f2c", items, Signals(frame_text=relevance), budget)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 80))
def test_f2c_never_costs_more_and_spends_what_the_clips_can_take(
    seed: int, budget: int, count: int
) -> None:
    rng = np.random.default_rng(seed)
    found = planned(rng.random(count), units(rng, count), budget)
    assert found.cost <= budget
    assert all(0.5 - 1e-3 <= pick.scale <= 1.0 for pick in found.picks)
    # what is left is rounding of scales, at most 2/4096 of a frame's cost, or nothing to show it on
    most = min(budget, len(found.picks))
    assert found.cost >= most - len(found.picks) * (2 / 4096 + 1 / 256)


def test_f2c_shows_still_peaks_sharp_and_moving_ones_long() -> None:
    rng = np.random.default_rng(0)
    rows = np.repeat(units(rng, 1, 64), 400, axis=0)
    rows[200:] = units(rng, 200, 64)
    relevance = np.zeros(400)
    relevance[80:121] = 1 - np.abs(np.arange(-20, 21)) / 100
    relevance[280:321] = 1 - np.abs(np.arange(-20, 21)) / 100
    found = planned(relevance, rows, 4)
    still = [pick for pick in found.picks if pick.time < 200]
    moving = [pick for pick in found.picks if pick.time >= 200]
    assert [pick.scale for pick in still] == [1.0] and still[0].time == 100
    assert len(moving) > 4 and all(pick.scale < 1 for pick in moving)
    assert {pick.clip for pick in found.picks} == {0, 1}


def test_f2c_prices_clips_as_the_source_does_when_every_frame_has_its_anchor() -> None:
    """`K` anchors: a clip of `l` frames costs one frame, each side smaller by `sqrt(l)`."""
    rng = np.random.default_rng(4)
    wide, narrow = [0.2, 0.99, 1.0, 0.99, 0.8], [0.1, 0.2, 1.0, 0.2, 0.1]
    relevance = np.array((wide + narrow) * 15)
    found = planned(relevance, units(rng, 150, 64), 30)
    lengths = set()
    for clip in {pick.clip for pick in found.picks}:
        own = [pick for pick in found.picks if pick.clip == clip]
        assert own[0].scale == pytest.approx(1 / math.sqrt(len(own)), abs=2 / 4096)
        lengths.add(len(own))
    assert len(lengths) > 1
    assert found.cost == pytest.approx(30, abs=0.05)


def test_f2c_without_features_takes_what_does_not_change_for_still() -> None:
    """A slide that stands for 200 s, then a cut every second."""
    relevance = np.zeros(400)
    relevance[80:121] = relevance[280:321] = 1 - np.abs(np.arange(-20, 21)) / 100
    change = np.where(np.arange(400) < 200, 0.0, 1.0)
    found = choose("f2c", Items.of(np.arange(400)), Signals(speech=relevance, change=change), 4)
    assert [pick.scale for pick in found.picks if pick.time < 200] == [1.0]
    assert len([pick for pick in found.picks if pick.time >= 200]) > 4
    assert found.notes == ("no features: shots and text tell what stands still",)


def test_f2c_without_features_or_change_says_so() -> None:
    found = choose("f2c", Items.of(np.arange(9)), Signals(speech=np.eye(9)[3]), 2)
    assert found.notes == ("no features: nothing counts as redundant",)
    assert 3.0 in found.times
