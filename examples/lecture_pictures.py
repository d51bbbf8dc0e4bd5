"""The lecture's moving pictures of the sea and lighthouses, and the figures on its slides."""

import math
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from PIL import Image, ImageDraw

from examples.lecture_drawing import (
    GOLD,
    GREY,
    HEIGHT,
    INK,
    NAVY,
    PAPER,
    RED,
    SCALE,
    SEA,
    WIDTH,
    Canvas,
    Colour,
    Points,
    beams,
    glow,
    mix,
    ring,
    rock,
    sea,
    ship,
    sky,
    stars,
    tower,
    wave,
)

# Moving pictures: seconds since the start of the shot -> 1280x720.


def night(t: float) -> Image.Image:
    canvas = Canvas(sky((8, 14, 34), (38, 58, 92)))
    for x, y, radius in stars(130):
        canvas.disc(x, y, radius, (188, 198, 220))
    canvas.disc(1060, 120, 40, (226, 224, 208))
    canvas.disc(1046, 112, 36, (13, 21, 44))
    sea(canvas, t, (34, 56, 88), (10, 22, 42), top=470, height=10)
    cliff = [
        (0, 430),
        (120, 412),
        (300, 418),
        (390, 450),
        (440, 520),
        (500, 570),
        (520, 720),
        (0, 720),
    ]
    canvas.polygon(cliff, (14, 20, 30))
    lamp = tower(canvas, 270, 425, 240, body=(120, 126, 140), bands=(110, 46, 48))
    return glow(canvas.finish(), beams(*lamp, t * 0.9 + 0.4), (255, 240, 190))


def storm(t: float) -> Image.Image:
    canvas = Canvas(sky((46, 54, 62), (118, 126, 130), 430))
    roll = math.sin(t * 1.5)
    canvas.polygon(wave(430, 16, 320, t), (82, 104, 112))
    ship(canvas, 520 + 34 * t % 500, 446 + 20 * math.sin(t * 1.5 + 1), 92, 0.2 * roll, (44, 34, 30))
    canvas.polygon(wave(482, 24, 420, t * 1.4 + 2), (60, 84, 94))
    rock(canvas, 1030, 545, 120, (36, 38, 40))
    rock(canvas, 1170, 560, 90, (30, 32, 34))
    canvas.polygon(wave(560, 28, 520, t * 1.7 + 4), (44, 66, 78))
    rock(canvas, 200, 640, 110, (28, 30, 32))
    canvas.polygon(wave(645, 26, 610, t * 2 + 1), (30, 50, 62))
    for k in range(110):
        x = (k * 197 + t * 620) % 1500 - 100
        y = (k * 331 + t * 1300) % 760 - 40
        canvas.line([(x, y), (x + 9, y + 22)], (150, 160, 166), 1)
    clouds: list[tuple[Points, int]] = []
    for k in range(18):
        x, y = (k * 97 + t * (14 + 6 * (k % 3))) % 1700 - 200, 20 + 46 * (k % 3)
        size = 54 + 22 * (k * 0.618 % 1)
        clouds.append(
            ([(x + 2.4 * (px - x), py) for px, py in ring(x, y, size)], 70 + 34 * (k % 3))
        )
    return glow(canvas.finish(), clouds, (34, 40, 48))


