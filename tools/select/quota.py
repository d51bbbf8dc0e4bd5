"""Frames compete for resolution by the probability that a model says yes to them (QuoTA).

Luo et al., "QuoTA: Query-oriented Token Assignment via CoT Query Decouple". A small model answers
yes or no about each of `96 + 64 an hour` uniform frames; a frame gets tokens in proportion to the
square of the probability of yes, and its picture is shrunk to that many.

Where we depart: the released versions let a frame get more tokens than it has, or cap in one pass
that need not reach the total, and round the grid down; here shares are water-filled up to full
size. A frame too small to show anything (under a quarter of each side) is left out, and what it
would have cost goes to the others.
"""

import numpy as np

from longtake.tools.select.allocators import waterfill
from longtake.tools.select.composition import Draft, Options, Plan, scale_of
from longtake.tools.select.items import Array, IntArray, Items, Signals
from longtake.tools.select.prefilter import best_of_windows
from longtake.tools.select.scorers import any_lane, yes_probability
from longtake.tools.select.selectors import spread

POWER = 2.0
UNITS = 196
"""Tokens of a full-size frame in the source; shares are whole tokens."""
LEAST = 13
"""Tokens of the smallest frame worth showing: a quarter of each side."""


def asked(items: Items) -> IntArray:
    """Indices of the frames to ask a model about: `96 + 64 an hour`, evenly spread."""
    return spread(len(items), frames_asked(items))


def frames_asked(items: Items) -> int:
    """How many frames QuoTA asks a model about."""
    return 96 + int(float(np.ptp(items.times)) / 3600 * 64) if len(items) else 0


def quota(items: Items, signals: Signals, budget: int, options: Options) -> Plan:
    """Sizes by probability; by relevance of the best frame of as many windows where nothing was
    asked."""
    answers = signals.probability if "probability" in signals.known(items) else None
    if answers is not None:
        scores = yes_probability(items, signals)
        pool = np.flatnonzero(~np.isnan(answers))
        notes: tuple[str, ...] = ()
    else:
        scores = any_lane(items, signals)
        pool = best_of_windows(scores, frames_asked(items))
        notes = ("no model was asked about the frames: relevance stands for its yes",)
    tokens = sizes(scores[pool], budget)
    word = "probability of yes" if answers is not None else "relevance"
    drafts = [
        Draft(
            index=int(index),
            scale=scale_of(count / UNITS),
            score=float(scores[index]),
            reason=f"size by its {word}, {scores[index]:.2f}",
            part="frames",
        )
        for index, count in zip(pool, tokens, strict=True)
        if count
    ]
    return Plan(drafts=drafts, notes=notes)


def sizes(probabilities: Array, budget: int) -> IntArray:
    """[N] tokens of each frame: none, or `LEAST` to `UNITS`; they sum to the budget of
    `budget * UNITS`, or to all frames at full size if that is less."""
    weights = np.asarray(probabilities, np.float64) ** POWER
    shown = np.arange(len(weights))
    while True:
        tokens = waterfill(weights[shown], budget * UNITS, np.full(len(shown), UNITS))
        small = tokens < LEAST
        if not small.any():
            break
        # the faintest half of what is too small, of equal ones the later: leaving out all at once
        # may leave out too many
        faint = np.flatnonzero(small)
        faint = faint[np.lexsort((-faint, weights[shown[faint]]))]
        shown = np.delete(shown, faint[: (len(faint) + 1) // 2])
    found = np.zeros(len(weights), np.intp)
    found[shown] = tokens
    return found
