"""Cards of a whole shelf or cabinet with none to six things: what teaches to count and to list, as
real cabinets are mostly full."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from longtake.eval.haystack.acts import Place, Thing
from longtake.eval.haystack.draw import CABINET_THING, THING, stand
from longtake.eval.haystack.models.facts import WORDS
from longtake.eval.haystack.models.vlm import names
from longtake.eval.haystack.models.vlm.cards import lit
from longtake.eval.haystack.models.vlm.facts import Facts, Seen
from longtake.eval.haystack.models.vlm.footage import SIZE
from longtake.eval.haystack.models.vlm.labels import CELL
from longtake.eval.haystack.models.vlm.names import pick
from longtake.eval.haystack.scenes import CABINET_SLOTS, SLOTS
from longtake.eval.haystack.sets import Box, Stage, empty_set
from longtake.eval.haystack.things import thing_sprite
from longtake.eval.haystack.world import made_room

SHOWN: dict[Place, Box] = {"cabinet": (-180, -70, 162, 148), "room": (64, -90, 256, 100)}
"""What cards show, in units from the middle of a set."""
SHIFT = 8
"""Units by which it is off, at most."""
ROOM_FOR: dict[Place, int] = {"cabinet": CABINET_SLOTS, "room": SLOTS}
"""Things, at most one a slot."""
MOST: dict[Place, int] = {"cabinet": CABINET_SLOTS, "room": 4}
"""Things that are shown."""
SCALES: dict[Place, tuple[float, float]] = {"cabinet": (0.33, 1.0), "room": (0.5, 1.1)}
"""Ranges of sizes, relative to frames of 640x360."""
IN_CABINETS = 0.65
"""Share of cards."""


def shelf(rng: np.random.Generator) -> tuple[NDArray[np.uint8], Facts]:
    """A card, u8 [H, W, 3] whose sides are multiples of 28, and what it shows."""
    place: Place = "cabinet" if rng.random() < IN_CABINETS else "room"
    stage = Stage(*SIZE)
    picture = pick(rng, WORDS.colours), pick(rng, WORDS.badges)
    room = made_room(rng, names.room_name(rng), picture)
    image = empty_set(stage, place, room, int(rng.integers(1_000_000))).copy()
    count = int(rng.integers(0 if place == "room" else 1, MOST[place] + 1))
    chosen = dict.fromkeys(names.thing_name(rng) for _ in range(3 * count))
    things = [Thing(*name.split()) for name in list(chosen)[:count]]
    slots = sorted(rng.choice(ROOM_FOR[place], len(things), replace=False).tolist())
    seen = []
    for thing, slot in zip(things, slots, strict=True):
        size = CABINET_THING if place == "cabinet" else THING
        box = stage.box(stage.cabinet_slot(slot) if place == "cabinet" else stage.slot(slot))
        stand(image, thing_sprite(thing, size), box)
        seen.append(Seen(what=thing, box=box))
    return _cut_out(rng, place, stage, image, tuple(seen))


def _cut_out(
    rng: np.random.Generator, place: Place, stage: Stage, image: Image.Image, seen: tuple[Seen, ...]
) -> tuple[NDArray[np.uint8], Facts]:
    x, y = rng.uniform(-SHIFT, SHIFT, 2)
    a, b, c, d = SHOWN[place]
    part = stage.box((a + x, b + y, c + x, d + y))
    wide, high = part[2] - part[0], part[3] - part[1]
    scale = float(np.exp(rng.uniform(*np.log(SCALES[place]))))
    columns, rows = (max(2, round(side * scale / CELL)) for side in (wide, high))
    size = columns * CELL, rows * CELL
    small = image.resize(size, Image.Resampling.BICUBIC, box=part)
    facts = Facts(place=place, room=None, seen=seen).cut(part, size[0] / wide)
    pixels = lit(rng, np.asarray(small, np.float32))
    return pixels, facts.squeezed(size[1] / high * wide / size[0])