def horizon(t: float) -> Image.Image:
    """A ship comes over the curve of the earth and the lamp's line of sight finds it."""
    canvas = Canvas(sky((196, 222, 236), (240, 240, 226), 560))
    centre, radius = (640.0, 1830.0), 1300.0

    def ground(x: float) -> float:
        return centre[1] - math.sqrt(radius**2 - (x - centre[0]) ** 2)

    canvas.disc(*centre, radius, SEA)
    canvas.disc(*centre, radius - 60, mix(SEA, NAVY, 0.35))
    canvas.polygon([(60, 760), (100, 622), (240, 598), (330, 604), (380, 760)], (104, 122, 84))
    lamp_x, lamp_y = tower(canvas, 210, 606, 230)
    distance = math.hypot(lamp_x - centre[0], lamp_y - centre[1])
    turn = math.atan2(lamp_y - centre[1], lamp_x - centre[0]) + math.acos(radius / distance)
    touch = (centre[0] + radius * math.cos(turn), centre[1] + radius * math.sin(turn))
    slope = (touch[1] - lamp_y) / (touch[0] - lamp_x)
    ship_x = 1210 - 62 * t
    canvas.line([(lamp_x, lamp_y), (1280, lamp_y + slope * (1280 - lamp_x))], GOLD, 4)
    tilt = math.asin((ship_x - centre[0]) / radius)
    ship(canvas, ship_x, ground(ship_x) - 8, 46, tilt, (70, 44, 34))
    canvas.disc(lamp_x, lamp_y, 13, GOLD)
    return canvas.finish()


def dawn(t: float) -> Image.Image:
    canvas = Canvas(sky((84, 110, 164), (250, 196, 140), 480))
    canvas.disc(880, 470 - 9 * t, 62, (255, 236, 190))
    sea(canvas, t * 0.7, (208, 150, 124), (52, 76, 112), top=468, height=8)
    for k in range(16):
        width = 66 - 3 * k + 10 * math.sin(t * 3 + k * 1.9)
        glint = 486 + k * 13
        canvas.line([(880 - width, glint), (880 + width, glint)], (248, 208, 158), 2)
    canvas.polygon(
        [(0, 470), (160, 440), (380, 446), (520, 520), (560, 720), (0, 720)], (58, 56, 52)
    )
    stone: Colour = (176, 152, 122)
    canvas.rectangle((210, 180, 330, 446), stone)
    for k in range(4):
        canvas.rectangle((262, 210 + k * 58, 278, 236 + k * 58), (92, 76, 64))
    canvas.rectangle((234, 132, 306, 180), mix(stone, (255, 255, 255), 0.12))
    canvas.disc(270, 126, 22, mix(stone, (255, 255, 255), 0.2))
    for k in range(3):
        x, y = (700 + 90 * k + 46 * t) % 1400 - 60, 190 + 40 * k + 12 * math.sin(t + k)
        wing = 9 * math.sin(t * 7 + k)
        canvas.line([(x - 22, y - wing), (x, y), (x + 22, y - wing)], (58, 62, 74), 3)
    return canvas.finish()


def waves(t: float) -> Image.Image:
    canvas = Canvas(sky((130, 166, 196), (222, 228, 226), 470))
    canvas.polygon(wave(470, 8, 260, t), (104, 142, 160))
    rock(canvas, 640, 560, 250, (70, 70, 70))
    canvas.polygon([(420, 540), (432, 380), (508, 380), (520, 540)], (158, 152, 142))
    lamp_x, lamp_y = tower(canvas, 690, 530, 340, body=(182, 178, 168), bands=None)
    swell = math.sin(t * 1.6)
    for k in range(46):
        angle = math.pi * (0.15 + 0.7 * (k * 0.618 % 1))
        age = (t * 0.63 + (k % 7) * 0.02) % 1
        reach = (110 + 150 * (k * 0.37 % 1)) * math.sin(age * math.pi)
        canvas.disc(
            640 - math.cos(angle) * reach * 1.5,
            560 - math.sin(angle) * reach,
            2.5 + 7 * (1 - age) * (k * 0.21 % 1),
            (236, 242, 244),
        )
    canvas.polygon(wave(560 - 8 * swell, 20, 380, t * 1.6), (66, 110, 134))
    canvas.polygon(wave(632, 24, 520, t * 1.9 + 2), (40, 82, 108))
    return glow(canvas.finish(), [(ring(lamp_x, lamp_y, 26), 130)], (255, 244, 200))


