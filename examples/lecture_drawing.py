"""What the lecture's pictures are drawn with: a canvas, light, sea, towers, ships and rocks.

Everything is drawn at twice the size and reduced, so that edges are smooth.
"""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

WIDTH, HEIGHT = 1280, 720
SCALE = 2

Colour = tuple[int, int, int]
Points = Sequence[tuple[float, float]]

PAPER: Colour = (248, 245, 237)
NAVY: Colour = (20, 45, 72)
INK: Colour = (44, 56, 70)
GREY: Colour = (128, 138, 148)
RED: Colour = (196, 62, 48)
GOLD: Colour = (238, 178, 60)
SEA: Colour = (58, 112, 148)
STONE: Colour = (150, 146, 138)


class Canvas:
    """A picture drawn in 1280x720 coordinates."""

    def __init__(self, background: Image.Image) -> None:
        self.image = background.copy()
        self._draw = ImageDraw.Draw(self.image)

    def polygon(self, points: Points, fill: Colour) -> None:
        self._draw.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=fill)

    def line(self, points: Points, fill: Colour, width: float = 2) -> None:
        scaled = [(x * SCALE, y * SCALE) for x, y in points]
        self._draw.line(scaled, fill=fill, width=round(width * SCALE), joint="curve")

    def disc(self, x: float, y: float, radius: float, fill: Colour) -> None:
        box = [
            (x - radius) * SCALE,
            (y - radius) * SCALE,
            (x + radius) * SCALE,
            (y + radius) * SCALE,
        ]
        self._draw.ellipse(box, fill=fill)

    def ellipse(self, box: tuple[float, float, float, float], fill: Colour) -> None:
        self._draw.ellipse([value * SCALE for value in box], fill=fill)

    def rectangle(self, box: tuple[float, float, float, float], fill: Colour) -> None:
        self._draw.rectangle([value * SCALE for value in box], fill=fill)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 32,
        fill: Colour = INK,
        bold: bool = False,
        anchor: str = "ls",
    ) -> None:
        self._draw.text(
            (x * SCALE, y * SCALE),
            text,
            font=_font(size),
            fill=fill,
            anchor=anchor,
            stroke_width=size * 0.025 * SCALE if bold else 0,
            stroke_fill=fill,
        )

    def finish(self) -> Image.Image:
        """The picture at 1280x720."""
        return self.image.reduce(SCALE)


@cache
def _font(size: float) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size * SCALE)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("Pillow was built without FreeType; install a binary wheel of pillow")
    return font


@cache
def sky(top: Colour, bottom: Colour, horizon: int = 470) -> Image.Image:
    """A sky that fades from `top` to `bottom` at the horizon, dithered against banding."""
    ramp = np.clip(np.arange(HEIGHT * SCALE) / (horizon * SCALE), 0, 1)[:, None]
    rows = np.array(top) * (1 - ramp) + np.array(bottom) * ramp
    noise = np.random.default_rng(0).uniform(0, 1, (HEIGHT * SCALE, WIDTH * SCALE, 1))
    return Image.fromarray((rows[:, None, :] + noise).clip(0, 255).astype(np.uint8))


@cache
def stars(count: int) -> tuple[tuple[float, float, float], ...]:
    rng = np.random.default_rng(5)
    return tuple(
        (float(x), float(y), float(r))
        for x, y, r in zip(
            rng.uniform(0, WIDTH, count),
            rng.uniform(0, 360, count),
            rng.uniform(0.7, 1.8, count),
            strict=True,
        )
    )


def mix(a: Colour, b: Colour, share: float) -> Colour:
    first, second, third = (round(x * (1 - share) + y * share) for x, y in zip(a, b, strict=True))
    return first, second, third


