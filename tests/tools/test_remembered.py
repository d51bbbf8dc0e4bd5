"""Sentences that are embedded once."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from longtake.index.lanes import F32
from longtake.tools.remembered import Remembered


class Counting:
    """Embeds a text as its length and its number of vowels; notes what it was asked for."""

    dimension = 2
    identity = "counting/1"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: list[str]) -> F32:
        self.asked += texts
        made = [[len(text), sum(c in "aeiou" for c in text)] for text in texts]
        return np.array(made, np.float32).reshape(len(texts), 2)


@given(st.lists(st.lists(st.sampled_from("a bb cac ddi eeee".split()), max_size=6), max_size=8))
def test_it_says_what_the_encoder_says_and_asks_for_nothing_twice(calls: list[list[str]]) -> None:
    plain, counting = Counting(), Counting()
    remembered = Remembered(counting)
    for texts in calls:
        assert np.array_equal(remembered.embed(texts), plain.embed(texts))
    assert len(counting.asked) == len(set(counting.asked))


def test_what_was_asked_for_longest_ago_is_forgotten() -> None:
    counting = Counting()
    remembered = Remembered(counting, most=2)
    remembered.embed(["a", "bb"])
    remembered.embed(["a", "cac"])
    remembered.embed(["a", "bb"])
    assert counting.asked == ["a", "bb", "cac", "bb"]