def lens(t: float) -> Image.Image:
    """A turning Fresnel lens, seen from the side: brass frame and bright rings."""
    canvas = Canvas(sky((24, 22, 30), (66, 48, 40), 720))
    canvas.rectangle((460, 610, 820, 660), (120, 92, 48))
    canvas.ellipse((440, 570, 840, 632), (172, 176, 182))
    canvas.ellipse((470, 578, 810, 618), (92, 96, 104))
    panels = 8
    for k in range(panels):
        start, end = (math.tau * (k + share) / panels + t * 0.5 for share in (0.06, 0.94))
        if math.sin((start + end) / 2) < 0:
            continue
        x0, x1 = 640 + 200 * math.cos(start), 640 + 200 * math.cos(end)
        light = 0.35 + 0.65 * math.sin((start + end) / 2) ** 3
        for row in range(15):
            y = 110 + row * 31
            squeeze = 1 - 0.5 * ((row - 7) / 7.6) ** 4
            xs = [640 + (x - 640) * squeeze for x in (x0, x1)]
            glass = mix((84, 118, 126), (250, 244, 206), light * (1 - abs(row - 7) / 13))
            canvas.polygon([(xs[0], y), (xs[1], y), (xs[1], y + 23), (xs[0], y + 23)], glass)
        canvas.line([(x0, 108), (x0, 570)], (176, 134, 62), 5)
        canvas.line([(x1, 108), (x1, 570)], (176, 134, 62), 5)
    canvas.ellipse((430, 76, 850, 116), (150, 112, 54))
    canvas.ellipse((430, 556, 850, 596), (150, 112, 54))
    shapes = [(ring(640, 330, 420 - 20 * k), 3 + 9 * k) for k in range(20)]
    return glow(canvas.finish(), shapes, (255, 240, 196))


def buoy(t: float) -> Image.Image:
    fade = min(1.0, t / 14)
    top, bottom = (
        mix((96, 130, 176), (14, 20, 46), fade),
        mix((246, 190, 140), (52, 54, 90), fade),
    )
    canvas = Canvas(sky((96, 130, 176), (246, 190, 140)))
    dark = sky((14, 20, 46), (52, 54, 90))
    canvas = Canvas(Image.blend(canvas.image, dark, fade))
    sea(canvas, t, mix(bottom, SEA, 0.4), mix(top, (8, 24, 44), 0.6), top=460, height=15)
    x, y, tilt = 640.0, 520 + 10 * math.sin(t * 1.3), 0.1 * math.sin(t * 1.1)

    def place(points: Points) -> Points:
        cos, sin = math.cos(tilt), math.sin(tilt)
        return [(x + px * cos - py * sin, y + px * sin + py * cos) for px, py in points]

    iron = mix((180, 60, 50), (92, 36, 40), fade)
    canvas.polygon(place([(-120, 0), (120, 0), (90, 70), (-90, 70)]), iron)
    for foot in (-80, 80):
        canvas.line(place([(foot, 0), (foot * 0.25, -210)]), iron, 9)
    for height in (60, 130):
        half = 80 - 60 * height / 210
        canvas.line(place([(-half, -height), (half, -height)]), iron, 6)
    canvas.polygon(place([(-26, -210), (26, -210), (22, -262), (-22, -262)]), (228, 222, 200))
    canvas.polygon(wave(592, 15, 420, t * 1.3 + 1), mix(top, (8, 24, 44), 0.55))
    image = canvas.finish()
    if fade > 0.45 and t % 3 < 0.9:
        lamp = place([(0, -236)])[0]
        image = glow(image, [(ring(*lamp, 90), 46), (ring(*lamp, 40), 210)], (255, 240, 180))
    return image