def glow(image: Image.Image, shapes: list[tuple[Points, int]], colour: Colour) -> Image.Image:
    """`image` (1280x720) lit by soft polygons, each with a strength of 0..255."""
    mask = Image.new("L", (WIDTH // 4, HEIGHT // 4))
    draw = ImageDraw.Draw(mask)
    for points, strength in shapes:
        draw.polygon([(x / 4, y / 4) for x, y in points], fill=strength)
    soft = mask.filter(ImageFilter.GaussianBlur(2.5)).resize(
        (WIDTH, HEIGHT), Image.Resampling.BICUBIC
    )
    image.paste(colour, mask=soft)
    return image


def ring(x: float, y: float, radius: float) -> Points:
    return [
        (x + radius * math.cos(k * math.tau / 24), y + radius * math.sin(k * math.tau / 24))
        for k in range(24)
    ]


def beams(x: float, y: float, angle: float, strength: int = 130) -> list[tuple[Points, int]]:
    """A two-sided beam that turns about a vertical axis: longest across the view."""
    shapes: list[tuple[Points, int]] = []
    for side in (0.0, math.pi):
        across, towards = math.cos(angle + side), max(0.0, math.sin(angle + side))
        for k in range(24):
            share = 1 - k / 24
            reach = 1150 * share * across
            spread = (5 + 0.055 * abs(reach)) * (1 + towards)
            drop = 26 * towards * share
            corners = [(x, y - 4), (x + reach, y - spread + drop)]
            corners += [(x + reach, y + spread + drop), (x, y + 4)]
            shapes.append((corners, round(strength * (1 - share) ** 1.4) + 2))
        shapes.append((ring(x, y, 10 + 38 * towards**4), strength + round(90 * towards**4)))
    return shapes


def wave(base: float, height: float, length: float, shift: float, bottom: float = HEIGHT) -> Points:
    """A band of water from a rolling crest line down to `bottom`."""
    crest = [
        (
            x,
            base
            + height * math.sin(x / length * math.tau + shift)
            + 0.4 * height * math.sin(x / length * 2.3 * math.tau - 1.7 * shift),
        )
        for x in range(-10, WIDTH + 21, 10)
    ]
    return [*crest, (WIDTH + 20, bottom), (-10, bottom)]


def sea(canvas: Canvas, t: float, far: Colour, near: Colour, *, top: float, height: float) -> None:
    """Six bands of water, bigger and faster towards the viewer."""
    for k in range(6):
        share = k / 5
        base = top + (HEIGHT - top) * 0.86 * share**1.3
        canvas.polygon(
            wave(
                base, height * (0.15 + share), 190 + 260 * share, t * (0.8 + 0.7 * share) + 2.1 * k
            ),
            mix(far, near, share),
        )


def tower(
    canvas: Canvas,
    x: float,
    foot: float,
    height: float,
    *,
    body: Colour = (232, 228, 220),
    bands: Colour | None = RED,
    lamp: Colour = (255, 232, 160),
) -> tuple[float, float]:
    """A lighthouse that stands at (x, foot); gives the place of its lamp."""
    wide, narrow = height * 0.14, height * 0.085
    top = foot - height

    def half(y: float) -> float:
        return narrow + (wide - narrow) * ((y - top) / height) ** 2

    edges = [top + height * k / 12 for k in range(13)]
    canvas.polygon(
        [(x - half(y), y) for y in edges] + [(x + half(y), y) for y in reversed(edges)], body
    )
    if bands is not None:
        for k in (1, 4, 7, 10):
            upper, lower = edges[k], edges[min(k + 2, 12)] - height / 24
            band = [(x - half(upper), upper), (x + half(upper), upper)]
            canvas.polygon([*band, (x + half(lower), lower), (x - half(lower), lower)], bands)
    unit = height * 0.1
    canvas.rectangle((x - narrow * 1.35, top - unit * 0.25, x + narrow * 1.35, top), NAVY)
    canvas.rectangle(
        (x - narrow * 0.75, top - unit * 1.35, x + narrow * 0.75, top - unit * 0.25), lamp
    )
    for bar in (x - 0.75 * narrow, x, x + 0.75 * narrow):
        canvas.line([(bar, top - unit * 1.35), (bar, top - unit * 0.25)], NAVY, 1.5)
    canvas.polygon(
        [(x - narrow, top - unit * 1.3), (x, top - unit * 2.2), (x + narrow, top - unit * 1.3)],
        NAVY,
    )
    return x, top - unit * 0.8


def ship(canvas: Canvas, x: float, y: float, size: float, tilt: float, hull: Colour) -> None:
    """A two-masted ship, tilted by `tilt` radians."""

    def place(points: Points) -> Points:
        cos, sin = math.cos(tilt) * size, math.sin(tilt) * size
        return [(x + px * cos - py * sin, y + px * sin + py * cos) for px, py in points]

    sail: Colour = (214, 208, 192)
    canvas.polygon(place([(-1, -0.1), (1.15, -0.2), (0.8, 0.3), (-0.8, 0.3)]), hull)
    for mast, tall in ((-0.35, 1.35), (0.4, 1.6)):
        canvas.line(place([(mast, -0.1), (mast, -tall)]), hull, size * 0.05)
        canvas.polygon(
            place([(mast + 0.05, -tall), (mast + 0.48, -0.28), (mast + 0.05, -0.28)]), sail
        )
        canvas.polygon(
            place([(mast - 0.04, -tall * 0.9), (mast - 0.36, -0.28), (mast - 0.04, -0.28)]), sail
        )


def rock(canvas: Canvas, x: float, y: float, size: float, fill: Colour) -> None:
    outline = [
        (-1.3, 0.8),
        (-1, 0.1),
        (-0.55, -0.25),
        (-0.1, -0.1),
        (0.3, -0.4),
        (0.8, 0),
        (1.3, 0.8),
    ]
    canvas.polygon([(x + px * size, y + py * size) for px, py in outline], fill)
