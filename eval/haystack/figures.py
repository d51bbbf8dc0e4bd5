"""Actors and vehicles."""

from functools import lru_cache

from PIL import Image, ImageDraw

from longtake.eval.haystack.acts import Actor
from longtake.eval.haystack.sprites import FINE, INK, blank, edge, glyph
from longtake.eval.haystack.vocabulary import COLOURS, Rgb

SKIN: Rgb = (214, 176, 144)


def _hat(draw: ImageDraw.ImageDraw, name: str, x: float, y: float, r: float) -> None:
    """On a head whose middle is (x, y) and radius `r`."""
    fill: Rgb = (64, 66, 78)

    def rect(a: float, b: float, c: float, d: float, colour: Rgb = fill) -> None:
        draw.rectangle((x + a * r, y + b * r, x + c * r, y + d * r), fill=colour)

    def pie(a: float, b: float, c: float, d: float) -> None:
        draw.pieslice((x + a * r, y + b * r, x + c * r, y + d * r), 180, 360, fill=fill)

    match name:
        case "top hat":
            rect(-0.75, -2.3, 0.75, -0.6)
            rect(-1.4, -0.75, 1.4, -0.45)
        case "cap":
            pie(-1.05, -1.45, 1.05, 0.45)
            rect(0.2, -0.62, 1.9, -0.38)
        case "cone hat":
            draw.polygon([(x - r, y - 0.5 * r), (x + r, y - 0.5 * r), (x, y - 2.6 * r)], fill=fill)
        case "crown":
            points = [
                (-1, -0.5),
                (-1, -1.7),
                (-0.5, -1.1),
                (0, -1.8),
                (0.5, -1.1),
                (1, -1.7),
                (1, -0.5),
            ]
            draw.polygon([(x + a * r, y + b * r) for a, b in points], fill=(222, 178, 40))
        case "beret":
            draw.ellipse((x - 1.5 * r, y - 1.35 * r, x + 1.0 * r, y - 0.35 * r), fill=fill)
            rect(-0.35, -1.6, -0.15, -1.2)
        case "helmet":
            pie(-1.2, -1.5, 1.2, 0.9)
            rect(-1.2, -0.4, -0.85, 0.5)
            rect(0.85, -0.4, 1.2, 0.5)
        case "sun hat":
            draw.ellipse(
                (x - 2.0 * r, y - 0.85 * r, x + 2.0 * r, y - 0.2 * r), fill=(196, 168, 110)
            )
            draw.ellipse(
                (x - 0.95 * r, y - 1.5 * r, x + 0.95 * r, y - 0.3 * r), fill=(196, 168, 110)
            )


@lru_cache(maxsize=512)
def actor_sprite(actor: Actor, height: int, step: int) -> Image.Image:
    """RGBA [height, 0.56 height]: from feet to hat; `step` 0 stands, 1 and 2 walk."""
    image, draw, w, h = blank(height * 0.56, height)
    coat = COLOURS[actor.coat]
    dark, line = edge(coat), max(2, round(h / 110))
    stride = (0.0, 0.10, -0.06)[step] * w
    for side in (-1, 1):
        x = w / 2 + side * (0.12 * w + stride)
        draw.line(
            (w / 2 + side * 0.1 * w, 0.76 * h, x, 0.985 * h),
            fill=(52, 54, 66),
            width=round(0.1 * w),
        )
    for side in (-1, 1):
        arm = (w / 2 + side * 0.2 * w, 0.40 * h, w / 2 + side * 0.33 * w, 0.62 * h)
        draw.line(arm, fill=dark, width=round(0.12 * w))
    body = [(0.36, 0.355), (0.64, 0.355), (0.76, 0.80), (0.24, 0.80)]
    draw.polygon([(a * w, b * h) for a, b in body], fill=coat, outline=dark, width=line)
    head, r = 0.265 * h, 0.09 * h
    draw.ellipse((w / 2 - r, head - r, w / 2 + r, head + r), fill=SKIN, outline=INK, width=line)
    for eye in (-0.35, 0.35):
        draw.ellipse(
            (w / 2 + eye * r - r / 8, head - r / 8, w / 2 + eye * r + r / 8, head + r / 8),
            fill=INK,
        )
    _hat(draw, actor.hat, w / 2, head, r)
    badge_y, size = 0.52 * h, 0.062 * h
    draw.ellipse(
        (w / 2 - 1.45 * size, badge_y - 1.45 * size, w / 2 + 1.45 * size, badge_y + 1.45 * size),
        fill=(250, 250, 246),
        outline=INK,
        width=line,
    )
    glyph(draw, actor.badge, w / 2, badge_y, size, INK)
    return image.reduce(FINE)