def harbour(t: float) -> Image.Image:
    canvas = Canvas(sky((20, 18, 48), (140, 84, 104), 480))
    for x, y, radius in stars(60):
        canvas.disc(x, y * 0.7, radius, (190, 180, 206))
    hills = [(0, 470), (140, 410), (330, 440), (520, 396), (740, 446), (980, 402), (1280, 460)]
    canvas.polygon([*hills, (1280, 500), (0, 500)], (44, 34, 62))
    for k in range(26):
        x, y = 40 + k * 47 % 1220, 448 + 22 * (k * 0.618 % 1)
        canvas.rectangle((x, y, x + 5, y + 6), (250, 206, 120))
    sea(canvas, t * 0.8, (92, 62, 92), (18, 20, 44), top=480, height=7)
    ship(canvas, 180 + 26 * t, 560 + 4 * math.sin(t * 1.4), 60, 0.03 * math.sin(t), (18, 16, 26))
    canvas.polygon([(860, 610), (900, 560), (1280, 552), (1280, 640), (880, 650)], (24, 22, 34))
    lamp = tower(canvas, 1010, 566, 250, body=(150, 140, 150), bands=(122, 44, 60))
    return glow(canvas.finish(), beams(*lamp, t * 0.9 + 2.2), (255, 236, 190))


# Figures on slides: seconds since the slide came up, drawn on the right half of the slide.


def title(canvas: Canvas, labels: tuple[str, ...], t: float) -> None:
    canvas.rectangle((0, 560, WIDTH, HEIGHT - 56), SEA)
    canvas.polygon(wave(592, 7, 240, 0.6, HEIGHT - 56), mix(SEA, NAVY, 0.3))
    canvas.polygon([(930, 664), (960, 560), (1060, 536), (1180, 552), (1240, 664)], (104, 112, 100))
    tower(canvas, 1090, 545, 300)


def pharos(canvas: Canvas, labels: tuple[str, ...], t: float) -> None:
    sand: Colour = (206, 178, 130)
    canvas.rectangle((800, 560, 1200, 590), mix(sand, INK, 0.3))
    canvas.polygon([(890, 560), (906, 360), (1074, 360), (1090, 560)], sand)
    canvas.polygon([(942, 360), (948, 236), (1032, 236), (1038, 360)], mix(sand, PAPER, 0.2))
    canvas.rectangle((966, 180, 1014, 236), mix(sand, PAPER, 0.4))
    canvas.polygon([(968, 180), (978, 142), (990, 160), (998, 128), (1012, 180)], RED)
    for k in range(4):
        canvas.rectangle((984, 390 + k * 40, 996, 410 + k * 40), mix(sand, INK, 0.5))
    canvas.text(1030, 168, labels[0], size=26, fill=RED)
    canvas.line([(1150, 130), (1150, 560)], GREY, 2)
    canvas.line([(1138, 130), (1162, 130)], GREY, 2)
    canvas.line([(1138, 560), (1162, 560)], GREY, 2)
    canvas.text(1166, 356, labels[1], size=26, fill=INK)


def eddystone(canvas: Canvas, labels: tuple[str, ...], t: float) -> None:
    """An inset film: waves break on the tower while the slide stands."""
    small = waves(t).resize((448, 252), Image.Resampling.LANCZOS)
    canvas.rectangle((764, 226, 1220, 486), NAVY)
    canvas.image.paste(small.resize((448 * SCALE, 252 * SCALE)), (768 * SCALE, 230 * SCALE))


def fresnel(canvas: Canvas, labels: tuple[str, ...], t: float) -> None:
    lamp = (770.0, 390.0)
    for k in range(-5, 6):
        y = 390 + k * 38
        canvas.line([lamp, (930, y), (1210, y)], GOLD, 3)
    for k in range(-5, 6):
        y, bulge = 390 + k * 38, 34 - 4 * abs(k)
        lean = 12 * k / 5
        canvas.polygon(
            [
                (918, y - 16),
                (930 + bulge / 2 + lean, y - 16),
                (930 + bulge / 2 - lean, y + 16),
                (918, y + 16),
            ],
            (130, 184, 196),
        )
    canvas.disc(*lamp, 15, RED)
    canvas.text(lamp[0], 446, labels[0], size=26, anchor="ms")
    canvas.text(930, 642, labels[1], size=26, anchor="ms")
    canvas.text(1110, 642, labels[2], size=26, anchor="ms")


