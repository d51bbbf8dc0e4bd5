"""Random names in the public vocabulary: what lessons tell of and ask for."""

from collections.abc import Callable, Sequence

import numpy as np

from longtake.eval.haystack.acts import Actor
from longtake.eval.haystack.models.facts import WORDS
from longtake.eval.haystack.vocabulary import DIGITS, LETTERS

SIGN_LETTERS = "FHJKLMRS"
"""That rooms' names begin with."""

Name = Callable[[np.random.Generator], str]
"""Makes a random name of some kind."""


def pick(rng: np.random.Generator, among: Sequence[str]) -> str:
    """One of several, each as likely."""
    return str(among[int(rng.integers(len(among)))])


def code(rng: np.random.Generator, pattern: str = "AAA99") -> str:
    """`A` in the pattern becomes a letter, `9` a digit."""
    return "".join(pick(rng, LETTERS if mark == "A" else DIGITS) for mark in pattern)


def one_off(rng: np.random.Generator, text: str) -> str:
    """A code with one of its places drawn anew."""
    at = int(rng.integers(len(text)))
    return text[:at] + pick(rng, LETTERS if text[at].isalpha() else DIGITS) + text[at + 1 :]


def room_name(rng: np.random.Generator) -> str:
    """`F7`."""
    return pick(rng, SIGN_LETTERS) + pick(rng, DIGITS)


def thing_name(rng: np.random.Generator) -> str:
    """`blue cup`."""
    return f"{pick(rng, WORDS.colours)} {pick(rng, WORDS.things)}"


def vehicle_name(rng: np.random.Generator) -> str:
    """`red car`."""
    return f"{pick(rng, WORDS.colours)} {pick(rng, WORDS.vehicles)}"


def picture_name(rng: np.random.Generator) -> str:
    """`white moon`, of the shapes of badges."""
    return f"{pick(rng, WORDS.colours)} {pick(rng, WORDS.badges)}"


def day_name(rng: np.random.Generator) -> str:
    """`Day 7`, as far as 40."""
    return f"Day {int(rng.integers(1, 41))}"


def gate_number(rng: np.random.Generator) -> str:
    """`23`."""
    return str(int(rng.integers(2, 60)))


def board_number(rng: np.random.Generator) -> str:
    """`318`."""
    return str(int(rng.integers(102, 999)))


def actor(rng: np.random.Generator) -> Actor:
    """Somebody."""
    return Actor(pick(rng, WORDS.colours), pick(rng, WORDS.hats), pick(rng, WORDS.badges))