_BODIES: dict[str, list[tuple[float, float]]] = {
    "car": [(0.14, 0.78), (0.14, 0.55), (0.28, 0.52), (0.38, 0.28), (0.66, 0.28), (0.76, 0.52),
            (0.9, 0.57), (0.9, 0.78)],
    "van": [(0.08, 0.78), (0.08, 0.2), (0.72, 0.2), (0.84, 0.48), (0.93, 0.55), (0.93, 0.78)],
    "bus": [(0.02, 0.78), (0.02, 0.1), (0.98, 0.1), (0.98, 0.78)],
    "truck": [(0.03, 0.78), (0.03, 0.08), (0.66, 0.08), (0.66, 0.6), (0.7, 0.6), (0.7, 0.28),
              (0.86, 0.28), (0.95, 0.5), (0.95, 0.78)],
    "tractor": [(0.16, 0.7), (0.16, 0.46), (0.24, 0.46), (0.24, 0.08), (0.54, 0.08), (0.54, 0.42),
                (0.88, 0.42), (0.88, 0.74), (0.4, 0.74)],
    "tanker": [(0.03, 0.78), (0.03, 0.3), (0.1, 0.18), (0.58, 0.18), (0.66, 0.3), (0.66, 0.6),
               (0.72, 0.6), (0.72, 0.25), (0.95, 0.25), (0.95, 0.78)],
}  # fmt: skip
_PANES: dict[str, list[tuple[float, float, float, float]]] = {
    "car": [(0.40, 0.33, 0.51, 0.5), (0.54, 0.33, 0.66, 0.5)],
    "van": [(0.62, 0.27, 0.72, 0.48)],
    "bus": [(0.06 + 0.155 * i, 0.2, 0.18 + 0.155 * i, 0.44) for i in range(6)],
    "truck": [(0.75, 0.34, 0.85, 0.5)],
    "tractor": [(0.29, 0.14, 0.49, 0.4)],
    "tanker": [(0.78, 0.31, 0.91, 0.48)],
}
_WHEELS: dict[str, list[tuple[float, float]]] = {
    "car": [(0.28, 0.16), (0.76, 0.16)],
    "van": [(0.24, 0.16), (0.78, 0.16)],
    "bus": [(0.18, 0.16), (0.80, 0.16)],
    "truck": [(0.14, 0.16), (0.32, 0.16), (0.83, 0.16)],
    "tractor": [(0.28, 0.28), (0.78, 0.16)],
    "tanker": [(0.14, 0.16), (0.32, 0.16), (0.83, 0.16)],
}


@lru_cache(maxsize=256)
def vehicle_sprite(colour: str, vehicle: str, height: int, leftward: bool) -> Image.Image:
    """RGBA [height, 2 height], wheels on its lower edge."""
    image, draw, w, h = blank(height * 2, height)
    fill = COLOURS[colour]
    line = max(2, round(h / 60))
    points = [(a * w, b * h) for a, b in _BODIES[vehicle]]
    draw.polygon(points, fill=fill, outline=edge(fill), width=line)
    for a, b, c, d in _PANES[vehicle]:
        draw.rectangle((a * w, b * h, c * w, d * h), fill=(196, 220, 232), outline=INK, width=line)
    for x, r in _WHEELS[vehicle]:
        place, radius = (x * w, (1 - r) * h - 1), r * h
        for share, tone in ((1.0, INK), (0.45, (176, 178, 182))):
            k = radius * share
            draw.ellipse((place[0] - k, place[1] - k, place[0] + k, place[1] + k), fill=tone)
    image = image.reduce(FINE)
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if leftward else image
