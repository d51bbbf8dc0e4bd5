"""Where things stand in each place, and its picture without acts.

A set is larger than the picture by `MARGIN` on all sides, for the camera to move in. `unit` is
the height of the picture over 360; what matters lies within 250 x 150 units of the middle, which
is on screen wherever the camera looks.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from longtake.eval.haystack.acts import Place, Room
from longtake.eval.haystack.sprites import INK, font, glyph, shade
from longtake.eval.haystack.vocabulary import COLOURS, Rgb

MARGIN = 0.08
Box = tuple[float, float, float, float]
BOARD: Rgb = (34, 36, 42)
STRIP: Rgb = shade(BOARD, 0.75)
"""What a board's rows stand on."""
SIGNS: dict[Place, tuple[float, float]] = {"room": (-213, -78), "cabinet": (-205, -118)}
"""Middles of signs with rooms' names, in units."""
PICTURES: dict[Place, tuple[float, float, float]] = {
    "room": (-95, -88, 36),
    "cabinet": (200, -105, 34),
}
"""Middles of pictures on walls, and half their sides, in units."""
WOOD: Rgb = (150, 112, 76)


@dataclass(frozen=True, slots=True)
class Stage:
    """Measures of the sets of one picture size, in pixels of the set."""

    width: int
    height: int

    @property
    def size(self) -> tuple[int, int]:
        """Of the whole set."""
        return round(self.width * (1 + 2 * MARGIN)), round(self.height * (1 + 2 * MARGIN))

    @property
    def unit(self) -> float:
        """Pixels."""
        return self.height / 360

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Pixels of a place in units from the middle."""
        return self.size[0] / 2 + x * self.unit, self.size[1] / 2 + y * self.unit

    def box(self, box: Box) -> Box:
        """Pixels of a box in units."""
        return (*self.at(box[0], box[1]), *self.at(box[2], box[3]))

    def slot(self, slot: int) -> Box:
        """A place on a room's shelf, 0 to 9, in units."""
        x, y = 82 + 33 * (slot % 5), (-34, 40)[slot // 5]
        return x, y - 30, x + 30, y

    def cabinet_slot(self, slot: int) -> Box:
        """A place in a cabinet, 0 to 5, in units."""
        x, y = -150 + 105 * (slot % 3), (26, 128)[slot // 3]
        return x, y - 68, x + 68, y

    def row(self, place: int, px: int, width: float) -> Box:
        """A board's row in pixels of the set, its text being `width` wide and `px` high."""
        x, middle = self.size[0] / 2, self.size[1] / 2
        y = middle + (place - 1) * 62 * self.unit + 10 * self.unit
        return x - width / 2, y - px / 2, x + width / 2, y + px / 2


@lru_cache(maxsize=16)
def empty_set(stage: Stage, place: Place, room: Room | None, seed: int) -> Image.Image:
    """The place without anybody; `seed` sets clutter that no question is about."""
    image = Image.new("RGB", stage.size)
    draw = ImageDraw.Draw(image)
    rng = np.random.default_rng(seed)
    if place == "gate":
        _gate(stage, draw, rng)
    elif place == "board":
        _board(stage, draw, rng)
    elif room is not None:
        (_room if place == "room" else _cabinet)(stage, draw, room, rng)
    return image


def _sign(stage: Stage, draw: ImageDraw.ImageDraw, x: float, y: float, text: str) -> None:
    px = max(8, round(15 * stage.unit))
    cx, cy = stage.at(x, y)
    half = font(px).getlength(text) / 2 + 0.5 * px
    draw.rectangle((cx - half, cy - px, cx + half, cy + px), fill=(250, 248, 240), outline=INK)
    draw.text((cx, cy), text, font=font(px), fill=INK, anchor="mm")


def _picture(
    stage: Stage, draw: ImageDraw.ImageDraw, room: Room, x: float, y: float, r: float
) -> None:
    colour, shape = room.picture
    draw.rectangle(stage.box((x - r - 5, y - r - 5, x + r + 5, y + r + 5)), fill=(112, 86, 54))
    backing = (250, 250, 246) if sum(COLOURS[colour]) < 560 else (70, 76, 92)
    draw.rectangle(stage.box((x - r, y - r, x + r, y + r)), fill=backing)
    glyph(draw, shape, *stage.at(x, y), r * 0.72 * stage.unit, COLOURS[colour])


def _room(stage: Stage, draw: ImageDraw.ImageDraw, room: Room, rng: np.random.Generator) -> None:
    width, height = stage.size
    floor = stage.at(0, 92)[1]
    draw.rectangle((0, 0, width, floor), fill=room.wall)
    draw.rectangle((0, floor, width, height), fill=room.floor)
    draw.rectangle((0, floor - 4 * stage.unit, width, floor), fill=shade(room.wall, 0.7))
    draw.rectangle(stage.box((-248, -52, -178, 96)), fill=(96, 74, 56), outline=INK)
    draw.rectangle(stage.box((-241, -45, -185, 96)), fill=(60, 48, 40))
    _sign(stage, draw, *SIGNS["room"], room.name)
    _picture(stage, draw, room, *PICTURES["room"])
    if room.window:
        draw.rectangle(
            stage.box((-28, -132, 52, -50)), fill=(178, 206, 226), outline=(240, 240, 236)
        )
        draw.line((*stage.at(12, -132), *stage.at(12, -50)), fill=(240, 240, 236), width=2)
    draw.rectangle(stage.box((72, -84, 250, 92)), fill=shade(WOOD, 0.8))
    for y in (-34, 40):
        draw.rectangle(stage.box((72, y, 250, y + 6)), fill=shade(WOOD, 1.15))
    for _ in range(3):  # rugs and boxes that lie about
        left, top = rng.uniform(-150, 30), rng.uniform(118, 150)
        grey = int(rng.integers(90, 170))
        draw.ellipse(
            stage.box((left, top, left + rng.uniform(20, 60), top + 9)),
            fill=(grey, grey, grey - 14),
        )


def _cabinet(stage: Stage, draw: ImageDraw.ImageDraw, room: Room, rng: np.random.Generator) -> None:
    draw.rectangle((0, 0, *stage.size), fill=room.wall)
    _sign(stage, draw, *SIGNS["cabinet"], room.name)
    _picture(stage, draw, room, *PICTURES["cabinet"])
    draw.rectangle(stage.box((-172, -62, 152, 140)), fill=shade(WOOD, 0.72), outline=INK)
    for y in (26, 128):
        draw.rectangle(stage.box((-172, y, 152, y + 9)), fill=shade(WOOD, 1.1))
    handle = rng.uniform(-20, 60)
    draw.ellipse(stage.box((166, handle, 176, handle + 10)), fill=(200, 190, 150))


def _gate(stage: Stage, draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    width, height = stage.size
    sky, ground = stage.at(0, 30)[1], stage.at(0, 120)[1]
    draw.rectangle((0, 0, width, sky), fill=(172, 198, 218))
    for _ in range(7):  # houses behind
        x, wide, high = rng.uniform(0, width), rng.uniform(40, 110), rng.uniform(30, 120)
        tone = int(rng.integers(120, 190))
        box = (x, sky - high * stage.unit, x + wide * stage.unit, sky)
        draw.rectangle(box, fill=(tone, tone - 8, tone - 20))
    draw.rectangle((0, sky, width, height), fill=(118, 142, 96))
    draw.rectangle((0, stage.at(0, 52)[1], width, ground), fill=(92, 94, 100))
    for i in range(-5, 6):
        draw.rectangle(stage.box((i * 70, 84, i * 70 + 34, 88)), fill=(226, 226, 216))
    for x in (-70, 70):
        draw.rectangle(stage.box((x - 9, -70, x + 9, 56)), fill=(206, 204, 196), outline=INK)
    draw.rectangle(stage.box((-79, -96, 79, -68)), fill=(206, 204, 196), outline=INK)
    px = max(7, round(11 * stage.unit))
    draw.text(stage.at(0, -82), "GATE", font=font(px), fill=INK, anchor="mm")


def _board(stage: Stage, draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    tone = rng.integers(120, 200, 3)
    draw.rectangle((0, 0, *stage.size), fill=(int(tone[0]), int(tone[1]), int(tone[2])))
    for i in range(-6, 7):  # tiles
        draw.line((*stage.at(i * 60, -200), *stage.at(i * 60, 200)), fill=shade(BOARD, 3.4))
    draw.rectangle(stage.box((-262, -130, 262, 128)), fill=BOARD, outline=(206, 206, 200), width=3)
    px = max(6, round(10 * stage.unit))
    draw.text(stage.at(0, -108), "NOTICES", font=font(px), fill=(160, 164, 172), anchor="mm")
    for place in range(3):
        y = (place - 1) * 62 + 10
        draw.rectangle(stage.box((-252, y - 28, 252, y + 28)), fill=STRIP)
