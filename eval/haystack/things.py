"""The things that are put on shelves."""

import math
from collections.abc import Callable
from functools import lru_cache

from PIL import Image

from longtake.eval.haystack.acts import Thing
from longtake.eval.haystack.sprites import FINE, INK, blank, edge, shade
from longtake.eval.haystack.vocabulary import COLOURS, Rgb

PAPER: Rgb = (250, 250, 244)
Points = list[tuple[float, float]]


class _Pen:
    """Draws in a square from (0, 0) to (1, 1), in one colour with a darker edge."""

    def __init__(self, colour: Rgb, size: int) -> None:
        self.image, self._draw, self._w, self._h = blank(size, size)
        self.colour, self.dark = colour, edge(colour)
        self._line = max(2, round(self._w / 28))

    def box(
        self, a: float, b: float, c: float, d: float, fill: Rgb | None = None, corner: float = 0
    ) -> None:
        place = (a * self._w, b * self._h, c * self._w, d * self._h - 1)
        self._draw.rounded_rectangle(
            place, corner * self._w, fill=fill or self.colour, outline=self.dark, width=self._line
        )

    def oval(self, a: float, b: float, c: float, d: float, fill: Rgb | None = None) -> None:
        place = (a * self._w, b * self._h, c * self._w, d * self._h - 1)
        self._draw.ellipse(place, fill=fill or self.colour, outline=self.dark, width=self._line)

    def polygon(self, points: Points, fill: Rgb | None = None) -> None:
        scaled = [(x * self._w, y * self._h) for x, y in points]
        self._draw.polygon(scaled, fill=fill or self.colour, outline=self.dark, width=self._line)

    def ring(self, a: float, b: float, c: float, d: float, start: int = 0, end: int = 360) -> None:
        place = (a * self._w, b * self._h, c * self._w, d * self._h)
        self._draw.arc(place, start, end, fill=self.dark, width=2 * self._line)

    def line(self, a: float, b: float, c: float, d: float, fill: Rgb | None = None) -> None:
        place = (a * self._w, b * self._h, c * self._w, d * self._h)
        self._draw.line(place, fill=fill or self.dark, width=self._line)


def _cup(pen: _Pen) -> None:
    pen.ring(0.58, 0.45, 0.93, 0.8)
    pen.box(0.15, 0.35, 0.72, 1, corner=0.08)


def _book(pen: _Pen) -> None:
    pen.box(0.22, 0.08, 0.78, 1)
    pen.box(0.30, 0.22, 0.70, 0.38, fill=PAPER)


def _ball(pen: _Pen) -> None:
    pen.oval(0.12, 0.22, 0.88, 1)
    pen.ring(0.3, 0.22, 1.1, 1, 110, 250)


def _box(pen: _Pen) -> None:
    pen.box(0.06, 0.32, 0.94, 1)
    pen.line(0.06, 0.52, 0.94, 0.52)
    pen.box(0.42, 0.32, 0.58, 0.66, fill=shade(pen.colour, 0.7))


def _bottle(pen: _Pen) -> None:
    pen.box(0.40, 0.0, 0.60, 0.4)
    pen.box(0.28, 0.32, 0.72, 1, corner=0.12)


def _lamp(pen: _Pen) -> None:
    pen.box(0.45, 0.4, 0.55, 0.95)
    pen.polygon([(0.3, 0.05), (0.7, 0.05), (0.92, 0.5), (0.08, 0.5)])
    pen.box(0.25, 0.9, 0.75, 1)


def _vase(pen: _Pen) -> None:
    half = [(0.65, 0.05), (0.58, 0.3), (0.85, 0.6), (0.65, 0.99)]
    pen.polygon(half + [(1 - x, y) for x, y in reversed(half)])


def _clock(pen: _Pen) -> None:
    pen.oval(0.1, 0.2, 0.9, 1)
    pen.oval(0.24, 0.34, 0.76, 0.86, fill=PAPER)
    pen.line(0.5, 0.6, 0.5, 0.4, fill=INK)
    pen.line(0.5, 0.6, 0.64, 0.66, fill=INK)


def _bell(pen: _Pen) -> None:
    half = [(0.58, 0.12), (0.72, 0.4), (0.78, 0.72), (0.92, 0.85)]
    pen.polygon(half + [(1 - x, y) for x, y in reversed(half)])
    pen.oval(0.41, 0.82, 0.59, 1)


def _plant(pen: _Pen) -> None:
    for degrees in (-60, -90, -120):
        turn = math.radians(degrees)
        tip = (0.5 + 0.55 * math.cos(turn), 0.6 + 0.55 * math.sin(turn))
        pen.polygon([(0.4, 0.6), tip, (0.6, 0.6)], fill=(70, 110, 70))
    pen.polygon([(0.2, 0.58), (0.8, 0.58), (0.7, 0.99), (0.3, 0.99)])


_SHAPES: dict[str, Callable[[_Pen], None]] = {
    "cup": _cup,
    "book": _book,
    "ball": _ball,
    "box": _box,
    "bottle": _bottle,
    "lamp": _lamp,
    "vase": _vase,
    "clock": _clock,
    "bell": _bell,
    "plant": _plant,
}


@lru_cache(maxsize=1024)
def thing_sprite(thing: Thing, size: int) -> Image.Image:
    """RGBA [size, size], standing on its lower edge."""
    pen = _Pen(COLOURS[thing.colour], size)
    _SHAPES[thing.shape](pen)
    return pen.image.reduce(FINE)
