"""Selectors that look at features, against slow references written from the definitions."""

import itertools
import math
from typing import Any

import numpy as np
import pytest

from longtake.tools.select.diversity import background, dissimilar, facility, maxmin, mmr
from longtake.tools.select.listwise import Listwise, determinantal, kernel
from longtake.tools.select.prefilter import best_of_windows

Rows = Any
SEEDS = range(12)


def units(rng: np.random.Generator, count: int, dimension: int = 4) -> Rows:
    rows = rng.normal(size=(count, dimension))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def stretched(values: Rows) -> Rows:
    return (values - values.min()) / (values.max() - values.min())


SELECTORS = {
    "maxmin": maxmin(),
    "mmr": mmr(),
    "facility": facility(),
    "dissimilar": dissimilar(),
    "determinantal": determinantal(units(np.random.default_rng(9), 1)[0]),
    "determinantal-short": determinantal(
        units(np.random.default_rng(9), 1)[0], Listwise(segment=5)
    ),
}


@pytest.mark.parametrize("name", sorted(SELECTORS))
@pytest.mark.parametrize("repeats", [1, 7], ids=["distinct", "repeated"])
def test_that_many_indices_sorted_and_unique(name: str, repeats: int) -> None:
    """Also where frames repeat: the authors' max-min loop takes 4 different of 8 there."""
    rng = np.random.default_rng(3)
    rows = np.repeat(units(rng, 6), repeats, axis=0)
    for count in (0, 1, 2, len(rows) - 1, len(rows), len(rows) + 3):
        found = SELECTORS[name](rows, rng.random(len(rows)), count).tolist()
        assert len(found) == min(count, len(rows))
        assert found == sorted(set(found))


@pytest.mark.parametrize("seed", SEEDS)
def test_maxmin_is_greedy_by_a_table_of_distances(seed: int) -> None:
    rows = units(np.random.default_rng(seed), 30)
    distance = 1 - rows @ rows.T
    far = distance + np.where(np.eye(30) > 0, np.inf, 0)
    chosen = [int(far.min(axis=1).argmax())]
    gaps = []
    while len(chosen) < 8:
        near = [min(distance[i, c] for c in chosen) if i not in chosen else -1 for i in range(30)]
        gaps.append(max(near))
        chosen.append(int(np.argmax(near)))
    assert maxmin(block=7)(rows, np.zeros(30), 8).tolist() == sorted(chosen)
    assert gaps == sorted(gaps, reverse=True)


def test_maxmin_is_not_far_from_the_best_set() -> None:
    def gap(rows: Rows, some: Any) -> float:
        return float(min(1 - rows[a] @ rows[b] for a, b in itertools.combinations(some, 2)))

    ratios = []
    for seed in range(20):
        rows = units(np.random.default_rng(seed), 12)
        best = max(gap(rows, some) for some in itertools.combinations(range(12), 4))
        ratios.append(gap(rows, maxmin()(rows, np.zeros(12), 4)) / best)
    assert np.mean(ratios) > 0.8 and min(ratios) >= 0.5