def rhythm(canvas: Canvas, labels: tuple[str, ...], t: float) -> None:
    """The flash pattern as a strip, with a lamp that blinks it and a hand that follows."""
    phase = t % 10
    lit = phase < 0.8 or 2.2 <= phase < 3.0
    left, right = 780.0, 1220.0
    canvas.rectangle((left, 440, right, 490), NAVY)
    for start in (0.0, 2.2):
        x = left + (right - left) * start / 10
        canvas.rectangle((x, 440, x + (right - left) * 0.08, 490), GOLD)
    x = left + (right - left) * phase / 10
    canvas.line([(x, 428), (x, 502)], RED, 3)
    canvas.line([(left, 520), (right, 520)], GREY, 2)
    canvas.text(1000, 552, labels[1], size=26, anchor="ms")
    canvas.text(1000, 604, labels[0], size=24, anchor="ms")
    canvas.disc(1000, 320, 74, NAVY)
    canvas.disc(1000, 320, 60, (255, 226, 130) if lit else (52, 72, 94))


def machines(canvas: Canvas, labels: tuple[str, ...], t: float) -> None:
    canvas.rectangle((900, 520, 1220, 526), GREY)
    tower(canvas, 1060, 520, 270, bands=None, body=(196, 192, 184))
    for k in range(3):
        box = [(1060 - 70 - 40 * k) * SCALE, (196 - 40 * k) * SCALE, (1060 + 70 + 40 * k) * SCALE]
        ImageDraw.Draw(canvas.image).arc(
            [*box, (300 + 40 * k) * SCALE], 215, 325, fill=SEA, width=5 * SCALE
        )


class Figure(NamedTuple):
    """A slide's drawing and whether it moves."""

    draw: Callable[[Canvas, tuple[str, ...], float], None]
    moves: bool = False


MOTIONS: dict[str, Callable[[float], Image.Image]] = {
    "night": night,
    "storm": storm,
    "horizon": horizon,
    "dawn": dawn,
    "waves": waves,
    "lens": lens,
    "buoy": buoy,
    "harbour": harbour,
}
FIGURES = {
    "title": Figure(title),
    "pharos": Figure(pharos),
    "eddystone": Figure(eddystone, moves=True),
    "fresnel": Figure(fresnel),
    "rhythm": Figure(rhythm, moves=True),
    "machines": Figure(machines),
}


@cache
def _paper() -> Image.Image:
    return Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), PAPER)


def slide(
    picture: str,
    heading: str,
    rows: tuple[str, ...],
    *,
    labels: tuple[str, ...],
    footer: str,
    t: float,
) -> Image.Image:
    """A slide with these rows, its figure at `t` seconds since it came up; 1280x720."""
    canvas = Canvas(_paper())
    FIGURES[picture].draw(canvas, labels, t)
    if picture == "title":
        canvas.text(84, 240, heading, size=58, fill=NAVY, bold=True)
        canvas.rectangle((86, 276, 226, 283), RED)
        for k, row in enumerate(rows):
            canvas.text(86, 350 + k * 56, row, size=34)
    else:
        canvas.rectangle((0, 0, WIDTH, 12), NAVY)
        canvas.text(70, 110, heading, size=50, fill=NAVY, bold=True)
        canvas.rectangle((72, 134, 192, 140), RED)
        for k, row in enumerate(rows):
            y = 240 + k * 74
            canvas.disc(80, y - 11, 6, RED)
            canvas.text(104, y, row, size=32)
    canvas.rectangle((0, HEIGHT - 56, WIDTH, HEIGHT), (232, 227, 214))
    canvas.text(72, HEIGHT - 20, footer, size=22, fill=INK)
    return canvas.finish()
