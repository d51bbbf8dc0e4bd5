"""Which lines are known by their pixels."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from longtake.index.lanes import U8, Box, Line
from longtake.index.line_cache import LineCache

WIDTH, HEIGHT = 640, 360


def screen(text: str, y: int = 100, *, shade: int = 30, level: int = 240) -> U8:
    image = Image.new("RGB", (WIDTH, HEIGHT), (level, level, level))
    font = ImageFont.load_default(20)
    ImageDraw.Draw(image).text((40, y), text, font=font, fill=(shade, shade, shade))
    return np.asarray(image)


def place(y: int = 100) -> Box:
    return Box(36 / WIDTH, (y - 2) / HEIGHT, 340 / WIDTH, (y + 26) / HEIGHT)


def primed(text: str) -> LineCache:
    cache = LineCache()
    first = screen(text)
    assert cache.recall(first, [place()]) == [None]
    cache.store(first, [Line(text=text, box=place(), confidence=0.9)])
    return cache


TEXT = "Order number ZX-1000 applies"


def test_unchanged_line_is_known_through_encoder_noise() -> None:
    noise = np.random.default_rng(1).integers(-6, 7, (HEIGHT, WIDTH, 3))
    noisy = np.clip(screen(TEXT) + noise, 0, 255).astype(np.uint8)
    known = Line(text=TEXT, box=place(), confidence=0.9)
    assert primed(TEXT).recall(noisy, [place()]) == [known]


def test_one_changed_digit_is_read_again() -> None:
    assert primed(TEXT).recall(screen("Order number ZX-1008 applies"), [place()]) == [None]


def test_line_that_moved_is_known_at_its_new_place() -> None:
    lower = place(183)
    known = Line(text=TEXT, box=lower, confidence=0.9)
    assert primed(TEXT).recall(screen(TEXT, 183), [lower]) == [known]


def test_line_that_grew_is_read_again() -> None:
    longer = Box(36 / WIDTH, 98 / HEIGHT, 420 / WIDTH, 126 / HEIGHT)
    assert primed(TEXT).recall(screen(f"{TEXT} today"), [longer]) == [None]


def test_line_is_forgotten_after_a_few_frames_without_it() -> None:
    cache = primed(TEXT)
    for _ in range(4):
        empty = screen("")
        assert cache.recall(empty, []) == []
        cache.store(empty, [])
    assert cache.recall(screen(TEXT), [place()]) == [None]


def test_box_outside_the_picture_is_no_error() -> None:
    edge = Box(1.0, 1.0, 1.0, 1.0)
    assert primed(TEXT).recall(screen(TEXT), [edge]) == [None]
