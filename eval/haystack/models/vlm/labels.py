"""What every token of a frame shows, and frames as the vision tower is given them."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from longtake.eval.haystack.acts import Actor, Pass, Row, Thing
from longtake.eval.haystack.models.vlm.facts import Facts, Seen
from longtake.eval.haystack.models.vlm.footage import SIZE, Still
from longtake.eval.haystack.sets import Box
from longtake.eval.haystack.sprites import font
from longtake.eval.haystack.vocabulary import BADGES, COLOURS, HATS, PICTURES, THINGS, VEHICLES

CELL = 28
"""Pixels of a token's side."""
PATCH = 14
"""Pixels of a patch's side; a token is 2 x 2 patches."""
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""By which Qwen2.5-VL scales colours: OpenAI's CLIP's."""
CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
READ_AT = {"left": 1 / 6, "middle": 1 / 2, "right": 5 / 6}
"""Where in a token characters are read, from its left side."""
HEADS: dict[str, tuple[str, ...]] = {
    "coat": tuple(COLOURS),
    "hat": HATS,
    "badge": BADGES,
    "hat itself": HATS,
    "badge itself": BADGES,
    "hand colour": tuple(COLOURS),
    "hand shape": THINGS,
    "thing colour": tuple(COLOURS),
    "thing shape": THINGS,
    "vehicle": VEHICLES,
    "vehicle colour": tuple(COLOURS),
    "picture": PICTURES,
    "picture colour": tuple(COLOURS),
    **{head: tuple(CHARACTERS) for head in READ_AT},
    "place": ("room", "gate", "board", "cabinet"),
}
"""What a token is asked; class 0 of each is none of these. All tokens of an actor are asked for hat
and badge, and those that show them for the hat and the badge itself: what is before them is learned
first."""
_NUMBERS = {head: number for number, head in enumerate(HEADS)}
COVERED = 0.25
"""Share of a token, or of a smaller box, that must lie in the other for the token to show it."""
SLIM = 0.2
"""Share of an actor's box, on either side, that is mostly empty."""
ITSELF = {"hat": (0.2, 0.0, 0.8, 0.34), "badge": (0.33, 0.42, 0.67, 0.62)}
"""Where in an actor's box they are: left, top, right and bottom, as shares."""


