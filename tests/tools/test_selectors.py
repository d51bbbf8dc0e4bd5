"""Selectors against plain references."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.errors import UsageError
from longtake.tools.select.selectors import SELECTORS, selector, topk, uniform

scores = st.lists(st.floats(0, 1), max_size=40).map(np.array)


@given(scores, st.integers(0, 50), st.sampled_from(sorted(SELECTORS)))
def test_selectors_give_that_many_indices_sorted_and_unique(
    given_scores: np.ndarray, count: int, name: str
) -> None:
    found = selector(name)(given_scores, count).tolist()
    assert len(found) == min(count, len(given_scores))
    assert found == sorted(set(found))
    assert all(0 <= index < len(given_scores) for index in found)


@given(scores, st.integers(0, 50))
def test_topk_is_what_sorting_by_hand_gives(given_scores: np.ndarray, count: int) -> None:
    by_hand = sorted(range(len(given_scores)), key=lambda i: (-given_scores[i], i))[:count]
    assert topk(given_scores, count).tolist() == sorted(by_hand)


def test_uniform_takes_the_middles_of_equal_parts() -> None:
    assert uniform(np.zeros(12), 3).tolist() == [2, 6, 10]
    assert uniform(np.zeros(5), 2).tolist() == [1, 3]


def test_an_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no preset 'best'; there are topk, uniform"):
        selector("best")
