"""What a world can hold: colours, shapes, names; a part of each is kept from public seeds."""

import zlib
from dataclasses import dataclass

import numpy as np

Rgb = tuple[int, int, int]

COLOURS: dict[str, Rgb] = {
    "red": (204, 38, 38),
    "green": (34, 150, 60),
    "blue": (40, 70, 205),
    "yellow": (236, 208, 40),
    "orange": (240, 130, 24),
    "white": (244, 244, 240),
    "black": (26, 26, 30),
    "purple": (128, 48, 160),
    "pink": (244, 150, 190),
    "brown": (120, 76, 40),
    "turquoise": (40, 190, 190),
    "grey": (128, 132, 136),
}
HATS = ("top hat", "cap", "cone hat", "crown", "beret", "helmet", "sun hat")
BADGES = ("star", "circle", "triangle", "square", "cross", "diamond", "moon")
THINGS = ("cup", "book", "ball", "box", "bottle", "lamp", "vase", "clock", "bell", "plant")
VEHICLES = ("car", "van", "bus", "truck", "tractor", "tanker")
NUMBERS = ("TOTAL", "COUNT", "WEIGHT")
"""What a number on a board may be called."""
PICTURES = ("star", "circle", "triangle", "square", "cross", "diamond", "moon")
ALARMS = ("fire alarm", "water alarm", "door alarm", "gas alarm", "lift alarm", "roof alarm")
FIRST = (
    "Ada Ben Clara David Emma Frank Grace Henry Ida Jack Karen Leo Maria Nora Oscar Paul Rosa "
    "Simon Tina Victor Wendy Adam Bella Carl Diana Eric Fiona George Helen Ivan"
).split()
LAST = (
    "Brook Carter Fisher Hill Hunter King Lake Marsh Miller North Parker Rivers Stone Taylor "
    "Walker Winter Woods Young Baker Cooper Field Foster Harper Knight"
).split()

LETTERS = "ACFHJKLMQRSXYZ"
"""Without letters that look or sound like others or like digits."""
DIGITS = "23456789"
SIGNS = tuple(f"{letter}{digit}" for letter in "FHJKLMRS" for digit in DIGITS)
"""Names of rooms."""

_HELD = {"COLOURS": 4, "HATS": 2, "BADGES": 2, "THINGS": 3, "VEHICLES": 2, "NUMBERS": 1}
"""How many at the end of each are held out: 28 to 33 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The words of one world."""

    colours: tuple[str, ...]
    hats: tuple[str, ...]
    badges: tuple[str, ...]
    things: tuple[str, ...]
    vehicles: tuple[str, ...]
    numbers: tuple[str, ...]


def vocabulary(*, held_out: bool) -> Vocabulary:
    """All words, or those that public seeds may show."""

    def allowed(name: str, words: tuple[str, ...]) -> tuple[str, ...]:
        return words if held_out else words[: -_HELD[name]]

    return Vocabulary(
        colours=allowed("COLOURS", tuple(COLOURS)),
        hats=allowed("HATS", HATS),
        badges=allowed("BADGES", BADGES),
        things=allowed("THINGS", THINGS),
        vehicles=allowed("VEHICLES", VEHICLES),
        numbers=allowed("NUMBERS", NUMBERS),
    )


class Codes:
    """Random codes, each given out once; those of different worlds of a suite never meet."""

    def __init__(self, rng: np.random.Generator, world: int, worlds: int) -> None:
        self._rng, self._world, self._worlds = rng, world, worlds
        self._used: set[str] = set()

    def draw(self, pattern: str) -> str:
        """A new code: `A` in the pattern becomes a letter, `9` a digit."""
        while True:
            code = "".join(
                str(self._rng.choice(list(LETTERS if mark == "A" else DIGITS))) for mark in pattern
            )
            if code not in self._used and zlib.crc32(code.encode()) % self._worlds == self._world:
                self._used.add(code)
                return code

    def near(self, code: str) -> str:
        """A code that was never given out and differs from `code` in one place only."""
        while True:
            at = int(self._rng.integers(len(code)))
            marks = LETTERS if code[at].isalpha() else DIGITS
            other = code[:at] + str(self._rng.choice(list(marks))) + code[at + 1 :]
            if other not in self._used:
                self._used.add(other)
                return other
