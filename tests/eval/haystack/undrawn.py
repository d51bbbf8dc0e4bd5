"""Worlds without pictures: everything but pixels, for counting over many questions."""

import hashlib
from pathlib import Path

import numpy as np

from longtake.eval.haystack.config import Suite
from longtake.eval.haystack.events import Pool, gather
from longtake.eval.haystack.film import Film
from longtake.eval.haystack.items import Item, choose, write
from longtake.eval.haystack.sound import Track
from longtake.eval.haystack.world import generator, make_world


def pool_of(suite: Suite, index: int, seed: int) -> Pool:
    """A world's events with frames at even times and lines as long as estimated."""
    world, config = make_world(suite, index, seed), suite.worlds[index]
    films = []
    for day in world.days:
        track = Track(day.lines, None, seconds=config.seconds, seed=0)
        for second in range(1, round(config.seconds) + 1):
            track.read(second * track.rate)
        films.append(
            Film(
                path=Path(day.video),
                times_s=np.arange(day.frames + 1) / config.fps,
                frames_sha256=hashlib.sha256().hexdigest(),
                lines=tuple(track.placed),
                scores={},
            )
        )
    return gather(world, config, films, "given")


def items_of(pool: Pool, seed: int) -> list[Item]:
    """Its items."""
    rng = generator(seed, 2)
    return write(pool, choose(pool, rng), rng)