def labels(facts: Facts, width: int, height: int) -> NDArray[np.int64]:
    """[rows, columns, heads]: what each token of a frame of these pixels shows."""
    made = np.zeros((height // CELL, width // CELL, len(HEADS)), np.int64)
    for one in facts.seen:
        match one.what:
            case Row() as row:
                _spell(made, row.text, one.box)
            case str(text):
                _spell(made, text, one.box)
            case Actor():
                left, top, right, bottom = one.box
                wide, high = right - left, bottom - top
                slim, words = SLIM * wide, _words(one, facts)
                _mark(made, (left + slim, top, right - slim, bottom), words)
                for head, (a, b, c, d) in ITSELF.items():
                    part = left + a * wide, top + b * high, left + c * wide, top + d * high
                    _mark(made, part, {f"{head} itself": words[head]})
            case _:
                _mark(made, one.box, _words(one, facts))
    made[:, :, _NUMBERS["place"]] = _class("place", facts.place)
    return made


def _class(head: str, word: str) -> int:
    return 1 + HEADS[head].index(word)


def _words(one: Seen, facts: Facts) -> dict[str, str]:
    """What tokens that show it are to say, by head."""
    match one.what:
        case Actor(coat=coat, hat=hat, badge=badge):
            found = {"coat": coat, "hat": hat, "badge": badge}
            held = facts.carried
            if held is not None and isinstance(held.what, Thing):
                found |= {"hand colour": held.what.colour, "hand shape": held.what.shape}
            return found
        case Thing(colour=colour, shape=shape):
            return {"thing colour": colour, "thing shape": shape}
        case Pass(colour=colour, vehicle=vehicle):
            return {"vehicle": vehicle, "vehicle colour": colour}
        case (colour, shape):
            return {"picture": shape, "picture colour": colour}
    return {}


def _mark(made: NDArray[np.int64], box: Box, words: dict[str, str]) -> None:
    """Label the tokens that a box covers enough of."""
    a, b, c, d = box
    rows, columns = (np.arange(count) * CELL for count in made.shape[:2])
    high = (np.minimum(d, rows + CELL) - np.maximum(b, rows)).clip(0)
    wide = (np.minimum(c, columns + CELL) - np.maximum(a, columns)).clip(0)
    enough = np.outer(high, wide) >= COVERED * min(CELL * CELL, (c - a) * (d - b))
    for head, word in words.items():
        made[enough, _NUMBERS[head]] = _class(head, word)


def _spell(made: NDArray[np.int64], text: str, box: Box) -> None:
    """Label the tokens that a line runs through with the characters at three places in each."""
    a, b, c, d = box
    y = int((b + d) / 2 // CELL)
    if not 0 <= y < made.shape[0]:
        return
    drawn = font(100)
    whole = drawn.getlength(text)
    edges = [a + (c - a) * drawn.getlength(text[:i]) / whole for i in range(len(text) + 1)]
    for x in range(made.shape[1]):
        for head, share in READ_AT.items():
            at = int(np.searchsorted(edges, (x + share) * CELL, side="right")) - 1
            if 0 <= at < len(text) and text[at] in CHARACTERS:
                made[y, x, _NUMBERS[head]] = _class(head, text[at])


def whole_cells(width: int) -> tuple[int, int]:
    """(width, height) of a frame of about that width, in pixels: sides are rounded to whole tokens,
    each by itself."""
    height = width * SIZE[1] / SIZE[0]
    return max(CELL, round(width / CELL) * CELL), max(CELL, round(height / CELL) * CELL)


def rescaled(still: Still, width: int) -> tuple[NDArray[np.uint8], Facts]:
    """All of a frame, about that many pixels wide: u8 [H, W, 3] and what it shows."""
    size = whole_cells(width)
    right, down = (own / full for own, full in zip(size, SIZE, strict=True))
    facts = still.facts.cut((0, 0, *SIZE), right).squeezed(down / right)
    picture = still.picture(width).resize(size, Image.Resampling.BICUBIC)
    return np.asarray(picture), facts


def cropped(rng: np.random.Generator, still: Still) -> tuple[NDArray[np.uint8], Facts]:
    """A part of a frame at its own pixels, 6 to 16 tokens wide: u8 [H, W, 3] and what it shows."""
    wide = int(rng.integers(6, 17)) * CELL
    high = max(3, round(wide * SIZE[1] / SIZE[0] / CELL)) * CELL
    x = int(rng.integers(0, SIZE[0] - wide + 1))
    y = int(rng.integers(0, SIZE[1] - high + 1))
    box = (x, y, x + wide, y + high)
    return np.asarray(still.picture(SIZE[0]).crop(box)), still.facts.cut(box, 1.0)


def patches(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], tuple[int, int, int]]:
    """A picture as Qwen2.5-VL's image processor lays it out.

    Args:
        pixels: [H, W, 3]; both sides multiples of 28.

    Returns:
        f32 [patches, 1176], and how many patches there are in time, rows and columns.
    """
    mean, std = (np.array(values, np.float32) for values in (MEAN, STD))
    scaled = ((pixels.astype(np.float32) / np.float32(255) - mean) / std).transpose(2, 0, 1)
    rows, columns = pixels.shape[0] // PATCH, pixels.shape[1] // PATCH
    laid: NDArray[np.float32] = np.broadcast_to(scaled, (2, *scaled.shape))
    laid = laid.reshape(1, 2, 3, rows // 2, 2, PATCH, columns // 2, 2, PATCH)
    laid = laid.transpose(0, 3, 6, 4, 7, 2, 1, 5, 8)
    return laid.reshape(rows * columns, -1), (1, rows, columns)
