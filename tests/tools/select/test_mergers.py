"""Mergers lose no frame, and HoliTom's windows are the best there are."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longtake.tools.select.items import Items
from longtake.tools.select.mergers import (
    adjacent,
    drop,
    into_nearest,
    static_windows,
    still_windows,
)

Rows = Any


def units(rng: np.random.Generator, count: int, dimension: int = 4) -> Rows:
    rows = rng.normal(size=(count, dimension))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def some(rng: np.random.Generator, total: int, count: int) -> Rows:
    return np.sort(rng.choice(total, count, replace=False))


def test_drop_keeps_what_is_kept() -> None:
    items = Items.of([0.0, 1, 2, 3], np.eye(4))
    assert drop(items, np.array([1, 3]), 2).times.tolist() == [1.0, 3.0]


@pytest.mark.parametrize("seed", range(8))
def test_into_nearest_is_the_mean_of_each_frame_and_those_most_like_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = units(rng, 40)
    kept = some(rng, 40, 5)
    found = into_nearest(Items.of(np.arange(40), rows), kept, 5)
    owner = [
        list(kept).index(i) if i in kept else int(np.argmax(rows[kept] @ rows[i]))
        for i in range(40)
    ]
    for place in range(5):
        mean = rows[[i for i in range(40) if owner[i] == place]].mean(axis=0)
        assert found.features is not None
        assert found.features[place] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-5)
        assert found.counts()[place] == owner.count(place)
    assert found.times.tolist() == kept.tolist()


def test_into_nearest_without_features_is_nearest_in_time() -> None:
    found = into_nearest(Items.of(np.arange(10)), np.array([2, 8]), 2)
    assert found.counts().tolist() == [6, 4]


def reference_adjacent(rows: Rows, kept: list[int], target: int) -> list[list[int]]:
    groups = [[i] for i in range(len(rows))]
    while len(groups) > target:
        best = None
        for place in range(len(groups) - 1):
            left, right = groups[place], groups[place + 1]
            if set(left) & set(kept) and set(right) & set(kept):
                continue
            a, b = rows[left].sum(axis=0), rows[right].sum(axis=0)
            alike = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
            if best is None or alike > best[0]:
                best = alike, place
        if best is None:
            break
        groups[best[1]] += groups.pop(best[1] + 1)
    return groups


@pytest.mark.parametrize("target", [1, 4, 9])
@pytest.mark.parametrize("seed", range(5))
def test_adjacent_joins_the_most_alike_neighbours(seed: int, target: int) -> None:
    rng = np.random.default_rng(seed)
    rows, kept = units(rng, 25), some(rng, 25, 3)
    found = adjacent(Items.of(np.arange(25), rows), kept, target)
    groups = reference_adjacent(rows, kept.tolist(), target)
    assert found.counts().tolist() == [len(group) for group in groups]
    assert len(found) == max(target, 3) and found.counts().sum() == 25
    assert set(kept.tolist()) <= set(found.times.tolist())


def saved(still: Rows, cuts: tuple[int, ...], total: int) -> int:
    ends = [*cuts[1:], total]
    return sum(
        int(still[start : end - 1].all(axis=0).sum()) * (end - start - 1)
        for start, end in zip(cuts, ends, strict=True)
        if end - start > 1
    )


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 9), st.integers(1, 4), st.integers(0, 100_000), st.integers(2, 9))
def test_windows_save_as_much_as_the_best_of_all_cuts(
    total: int, parts: int, seed: int, longest: int
) -> None:
    still = np.random.default_rng(seed).random((total - 1, parts)) < 0.7
    found = tuple(still_windows(still, longest).tolist())
    best = max(
        saved(still, (0, *cuts), total)
        for size in range(total)
        for cuts in itertools.combinations(range(1, total), size)
        if max(b - a for a, b in itertools.pairwise([0, *cuts, total])) <= longest
    )
    assert found[0] == 0 and list(found) == sorted(set(found))
    assert saved(still, found, total) == best
    assert max(b - a for a, b in itertools.pairwise([*found, total])) <= longest


def test_still_stretches_become_one_frame_each() -> None:
    rows = np.eye(3)[[0, 0, 0, 1, 1, 2]]
    items = Items.of(np.arange(6), rows)
    found = static_windows(items, np.array([1, 2, 4]), 0)
    assert found.times.tolist() == [1.0, 4.0, 5.0]
    assert found.counts().tolist() == [3, 2, 1]
    assert found.features is not None and found.features == pytest.approx(np.eye(3))
    again = static_windows(found, np.array([0]), 0)
    assert again.counts().tolist() == [3, 2, 1]
    assert static_windows(Items.of([0.0, 1]), np.array([0]), 0).times.tolist() == [0, 1]
