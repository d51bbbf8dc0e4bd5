"""When the frames of a day are to be shown."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from longtake.eval.haystack.acts import Day
from longtake.eval.haystack.config import WorldConfig

TICKS = 90_000
"""A second, where times are irregular."""
LATE = 0.7
"""An irregular frame is late by up to this share of a frame's time."""
LEFT_OUT = 0.2
"""Share of irregular frames that are left out, never two together, so that the one before stays."""


@dataclass(frozen=True, slots=True)
class Stamps:
    """Of one day."""

    base: Fraction
    """Seconds a tick."""
    ticks: NDArray[np.int64]
    """[frames]"""
    kept: NDArray[np.bool_]
    """[frames]: those that are encoded."""


def stamps_of(day: Day, config: WorldConfig) -> Stamps:
    """Even, or by a random draw that the day's name fixes. Frames where key frames stand are always
    kept, and the first is never late."""
    numbers = np.arange(day.frames)
    if not config.irregular:
        return Stamps(Fraction(1, config.fps), numbers, np.ones(day.frames, bool))
    rng = np.random.default_rng(int(day.video[8:24], 16))
    late = rng.uniform(0, LATE, day.frames)
    late[0] = 0
    out = rng.random(day.frames) < LEFT_OUT
    out[:: round(config.gop_s * config.fps)] = False
    out[1:] &= ~out[:-1]
    ticks = np.round((numbers + late) * TICKS / config.fps).astype(np.int64)
    return Stamps(Fraction(1, TICKS), ticks, ~out)
