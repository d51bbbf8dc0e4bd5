"""What selection works on: the frames of a video on a time grid, and what is known about them.

N frames, D dimensions, G groups. Everything here is numpy and knows no model and no library.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from longtake.errors import UsageError

Array = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.intp]
F64 = npt.NDArray[np.float64]

Probe = Callable[[IntArray], Array]
"""Indices of frames -> their relevance; may decode and embed them."""

CLIP_S = 10.0
"""Length of the clips of frames that come without any."""

LANES = ("frame_text", "clip_text", "speech", "text")
"""Signals that say how well a frame fits the question; any of them is `relevance`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Items:
    """Frames in the order of time.

    Raises:
        ValueError: shapes do not fit together, or times are not finite and ascending.
    """

    times: F64
    """[N] seconds, ascending."""
    clips: IntArray
    """[N] number of the clip that each frame lies in, ascending."""
    features: Array | None = None
    """[N, D] embeddings of unit length; None when there are none."""
    sizes: IntArray | None = None
    """[N] how many frames each stands for; None is one each."""

    def __post_init__(self) -> None:
        count = len(self.times)
        for name in ("clips", "features", "sizes"):
            value = getattr(self, name)
            if value is not None and len(value) != count:
                raise ValueError(f"{len(value)} rows of {name} for {count} frames")
        if not np.isfinite(self.times).all() or (np.diff(self.times) < 0).any():
            raise ValueError("times must be finite and ascending")
        if (np.diff(self.clips) < 0).any():
            raise ValueError("numbers of clips must be ascending")

    @classmethod
    def of(cls, times: Any, features: Array | None = None, clips: Any = None) -> Self:
        """Frames at these seconds; without `clips`, in clips of `CLIP_S`."""
        seconds = np.asarray(times, np.float64)
        numbers = seconds // CLIP_S if clips is None else clips
        return cls(times=seconds, clips=np.asarray(numbers, np.intp), features=features)

    def __len__(self) -> int:
        return len(self.times)

    def rows(self) -> Array:
        """[N, D] features; D is 0 when there are none."""
        return np.empty((len(self), 0)) if self.features is None else self.features

    def counts(self) -> IntArray:
        """[N] how many frames each stands for."""
        return np.ones(len(self), np.intp) if self.sizes is None else self.sizes

    def take(self, indices: IntArray, *, features: bool = True) -> Self:
        """These frames only; with `features=False` without features, which may be large."""
        kept = self.features if features else None
        return replace(
            self,
            times=self.times[indices],
            clips=self.clips[indices],
            features=None if kept is None else kept[indices],
            sizes=None if self.sizes is None else self.sizes[indices],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Signals:
    """What is known about each frame; None is not known. Higher is better or more."""

    frame_text: Array | None = None
    """[N] cosine between the frame and the text asked for."""
    clip_text: Array | None = None
    """[N] the same of the clip that the frame lies in."""
    speech: Array | None = None
    """[N] 0..1, how well what is said during the frame fits."""
    text: Array | None = None
    """[N] 0..1, how well what is written in the frame fits."""
    probability: Array | None = None
    """[N] 0..1, that a model says yes to this frame; NaN where it was not asked."""
    change: Array | None = None
    """[N] 0..2, how much the frame differs from the one before."""
    density: Array | None = None
    """[N] distinct words said or shown in its clip, shared among the frames of the clip."""
    query: Array | None = None
    """[D] embedding of the text asked for, in the space of the features."""
    probe: Probe | None = None
    """Scores frames on request, where that costs something."""

    def known(self, items: Items) -> frozenset[str]:
        """Names of what is there, with `features` and `relevance`."""
        names = {field.name for field in fields(self) if getattr(self, field.name) is not None}
        if self.probability is not None and np.isnan(self.probability).all():
            names.discard("probability")  # nothing was asked
        if items.features is not None:
            names.add("features")
        if names & {*LANES}:
            names.add("relevance")
        return frozenset(names)

    def check(self, items: Items) -> None:
        """Whether these are signals of these frames.

        Raises:
            UsageError: a signal has another length, or values that are no numbers.
        """
        for name, values in self._per_frame().items():
            if values.shape != (len(items),):
                raise UsageError(
                    f"signal {name!r} has shape {values.shape} for {len(items)} frames; give one "
                    "value a frame"
                )
            bad = np.isinf(values) if name == "probability" else ~np.isfinite(values)
            if bad.any():
                raise UsageError(
                    f"signal {name!r} is {values[bad][0]} for frame {int(np.argmax(bad))}; give "
                    "finite numbers"
                )

    def take(self, indices: IntArray) -> Self:
        """The signals of these frames only."""
        kept: dict[str, Any] = {name: values[indices] for name, values in self._per_frame().items()}
        if (probe := self.probe) is not None:
            kept["probe"] = lambda wanted: probe(indices[wanted])
        return replace(self, **kept)

    def _per_frame(self) -> dict[str, Array]:
        found = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in ("query", "probe")
        }
        return {name: values for name, values in found.items() if values is not None}
