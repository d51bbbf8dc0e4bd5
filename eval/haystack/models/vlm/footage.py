"""Frames to learn from: days of training worlds, drawn once, kept as JPEG with what they show."""

import io
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from longtake.eval.haystack.acts import Day
from longtake.eval.haystack.config import Suite, WorldConfig
from longtake.eval.haystack.draw import Painter
from longtake.eval.haystack.models.vlm.facts import Facts, facts
from longtake.eval.haystack.world import make_world

WORLDS = 40
"""Worlds of a seed's suite: days are numbered through it."""
STEP = 4
"""Every fourth frame is kept: two a second."""
SIZE = (640, 360)
"""Width and height of frames, in pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """A frame, 640x360."""

    number: int
    """In its day."""
    jpeg: bytes
    facts: Facts

    def picture(self, width: int) -> Image.Image:
        """RGB, decoded at no less than a width."""
        image = Image.open(io.BytesIO(self.jpeg))
        image.draft("RGB", (width, width * 9 // 16))
        return image.convert("RGB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reel:
    """A day's frames in the order of time."""

    day: Day
    fps: int
    """Frames a second of the day, not of those kept."""
    stills: tuple[Still, ...]


def shoot(index: int, *, first_seed: int, seconds: float = 600.0) -> Reel:
    """Draw every fourth frame of a day of the world of seed `first_seed + index`."""
    config = WorldConfig(days=1, seconds=seconds, items=1)
    suite = Suite(name="training", worlds=(config,) * WORLDS)
    (day,) = make_world(suite, index % WORLDS, first_seed + index).days
    painter = Painter(day, *SIZE)
    rng = np.random.default_rng(first_seed + index)
    stills = []
    for number in range(0, day.frames, STEP):
        buffer = io.BytesIO()
        picture = Image.fromarray(painter.frame(number))
        picture.save(buffer, "JPEG", quality=int(rng.integers(75, 96)))
        shown = facts(day, painter, number, SIZE)
        stills.append(Still(number=number, jpeg=buffer.getvalue(), facts=shown))
    return Reel(day=day, fps=config.fps, stills=tuple(stills))


def shoot_all(folder: Path, count: int, *, first_seed: int) -> None:
    """Draw so many days of ten minutes into a folder (30 MB each); those that are there are kept.

    Args:
        first_seed: of the first day's world, as `longtake.eval.haystack.models.frames` has them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        path = folder / f"{index:03d}.reel"
        if not path.exists():
            fresh = path.with_suffix(".partial")
            fresh.write_bytes(pickle.dumps(shoot(index, first_seed=first_seed)))
            fresh.replace(path)


def reels(folder: Path) -> list[Reel]:
    """All days of a folder. They are pickles: only of folders that `shoot_all` wrote."""
    return [pickle.loads(path.read_bytes()) for path in sorted(folder.glob("*.reel"))]


def any_reel(rng: np.random.Generator, days: Sequence[Reel]) -> Reel:
    """One of the days."""
    return days[int(rng.integers(len(days)))]
