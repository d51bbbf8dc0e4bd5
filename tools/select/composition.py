"""How presets are put together, and what choosing gives.

A preset is either a few parts, each `score -> allocate -> select -> merge` at one size, or a plan
of its own where frames compete for resolution. Budgets count full-size frames: a frame at scale `s`
of each side costs `s * s`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from longtake.tools.select.allocators import Allocator
from longtake.tools.select.items import IntArray, Items, Signals
from longtake.tools.select.mergers import Merger, drop
from longtake.tools.select.scorers import Scorer, constant
from longtake.tools.select.selectors import Selector, by_group

SCALE_STEPS = 4096
"""Scales are multiples of 1/4096: their squares add up without rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """One chosen frame."""

    time: float
    """Seconds."""
    scale: float
    """Of each side, relative to full size, 0..1."""
    clip: int
    """Number of the clip it belongs to: the plan's own for `f2c`, else that of the items."""
    score: float
    """By the scorer that chose it; comparable within one part."""
    reason: str
    part: str
    """Which part of the preset it belongs to: `frames`, `overview`, `sheet`, `clips`, `forced`."""
    frames: int = 1
    """How many frames it stands for."""

    @property
    def cost(self) -> float:
        """In full-size frames."""
        return self.scale * self.scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What to show."""

    preset: str
    budget: int
    picks: tuple[Pick, ...]
    """In the order of time, no frame twice."""
    scored: int
    """Frames that were scored on request (`focus`)."""
    notes: tuple[str, ...] = ()
    """What was missing and what was done instead."""

    @property
    def cost(self) -> float:
        """In full-size frames; never more than the budget."""
        return math.fsum(pick.cost for pick in self.picks)

    @property
    def times(self) -> tuple[float, ...]:
        return tuple(pick.time for pick in self.picks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A pick before it has a time."""

    index: int
    scale: float
    score: float
    reason: str
    part: str
    clip: int | None = None
    """None is the item's."""
    frames: int = 1

    @property
    def cost(self) -> float:
        return self.scale * self.scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a plan chose."""

    drafts: Sequence[Draft]
    scored: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What `choose` is told beside the budget."""

    seed: int = 0


Planner = Callable[[Items, Signals, int, Options], Plan]
SelectorFor = Callable[[Signals], Selector]
"""A selector that needs signals, such as the embedding of the question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Frames of one size, chosen by `score -> allocate -> select -> merge`."""

    name: str
    reason: str
    score: Scorer = constant
    select: Selector | None = None
    select_for: SelectorFor | None = None
    """Instead of `select`, where signals are needed."""
    features: bool = False
    """Whether the selector or the merger looks at features."""
    allocate: Allocator | None = None
    """Splits the frames over clips before selecting inside each; None selects from all at once."""
    segments: int | None = None
    """Split over so many equal stretches instead of clips."""
    weigh: Scorer | None = None
    """Weight of each clip: the sum over its frames. None is the score."""
    merge: Merger = drop
    share: float | None = None
    """Of the budget; None is all that the parts before have left."""
    frames: int | None = None
    """At most so many frames."""
    area: float = 1.0
    """Of a full-size frame that each frame of the part costs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A named way to choose."""

    name: str
    line: str
    """What it does, in one line."""
    source: str
    needs: tuple[str, ...] = ()
    """Signals it cannot do without; `relevance` is any lane's."""
    uses: tuple[str, ...] = ()
    """Signals it takes when they are there, with what it does otherwise."""
    scored: str
    """Frames that have to be scored, and when."""
    calls: str = "none"
    """Calls of a model that sees, before anything is shown."""
    parts: tuple[Part, ...] = ()
    plan: Planner | None = None
    """Instead of parts."""


def scale_of(area: float) -> float:
    """Side of a frame of this area, rounded down to `SCALE_STEPS`."""
    return math.floor(math.sqrt(min(1.0, max(0.0, area))) * SCALE_STEPS) / SCALE_STEPS


def run_parts(preset: Preset, items: Items, signals: Signals, budget: int) -> Plan:
    """Every part in turn, each from the frames that none before has taken.

    A part whose share is too small for a frame gets one, if there is budget left for it.
    """
    drafts: list[Draft] = []
    left = float(budget)
    free = np.ones(len(items), bool)
    for part in preset.parts:
        allowed = left if part.share is None else min(left, budget * part.share)
        scale = scale_of(part.area)
        cost = scale * scale
        pool = np.flatnonzero(free)
        count = min(len(pool), max(math.floor(allowed / cost), 1 if left >= cost else 0))
        if part.frames is not None:
            count = min(count, part.frames)
        found = _run(part, items, signals, pool, count, scale)
        drafts += found
        left -= cost * len(found)
        free[[draft.index for draft in found]] = False
    return Plan(drafts=drafts)


def _run(
    part: Part, items: Items, signals: Signals, pool: IntArray, count: int, scale: float
) -> list[Draft]:
    if not count:
        return []
    if len(pool) < len(items):
        items, signals = items.take(pool, features=part.features), signals.take(pool)
    scores = part.score(items, signals)
    select = part.select_for(signals) if part.select_for is not None else part.select
    assert select is not None, part.name
    rows = items.rows() if part.features else np.empty((len(items), 0))
    if part.allocate is None:
        kept = select(rows, scores, count)
    else:
        groups = _groups(items, part.segments)
        worth = part.weigh(items, signals) if part.weigh else scores
        totals = np.bincount(groups, weights=worth - min(0.0, float(worth.min()))).astype(float)
        quotas = part.allocate(totals, count, np.bincount(groups))
        kept = by_group(select, rows, scores, groups, quotas)
    counts = part.merge(items, kept, len(kept)).counts()
    return [
        Draft(
            index=int(pool[index]),
            scale=scale,
            score=float(scores[index]),
            reason=part.reason,
            part=part.name,
            frames=int(size),
        )
        for index, size in zip(kept, counts, strict=True)
    ]


def _groups(items: Items, segments: int | None) -> IntArray:
    """[N] number of the clip or segment, 0..G-1."""
    if segments is None:
        return np.unique(items.clips, return_inverse=True)[1]
    return np.arange(len(items)) * min(segments, len(items)) // max(1, len(items))
