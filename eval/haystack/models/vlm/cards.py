"""Flash cards: one thing, actor, vehicle or picture on a plain ground, drawn as the generator draws
them. Thousands a minute, where whole frames show a shape only now and then."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from longtake.eval.haystack.acts import Pass, Place, Thing
from longtake.eval.haystack.draw import ACTOR, CABINET_THING, GRAIN, THING, VEHICLE
from longtake.eval.haystack.figures import actor_sprite, vehicle_sprite
from longtake.eval.haystack.models.facts import WORDS
from longtake.eval.haystack.models.vlm import names
from longtake.eval.haystack.models.vlm.facts import Facts, Seen
from longtake.eval.haystack.models.vlm.names import pick
from longtake.eval.haystack.sprites import glyph
from longtake.eval.haystack.things import thing_sprite
from longtake.eval.haystack.vocabulary import COLOURS, PICTURES, Rgb

SIDE = 84
"""Pixels of a card."""
LARGEST = 1.15
SMALLEST = {"actor": 0.28, "vehicle": 0.35, "picture": 0.35, "thing": 0.45}
"""Range of the sizes at which things are drawn, relative to frames of 640x360."""
SQUEEZED = (0.86, 1.06)
"""Range of heights relative to widths: frames are sent in whole tokens."""
SHELVED, IN_CABINET = (THING, 33), (CABINET_THING, 105)
"""Size of things, and from the left of one to the left of the next."""
KINDS = ("thing", "thing", "actor", "actor", "actor", "vehicle", "picture")
WOODS: tuple[Rgb, ...] = ((120, 90, 60), (172, 129, 87), (108, 80, 55))
ROAD, GRASS = (92, 94, 100), (118, 142, 96)


def card(rng: np.random.Generator) -> tuple[NDArray[np.uint8], Facts]:
    """A card, u8 [SIDE, SIDE, 3], and what it shows."""
    kind = pick(rng, KINDS)
    scale = float(np.exp(rng.uniform(np.log(SMALLEST[kind]), np.log(LARGEST))))
    squeeze = float(rng.uniform(*SQUEEZED))
    wide = int(np.ceil(SIDE / scale / min(1.0, squeeze))) + 2
    place: Place = "gate" if kind == "vehicle" else "room"
    image = Image.new("RGB", (wide, wide), _ground(rng, kind))
    if rng.random() < 0.5:  # an edge somewhere behind
        other = _tone(rng, 60, 240)
        at = int(rng.integers(0, wide))
        edge = (0, at, wide, wide) if rng.random() < 0.6 else (at, 0, wide, wide)
        ImageDraw.Draw(image).rectangle(edge, fill=other)
    seen = _PAINTERS[kind](rng, image)
    size = round(wide * scale), round(wide * scale * squeeze)
    shrunk = np.asarray(image.resize(size, Image.Resampling.BICUBIC), np.float32)
    part = (0, 0, SIDE / scale, SIDE / scale / squeeze)
    facts = Facts(place=place, room=None, seen=tuple(seen)).cut(part, scale).squeezed(squeeze)
    return lit(rng, shrunk[:SIDE, :SIDE]), facts


def lit(rng: np.random.Generator, pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """[H, W, 3] in some light, with the grain of videos."""
    tint = rng.uniform(0.82, 1.12) * rng.uniform(0.94, 1.06, 3).astype(np.float32)
    return (pixels * tint + rng.normal(0, GRAIN, pixels.shape)).clip(0, 255).astype(np.uint8)


def _tone(rng: np.random.Generator, low: int, high: int) -> Rgb:
    """Any colour whose parts lie in that range."""
    red, green, blue = (int(part) for part in rng.integers(low, high, 3))
    return red, green, blue


def _ground(rng: np.random.Generator, kind: str) -> Rgb:
    ground = _tone(rng, 150, 225)
    if kind == "thing" or (kind == "actor" and rng.random() < 0.3):
        ground = WOODS[int(rng.integers(len(WOODS)))]
    if kind == "vehicle":
        ground = ROAD if rng.random() < 0.7 else GRASS
    return ground


def _vehicle(rng: np.random.Generator, image: Image.Image) -> list[Seen]:
    colour, vehicle = pick(rng, WORDS.colours), pick(rng, WORDS.vehicles)
    passing = Pass(colour, vehicle, bool(rng.random() < 0.5))
    sprite = vehicle_sprite(passing.colour, passing.vehicle, VEHICLE, passing.leftward)
    x, y = _somewhere(rng, image, sprite.size)
    image.paste(sprite, (x, y), sprite)
    return [Seen(what=passing, box=(x, y, x + sprite.width, y + sprite.height))]


def _picture(rng: np.random.Generator, image: Image.Image) -> list[Seen]:
    colour, shape = pick(rng, WORDS.colours), pick(rng, PICTURES)
    draw = ImageDraw.Draw(image)
    r = float(rng.choice((34.0, 36.0)))
    x, y = _somewhere(rng, image, (round(2 * r), round(2 * r)))
    draw.rectangle((x - 5, y - 5, x + 2 * r + 5, y + 2 * r + 5), fill=(112, 86, 54))
    backing = (250, 250, 246) if sum(COLOURS[colour]) < 560 else (70, 76, 92)
    draw.rectangle((x, y, x + 2 * r, y + 2 * r), fill=backing)
    glyph(draw, shape, x + r, y + r, r * 0.72, COLOURS[colour])
    return [Seen(what=(colour, shape), box=(x, y, x + 2 * r, y + 2 * r))]


def _somewhere(
    rng: np.random.Generator, image: Image.Image, size: tuple[int, int]
) -> tuple[int, int]:
    """Left and top of something of that size: mostly all of it is inside, where it fits."""
    found = []
    for side in size:
        low, high = sorted((0, image.width - side))
        slack = side // 5
        found.append(int(rng.integers(low - slack, high + slack + 1)))
    return found[0], found[1]


def _things(rng: np.random.Generator, image: Image.Image) -> list[Seen]:
    """A thing, and others beside it as on a shelf or in a cabinet."""
    size, pitch = SHELVED if rng.random() < 0.3 else IN_CABINET
    x, y = _somewhere(rng, image, (size, size))
    seen = []
    for i in range(-3, 4):
        left = x + i * pitch
        if i and (left < -size or left > image.width or rng.random() < 0.5):
            continue
        thing = Thing(pick(rng, WORDS.colours), pick(rng, WORDS.things))
        sprite = thing_sprite(thing, size)
        image.paste(sprite, (left, y), sprite)
        seen.append(Seen(what=thing, box=(left, y, left + size, y + size)))
    return seen


def _actor(rng: np.random.Generator, image: Image.Image) -> list[Seen]:
    actor = names.actor(rng)
    sprite = actor_sprite(actor, ACTOR, int(rng.integers(3)))
    x, y = _somewhere(rng, image, sprite.size)
    image.paste(sprite, (x, y), sprite)
    seen = [Seen(what=actor, box=(x, y, x + sprite.width, y + sprite.height))]
    if rng.random() < 0.6:
        thing = Thing(pick(rng, WORDS.colours), pick(rng, WORDS.things))
        held = thing_sprite(thing, THING)
        a, b = x + round(0.72 * sprite.width), y + round(0.5 * sprite.height)
        image.paste(held, (a, b), held)
        seen.append(Seen(what=thing, box=(a, b, a + THING, b + THING), carried=True))
    return seen


_PAINTERS: dict[str, Callable[[np.random.Generator, Image.Image], list[Seen]]] = {
    "thing": _things,
    "actor": _actor,
    "vehicle": _vehicle,
    "picture": _picture,
}
