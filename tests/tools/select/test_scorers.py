"""Scorers and their combinations."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longtake.errors import UsageError
from longtake.tools.select import scorers
from longtake.tools.select.items import Items, Signals

Rows = Any
ITEMS = Items.of([0.0, 1, 2, 12], np.array([[1.0, 0], [1, 0], [0, 1], [0.6, 0.8]]))


def test_any_lane_is_the_best_that_a_lane_says() -> None:
    signals = Signals(
        frame_text=np.array([0.20, 0.22, 0.30, 0.20]),
        speech=np.array([0.9, 0.1, 0.1, 0.0]),
        text=np.array([0.0, 0.3, 0.0, 0.0]),
    )
    found = scorers.any_lane(ITEMS, signals)
    assert found == pytest.approx([0.9, 0.3, 0.8, 0.0])  # pictures count 0.8 of 0..1
    spoken = scorers.any_lane(ITEMS, Signals(speech=np.array([0.9, 0.1, 0.1, 0.0])))
    assert spoken.tolist() == [0.9, 0.1, 0.1, 0.0]


def test_pictures_that_are_all_alike_say_nothing() -> None:
    assert scorers.any_lane(ITEMS, Signals(frame_text=np.full(4, 0.3))).tolist() == [0] * 4


def test_an_overview_takes_the_clips_vector_or_its_best_frame() -> None:
    assert scorers.overview_relevance(ITEMS, Signals(speech=np.array([0.1, 0.7, 0.2, 0.3]))) == (
        pytest.approx([0.7, 0.7, 0.7, 0.3])
    )
    clips = Signals(clip_text=np.array([0.2, 0.2, 0.2, 0.4]), speech=np.ones(4))
    assert scorers.overview_relevance(ITEMS, clips).tolist() == [0.2, 0.2, 0.2, 0.4]


def test_novelty_is_the_distance_to_the_frame_before() -> None:
    assert scorers.novelty(ITEMS, Signals()) == pytest.approx([1.0, 0.0, 1.0, 0.2])
    assert scorers.novelty(ITEMS, Signals(change=np.arange(4.0))).tolist() == [0, 1, 2, 3]


def test_novelty_of_more_frames_than_a_block() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(20_000, 3))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    found = scorers.novelty(Items.of(np.arange(20_000), rows), Signals())
    expected = 1 - (rows[1:] * rows[:-1]).sum(axis=1)
    assert found[1:] == pytest.approx(expected, abs=1e-6)


def test_a_frame_that_no_model_was_asked_about_has_no_yes() -> None:
    signals = Signals(probability=np.array([0.5, np.nan, 1.0, np.nan]))
    assert scorers.yes_probability(ITEMS, signals).tolist() == [0.5, 0, 1, 0]


def test_density_is_of_words_or_else_of_pictures() -> None:
    assert scorers.density(ITEMS, Signals(density=np.arange(4.0))).tolist() == [0, 1, 2, 3]
    assert scorers.density(ITEMS, Signals()) == pytest.approx([1.0, 0.0, 1.0, 0.2])


@pytest.mark.parametrize("name", ["frame_relevance", "clip_relevance", "yes_probability"])
def test_a_missing_signal_is_an_error_of_the_family(name: str) -> None:
    with pytest.raises(UsageError, match="no signal"):
        getattr(scorers, name)(ITEMS, Signals())


def test_weights_of_scorers_on_one_scale() -> None:
    signals = Signals(change=np.array([0.0, 5, 10, 5]), density=np.array([3.0, 1, 1, 1]))
    both = scorers.weighted((scorers.novelty, 2.0), (scorers.density, 1.0))
    assert both(ITEMS, signals) == pytest.approx([1.0, 1.0, 2.0, 1.0])
    length = scorers.weighted((scorers.density, 1.0), normalise="length")
    assert length(ITEMS, signals) == pytest.approx(np.array([3, 1, 1, 1]) / np.sqrt(12))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=20))
def test_every_scale_keeps_the_order_and_says_what_it_is(values: list[float]) -> None:
    row = np.array(values)
    for how in ("none", "range", "rank", "length"):
        found = scorers.normalised(row, how)
        for one in range(len(row)):
            for other in range(len(row)):
                if row[one] < row[other]:
                    assert found[one] < found[other]
                elif row[one] == row[other]:
                    assert found[one] == found[other]
    ranks = [sum(v < w for v in row) + (sum(v == w for v in row) - 1) / 2 for w in row]
    assert scorers.normalised(row, "rank") == pytest.approx(np.array(ranks) / max(1, len(row) - 1))


def test_shares_sum_to_one() -> None:
    assert scorers.normalised(np.array([1.0, 3.0]), "sum").tolist() == [0.25, 0.75]
    assert scorers.normalised(np.zeros(3), "sum").tolist() == [0, 0, 0]
