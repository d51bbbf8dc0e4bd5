"""Frames of worlds that no suite has, with what they show.

Models learn from worlds of the seeds from `TRAINING` on and are examined on worlds of the seeds
from `HELD_OUT` on; `UNSEEN` is the tests' own. Nothing else may use seeds near them.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from longtake.eval.haystack.acts import Day, Scene, Thing
from longtake.eval.haystack.config import Suite, WorldConfig
from longtake.eval.haystack.draw import Painter
from longtake.eval.haystack.models.captions import Facts
from longtake.eval.haystack.models.facts import facts, stored_at
from longtake.eval.haystack.world import generator, make_world

U8 = NDArray[np.uint8]

TRAINING, HELD_OUT, UNSEEN = 20_000_000, 30_000_000, 31_000_000
DAY = WorldConfig(days=1, seconds=120, items=10)
IDLE = 0.4
"""Of a scene's idle frames, how often one is taken."""
_FILTERS = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.BOX)


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A frame and what it shows."""

    pixels: U8
    """[H, W, 3]"""
    facts: Facts


def shown_in(seed: int) -> Iterator[Shown]:
    """Of every act in a world one frame, u8 [360, 640, 3], and some of nothing going on."""
    day, found = moments(seed)
    painter = Painter(day, DAY.width, DAY.height)
    for scene, number in found:
        yield Shown(painter.frame(number), facts(scene, number))


def stored_in(seed: int) -> list[dict[int, Thing]]:
    """What stands where in these frames, by slot."""
    return [stored_at(scene, number) for scene, number in moments(seed)[1]]


def facts_in(seed: int) -> list[Facts]:
    """What the frames of `shown_in` show, without drawing them."""
    return [facts(scene, number) for scene, number in moments(seed)[1]]


def moments(seed: int) -> tuple[Day, list[tuple[Scene, int]]]:
    """The world's day, and the frames of `shown_in`: each one's scene and its number in the day."""
    rng = generator(seed, 7)
    (day,) = make_world(Suite(name="models", worlds=(DAY,)), 0, seed).days
    day = replace(day, number=int(rng.integers(1, 60)))
    found: list[tuple[Scene, int]] = []
    for scene in day.scenes:
        numbers = {int(rng.integers(timed.first, timed.last)) for timed in scene.acts}
        if rng.random() < IDLE:
            first = scene.first + scene.fade_in
            numbers.add(int(rng.integers(first, max(first + 1, scene.last - scene.fade_out))))
        if scene.place == "board":  # its rows are there all at once
            numbers = set(list(numbers)[:1])
        found += [(scene, number) for number in sorted(numbers)]
    return day, found


def small_frames(folder: Path, seed: int, size: int) -> U8:
    """The frames of a world as a video would give them to an encoder: compressed (as JPEG, of a
    random quality) and squashed to [N, size, size, 3]. Drawn once and kept in `folder`."""
    path = folder / f"{seed}-{size}.npz"
    try:
        with np.load(path) as held:
            kept: U8 = held["frames"]
    except (FileNotFoundError, BadZipFile):
        rng = generator(seed, 8)
        kept = np.stack([_squashed(shown.pixels, rng, size) for shown in shown_in(seed)])
        folder.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".partial.npz")
        np.savez(fresh, frames=kept)
        fresh.replace(path)
    return kept


def _squashed(pixels: U8, rng: np.random.Generator, size: int) -> U8:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=int(rng.integers(45, 92)))
    filter_ = _FILTERS[int(rng.integers(len(_FILTERS)))]
    with Image.open(file) as image:
        return np.asarray(image.resize((size, size), filter_))
