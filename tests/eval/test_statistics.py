"""Intervals and tests against brute force, textbook values and simulations with a known truth."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.eval import statistics as stats


def brute_bootstrap(values: list[float], clusters: list[str], draws: int) -> tuple[float, float]:
    """Percentiles of resampled means, one draw at a time with another generator."""
    rng = np.random.default_rng(7)
    names = sorted(set(clusters))
    rows = {name: [v for v, c in zip(values, clusters, strict=True) if c == name] for name in names}
    means = []
    for _ in range(draws):
        drawn = [v for name in rng.choice(names, len(names)) for v in rows[str(name)]]
        means.append(sum(drawn) / len(drawn))
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def test_the_interval_is_that_of_whole_videos_drawn_again() -> None:
    rng = np.random.default_rng(1)
    clusters = [f"v{i}" for i in range(20) for _ in range(1 + i % 5)]
    values = [float(rng.random() < 0.6) for _ in clusters]
    got = stats.mean(values, clusters)
    assert got is not None and got.low is not None and got.high is not None
    assert got.value == sum(values) / len(values)
    assert (got.n, got.clusters) == (len(values), 20)
    low, high = brute_bootstrap(values, clusters, 4000)
    assert abs(got.low - low) < 0.02 and abs(got.high - high) < 0.02


def test_the_clustered_error_is_millers_double_sum() -> None:
    values, clusters = [1, 0, 1, 1, 0, 1], ["a", "a", "b", "b", "b", "c"]
    middle = 4 / 6
    double = sum(
        (x - middle) * (y - middle)
        for (x, c), (y, d) in itertools.product(zip(values, clusters, strict=True), repeat=2)
        if c == d
    )
    got = stats.mean(values, clusters)
    assert got is not None
    assert got.se == pytest.approx(math.sqrt(double) / 6, abs=1e-12)


def test_one_sample_a_video_has_the_plain_standard_error() -> None:
    got = stats.mean([1, 0, 0, 1], list("abcd"))
    assert got is not None
    assert got.se == pytest.approx(0.5 / math.sqrt(4))


def test_one_video_has_no_interval() -> None:
    got = stats.mean([1, 0], ["a", "a"])
    assert got is not None
    assert (got.value, got.low, got.high, got.se) == (0.5, None, None, None)


def test_nothing_has_no_mean() -> None:
    assert stats.mean([], []) is None
    assert stats.ratio([1.0], [0.0], ["a"]) is None


def test_a_share_leaves_rows_without_denominator_out() -> None:
    got = stats.ratio([1, 0, 1, 0], [1, 0, 1, 1], list("abcd"))
    assert got is not None
    assert got.value == pytest.approx(2 / 3)
    assert (got.n, got.clusters) == (3, 3)


@pytest.mark.parametrize("inside", [0.0, 0.35])
def test_intervals_hold_the_truth_as_often_as_they_say(inside: float) -> None:
    """300 experiments with 60 videos of 5 questions; `inside` is the spread between videos. A
    percentile interval of 60 clusters covers slightly less than 95 %."""
    rng = np.random.default_rng(11)
    clusters = [f"v{i}" for i in range(60) for _ in range(5)]
    held = unclustered = 0
    for _ in range(300):
        rate = 0.5 + rng.choice([-inside, inside], 60)
        values = (rng.random(300) < np.repeat(rate, 5)).astype(float)
        got = stats.mean(values, clusters, draws=600)
        assert got is not None and got.low is not None and got.high is not None
        held += got.low <= 0.5 <= got.high
        naive = 1.96 * values.std() / math.sqrt(300)
        unclustered += abs(values.mean() - 0.5) <= naive
    assert 0.90 <= held / 300 <= 0.98
    if inside:
        assert unclustered / 300 < 0.87


def test_the_same_data_have_the_same_interval_in_any_order() -> None:
    clusters = [f"v{i}" for i in range(10) for _ in range(3)]
    values = [float(i % 3 == 0) for i in range(30)]
    order = np.random.default_rng(3).permutation(30)
    again = stats.mean([values[i] for i in order], [clusters[i] for i in order])
    assert stats.mean(values, clusters) == again


def test_mcnemar_has_the_values_of_the_sign_test() -> None:
    assert stats.mcnemar(0, 0) == 1
    assert stats.mcnemar(0, 5) == pytest.approx(2 / 32)
    assert stats.mcnemar(1, 9) == pytest.approx(2 * (1 + 10) / 1024)
    assert stats.mcnemar(3, 3) == 1
    assert stats.mcnemar(2000, 2200) == pytest.approx(0.002134, abs=5e-5)


def test_systems_are_compared_on_the_same_samples() -> None:
    first = [1.0, 1.0, 1.0, 0.0, 1.0, 0.0]
    second = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]
    got = stats.paired(first, second, list("aabbcc"))
    assert got is not None
    assert got.difference.value == pytest.approx(2 / 6)
    assert (got.only_first, got.only_second) == (3, 1)
    assert got.p == pytest.approx(2 * (1 + 4) / 16)
    assert got.difference.se is not None
    assert got.detectable == pytest.approx(2.8016 * got.difference.se, rel=1e-4)


def test_the_detectable_effect_is_found_in_four_of_five_experiments() -> None:
    rng = np.random.default_rng(5)
    se = 0.03
    effect = stats.detectable(se)
    found = np.abs(rng.normal(effect, se, 20_000)) > 1.95996 * se
    assert found.mean() == pytest.approx(0.8, abs=0.01)


def test_holm_has_known_values() -> None:
    assert stats.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert stats.holm([]) == []
    assert stats.holm([0.9, 0.8]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_never_lowers_and_keeps_the_order(ps: list[float]) -> None:
    adjusted = stats.holm(ps)
    assert all(a >= p for a, p in zip(adjusted, ps, strict=True))
    order = sorted(range(len(ps)), key=lambda i: ps[i])
    assert [adjusted[i] for i in order] == sorted(adjusted)


def test_seeds_are_held_against_each_other() -> None:
    scores = [[1.0, 0.0, 1.0], [1.0, 1.0, 1.0], [1.0, 0.0, 0.0]]
    answers = [["A", "B", "C"], ["A", "D", "C"], ["A", "B", "A"]]
    got = stats.seeds(scores, answers)
    assert got is not None
    assert got.means == pytest.approx((2 / 3, 1.0, 1 / 3))
    assert got.sd == pytest.approx(1 / 3)
    pairs = list(itertools.combinations(range(3), 2))
    differing = [sum(a[i] != a[j] for i, j in pairs) / 3 for a in zip(*answers, strict=True)]
    assert got.flips == pytest.approx(sum(differing) / 3)
    assert stats.seeds(scores[:1], answers[:1]) is None


def test_graded_scores_have_no_p() -> None:
    made = stats.paired([0.9, 0.4, 1.0], [0.2, 0.1, 0.0], ["a", "b", "c"])
    assert made is not None and made.p is None
    assert made.difference.value == pytest.approx(2 / 3)
    plain = stats.paired([1, 0, 1], [0, 0, 0], ["a", "b", "c"])
    assert plain is not None and plain.p == 0.5


def test_seeds_of_a_sample_have_one_vote_together() -> None:
    """Of six samples the first system is better at three, worse at one, equal at two."""
    first = [1, 2 / 3, 1 / 3, 0, 1 / 3, 1]
    second = [2 / 3, 1 / 3, 0, 1 / 3, 1 / 3, 1]
    made = stats.paired(first, second, list("abcdef"), graded=False)
    assert made is not None and (made.only_first, made.only_second) == (3, 1)
    assert made.p == pytest.approx(2 * (1 + 4) / 16)
    assert made.difference.value == pytest.approx(2 / 18)
    once = stats.paired([1, 1, 0, 0], [1, 0, 1, 0], list("abcd"), graded=False)
    assert once == stats.paired([1, 1, 0, 0], [1, 0, 1, 0], list("abcd"))


def test_a_vote_a_sample_is_right_about_systems_that_do_not_differ() -> None:
    """500 experiments with 60 samples of three seeds each, half of them hard; counting every seed
    as a sample of its own would err more often."""
    rng = np.random.default_rng(3)
    found = naive = 0
    for _ in range(500):
        rate = rng.choice([0.1, 0.9], (2, 60))
        scores = rng.random((2, 3, 60)) < rate[:, None]
        found += stats.mcnemar(*stats.votes(*scores.mean(axis=1))) < 0.05
        only = (scores[0] & ~scores[1]).sum(), (scores[1] & ~scores[0]).sum()
        naive += stats.mcnemar(int(only[0]), int(only[1])) < 0.05
    assert found / 500 <= 0.07 < naive / 500