@pytest.mark.parametrize("seed", SEEDS)
def test_mmr_is_the_loop_over_likeness_beyond_the_usual(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, scores = units(rng, 25) + np.array([1.0, 0, 0, 0]), rng.random(25)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    base = np.mean([rows[a] @ rows[b] for a in range(25) for b in range(25) if a != b])
    assert base > 0.2

    def near(frame: int) -> float:
        return max(((rows[frame] @ rows[c] - base) / (1 - base) for c in chosen), default=0.0)

    chosen: list[int] = []
    while len(chosen) < 7:
        left = [i for i in range(25) if i not in chosen]
        chosen.append(max(left, key=lambda i: 0.5 * stretched(scores)[i] - 0.5 * near(i)))
    assert mmr()(rows, scores, 7).tolist() == sorted(chosen)


def test_background_is_the_mean_cosine_of_all_pairs() -> None:
    rows = np.abs(units(np.random.default_rng(0), 50))
    pairs = [rows[a] @ rows[b] for a in range(50) for b in range(50) if a != b]
    assert background(rows) == pytest.approx(np.mean(pairs))
    assert background(np.empty((50, 0))) == 0.0


def facility_value(rows: Rows, scores: Rows, some: Any) -> float:
    alike = (rows @ rows.T + 1) / 2
    return float(alike[:, list(some)].max(axis=1).sum() + 0.7 * stretched(scores)[list(some)].sum())


@pytest.mark.parametrize("seed", SEEDS)
def test_facility_is_greedy_and_within_1_minus_1_over_e_of_the_best(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, scores = units(rng, 11), rng.random(11)
    chosen: list[int] = []
    for _ in range(4):
        left = [i for i in range(11) if i not in chosen]
        chosen.append(max(left, key=lambda i: facility_value(rows, scores, [*chosen, i])))
    found = facility()(rows, scores, 4)
    assert found.tolist() == sorted(chosen)
    best = max(facility_value(rows, scores, some) for some in itertools.combinations(range(11), 4))
    assert facility_value(rows, scores, found) >= (1 - 1 / math.e) * best


@pytest.mark.parametrize("seed", SEEDS)
def test_dcode_keeps_the_anchors_and_adds_the_most_dissimilar(seed: int) -> None:
    rows = units(np.random.default_rng(seed), 40)
    anchors = [int((i + 0.5) * 40 / 8) for i in range(8)]
    chosen = list(anchors)
    while len(chosen) < 10:
        left = [i for i in range(40) if i not in chosen]
        chosen.append(min(left, key=lambda i: float(np.mean(rows[chosen] @ rows[i]))))
    found = dissimilar()(rows, np.zeros(40), 10)  # int(10 * 0.85) = 8 anchors
    assert found.tolist() == sorted(chosen)


def test_dcode_finds_the_odd_frame() -> None:
    rows = np.tile([1.0, 0.0], (200, 1))
    rows[77] = [0.0, 1.0]
    assert 77 in dissimilar()(rows, np.zeros(200), 8)


def log_det(matrix: Rows) -> float:
    sign, value = np.linalg.slogdet(matrix)
    return float(value) if sign > 0 else -math.inf


def reference_lists(rows: Rows, query: Rows, count: int, segment: int, balance: float) -> list[int]:
    """MDP3 written out: greedy inside segments given the last frame before, best split by DP."""
    alike = kernel(2 - 2 * rows @ rows.T)
    gains = 2 / balance * np.log(kernel(2 - 2 * rows @ query))

    def worth(given: list[int], some: list[int]) -> float:
        both = log_det(alike[np.ix_(given + some, given + some)])
        return (
            float(gains[some].sum()) + both - (log_det(alike[np.ix_(given, given)]) if given else 0)
        )

    best: dict[int, tuple[float, list[int]]] = {0: (0.0, [])}
    for start in range(0, len(rows), segment):
        inside = list(range(start, min(start + segment, len(rows))))
        new: dict[int, tuple[float, list[int]]] = {}
        for value, trace in best.values():
            picked: list[int] = []
            given = sorted(trace)[-1:]
            for extra in range(min(len(inside), count - len(trace)) + 1):
                if extra:
                    left = [i for i in inside if i not in picked]
                    picked.append(max(left, key=lambda i: worth(given, [*picked, i])))
                total = value + (worth(given, picked) if picked else 0.0)
                size = len(trace) + extra
                if size not in new or total > new[size][0] + 1e-12:
                    new[size] = total, trace + sorted(picked)
        best = new
    return sorted(best[count][1])


@pytest.mark.parametrize("segment", [4, 7, 100], ids=["many", "some", "one"])
@pytest.mark.parametrize("seed", range(6))
def test_lists_are_those_of_the_slow_programme(segment: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, query = units(rng, 18, 6), units(rng, 1, 6)[0]
    select = determinantal(query, Listwise(segment=segment))
    assert select(rows, np.zeros(18), 5).tolist() == reference_lists(rows, query, 5, segment, 0.2)


def test_a_list_prefers_two_views_of_the_answer_to_the_same_one_twice() -> None:
    query = np.array([1.0, 0, 0])
    near, other, off = [0.9, 0.43589, 0], [0.9, -0.43589, 0], [0, 0, 1.0]
    rows = np.array([near, near, off, off, other, off])
    assert determinantal(query)(rows, rows @ query, 2).tolist() == [0, 4]


@pytest.mark.parametrize("name", ["maxmin", "mmr", "facility", "dissimilar"])
def test_many_frames_are_chosen_among_the_best_of_windows(name: str) -> None:
    rng = np.random.default_rng(0)
    rows, scores = units(rng, 300), rng.random(300)
    makers: dict[str, Any] = {
        "maxmin": maxmin,
        "mmr": mmr,
        "facility": facility,
        "dissimilar": dissimilar,
    }
    pool = best_of_windows(scores, 50)
    if name == "dissimilar":
        pool = np.union1d(pool, [int((i + 0.5) * 300 / 8) for i in range(8)])
    assert set(makers[name](most=50)(rows, scores, 10).tolist()) <= set(pool.tolist())
