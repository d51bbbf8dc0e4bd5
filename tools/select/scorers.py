"""How much each frame is wanted: scorers take frames and signals and give one value a frame.

A scorer whose signal is missing raises `UsageError`; `choose` asks before it runs any.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np

from longtake.errors import UsageError
from longtake.tools.select.items import LANES, Array, Items, Signals

Scorer = Callable[[Items, Signals], Array]
"""-> [N], higher = keep."""

Normalise = Literal["none", "range", "rank", "sum", "length"]

PICTURES_WEIGHT = 0.8
"""Of image-text similarity beside what was said or read: it has no absolute meaning."""

_BLOCK = 8192


def constant(items: Items, signals: Signals) -> Array:
    """Every frame alike."""
    return np.ones(len(items))


def frame_relevance(items: Items, signals: Signals) -> Array:
    """Cosine of frame and text."""
    return _signal(signals, "frame_text")


def clip_relevance(items: Items, signals: Signals) -> Array:
    """Cosine of clip and text, the same for all frames of a clip."""
    return _signal(signals, "clip_text")


def any_lane(items: Items, signals: Signals) -> Array:
    """The best that any lane says, 0..1.

    What was said and read counts as it is. Cosines of pictures are stretched to 0..1 over the
    frames, frame and clip half each, and count `PICTURES_WEIGHT`.
    """
    lanes = [lane for lane in LANES if getattr(signals, lane) is not None]
    if not lanes:
        raise UsageError("no relevance: none of the lanes frame_text, clip_text, speech, text")
    best = np.zeros(len(items))
    pictures = [
        normalised(getattr(signals, lane), "range") for lane in lanes if lane.endswith("_text")
    ]
    if pictures:
        best = PICTURES_WEIGHT * np.mean(pictures, axis=0)
    for lane in ("speech", "text"):
        if (values := getattr(signals, lane)) is not None:
            best = np.maximum(best, values)
    return best


def overview_relevance(items: Items, signals: Signals) -> Array:
    """What a look from afar says: relevance of clips, else the best frame's of each clip."""
    if signals.clip_text is not None:
        return clip_relevance(items, signals)
    values = any_lane(items, signals)
    starts = np.flatnonzero(np.diff(items.clips, prepend=items.clips[:1] - 1))
    lengths = np.diff(starts, append=len(items))
    return np.repeat(np.maximum.reduceat(values, starts), lengths) if len(starts) else values


def yes_probability(items: Items, signals: Signals) -> Array:
    """Probability that a model answers yes about the frame (QuoTA); 0 where it was not asked."""
    return np.nan_to_num(_signal(signals, "probability"), nan=0.0)


def novelty(items: Items, signals: Signals) -> Array:
    """How much a frame differs from the one before: the signal, else 1 - cosine of features.

    The first frame is as new as the newest other.
    """
    if signals.change is not None:
        return signals.change
    if items.features is None:
        raise UsageError("no novelty: neither the signal 'change' nor features")
    change = np.zeros(len(items))
    for start in range(1, len(items), _BLOCK):
        rows = items.features[start - 1 : start + _BLOCK].astype(np.float32)
        change[start : start + len(rows) - 1] = 1.0 - np.einsum("nd,nd->n", rows[1:], rows[:-1])
    change[:1] = change[1:].max(initial=0.0)
    return np.maximum(change, 0.0)


def density(items: Items, signals: Signals) -> Array:
    """Distinct words said or shown (LangDC's richness of text), else novelty."""
    return signals.density if signals.density is not None else novelty(items, signals)


def weighted(*terms: tuple[Scorer, float], normalise: Normalise = "range") -> Scorer:
    """The weighted sum of scorers, each brought to one scale first.

    Args:
        normalise: `none`; `range` stretches to 0..1; `rank` is the place among the others, 0..1,
            equal values alike; `sum` divides by the total; `length` by the Euclidean length.
    """

    def score(items: Items, signals: Signals) -> Array:
        total = np.zeros(len(items))
        for scorer, weight in terms:
            total += weight * normalised(scorer(items, signals), normalise)
        return total

    return score


def normalised(values: Array, how: Normalise) -> Array:
    """[N] on the scale that `weighted` describes; values that are all alike give zeros with
    `range`."""
    values = np.asarray(values, np.float64)
    if how == "none" or not len(values):
        return values
    if how == "range":
        spread = float(np.ptp(values))
        return (values - values.min()) / spread if spread > 0 else np.zeros_like(values)
    if how == "rank":
        _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
        middles = np.cumsum(counts) - (counts + 1) / 2
        return middles[places] / max(1, len(values) - 1)
    whole = float(values.sum()) if how == "sum" else float(np.linalg.norm(values))
    return values / whole if whole != 0 else np.zeros_like(values)


def _signal(signals: Signals, name: str) -> Array:
    values: Array | None = getattr(signals, name)
    if values is None:
        raise UsageError(f"no signal {name!r}")
    return values
