"""What small pictures are drawn with: colours, text, glyphs.

Sprites are drawn at `FINE` times their size and reduced, so that edges are smooth; they are
cached, and must not be changed.
"""

import math
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from longtake.eval.haystack.vocabulary import Rgb

FINE = 3
INK: Rgb = (30, 32, 38)

_CAP = 0.68
"""Height of Aileron's capitals as a share of the font size; corrected by measuring."""


def shade(colour: Rgb, by: float) -> Rgb:
    """Lighter (`by` > 1) or darker."""
    red, green, blue = (min(255, round(part * by)) for part in colour)
    return red, green, blue


def edge(colour: Rgb) -> Rgb:
    """An outline that is seen on any background."""
    return shade(colour, 0.55) if sum(colour) > 150 else (110, 110, 116)


@lru_cache(maxsize=64)
def font(px: int) -> ImageFont.FreeTypeFont:
    """Pillow's own Aileron (CC0), with capitals `px` pixels high.

    Raises:
        RuntimeError: Pillow was built without FreeType.
    """
    size = px / _CAP
    for _ in range(8):
        made = _aileron(size)
        high = made.getbbox("H")[3] - made.getbbox("H")[1]
        if high == px:
            break
        size *= 1 + 0.6 * (px - high) / px
    return made


def _aileron(size: float) -> ImageFont.FreeTypeFont:
    made = ImageFont.load_default(size)
    if not isinstance(made, ImageFont.FreeTypeFont):
        raise RuntimeError("Pillow was built without FreeType; install a binary wheel of pillow")
    return made


def glyph(draw: ImageDraw.ImageDraw, name: str, x: float, y: float, r: float, fill: Rgb) -> None:
    """A badge's or picture's shape around (x, y), `r` being half its size."""

    def polygon(points: list[tuple[float, float]]) -> None:
        draw.polygon([(x + r * a, y + r * b) for a, b in points], fill=fill)

    match name:
        case "star":
            turns = [
                (math.pi * i / 5 - math.pi / 2, 1.0 if i % 2 == 0 else 0.42) for i in range(10)
            ]
            polygon([(k * math.cos(a), k * math.sin(a)) for a, k in turns])
        case "circle":
            draw.ellipse((x - r, y - r, x + r, y + r), fill=fill)
        case "triangle":
            polygon([(0, -1), (1, 0.85), (-1, 0.85)])
        case "square":
            polygon([(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)])
        case "cross":
            polygon([(-0.3, -1), (0.3, -1), (0.3, 1), (-0.3, 1)])
            polygon([(-1, -0.3), (1, -0.3), (1, 0.3), (-1, 0.3)])
        case "diamond":
            polygon([(0, -1.05), (0.7, 0), (0, 1.05), (-0.7, 0)])
        case "moon":
            outer = [math.radians(a) for a in range(60, 301, 12)]
            inner = [math.radians(a) for a in range(285, 74, -12)]
            points = [(math.cos(a), math.sin(a)) for a in outer]
            points += [(0.45 + 0.8 * math.cos(a), 0.8 * math.sin(a)) for a in inner]
            polygon(points)


def blank(width: float, height: float) -> tuple[Image.Image, ImageDraw.ImageDraw, float, float]:
    """An empty RGBA picture at `FINE` times a size, its pen, its width and height."""
    image = Image.new("RGBA", (round(width) * FINE, round(height) * FINE))
    return image, ImageDraw.Draw(image), float(image.width), float(image.height)
