"""The owners' measures of QVHighlights (standalone_eval/eval.py 2fa9e32 of moment_detr).

Moments: `R1` is the share of questions whose first moment has at least that IoU with the true one
that fits it best. `mAP` at an IoU is the mean over questions of the interpolated average precision
of the first ten moments: by falling score each takes the free true moment it fits best, if well
enough; `avg` is over IoU 0.5, 0.55, ... 0.95. Short, middle and long keep the true moments of (0,
10], (10, 30] and (30, 150] seconds and the questions that have any.

Highlights: a two-second clip is a hit when an annotator of three gave it at least 2 (Fair), 3
(Good) or 4 (VeryGood). `HL-Hit1` asks whether the clip of highest saliency is a hit for any of
them; a clip behind the end of the video is none. `HL-mAP` is the mean over questions and annotators
of the interpolated average precision, 0 where there is no such clip and 1 where all are.

The helpers `get_ap` and `compute_average_precision_detection` were read in copies of the owners'
utils.py in other repositories, where the owners' own file is not in reach; the copies agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from longtake.eval.grounding import iou
from longtake.timing import Span

F64 = npt.NDArray[np.float64]

LEVELS = tuple(round(0.5 + 0.05 * i, 2) for i in range(10))
MOMENTS = 10
CLIP_S = 2
LENGTHS = {"short": (0, 10), "middle": (10, 30), "long": (30, 150)}
GOOD = {"Fair": 2, "Good": 3, "VeryGood": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Of one question."""

    duration_s: float
    windows: tuple[Span, ...]
    clips: tuple[int, ...]
    """Relevant clips of two seconds."""
    saliency: tuple[tuple[int, ...], ...]
    """0 to 4 of each annotator, for each of `clips`."""


def moments(given: Sequence[Sequence[Span]], truths: Sequence[Truth]) -> dict[str, float]:
    """R1 and mAP, percent."""
    everything = [truth.windows for truth in truths]
    ap = _mean_ap(given, everything)
    best = [
        max((iou(spans[0], window) for window in windows), default=0.0) if spans else 0.0
        for spans, windows in zip(given, everything, strict=True)
    ]
    out = {f"MR-R1@{level}": _percent([b >= level for b in best]) for level in (0.5, 0.7)}
    out |= {
        "MR-mAP@0.5": _percent(ap[:, LEVELS.index(0.5)]),
        "MR-mAP@0.75": _percent(ap[:, LEVELS.index(0.75)]),
        "MR-mAP@avg": _percent(ap),
    }
    for name, (low, high) in LENGTHS.items():
        kept = [tuple(w for w in windows if low < w.duration <= high) for windows in everything]
        asked = [i for i, windows in enumerate(kept) if windows]
        if asked:
            part = _mean_ap([given[i] for i in asked], [kept[i] for i in asked])
            out[f"MR-{name}-mAP@avg"] = _percent(part)
    return out


def highlights(saliency: Sequence[Sequence[float]], truths: Sequence[Truth]) -> dict[str, float]:
    """HL-mAP and HL-Hit1, percent; a question without saliency has 0."""
    out = {}
    for name, least in GOOD.items():
        precision, hits = [], []
        for scores, truth in zip(saliency, truths, strict=True):
            labels = _labels(truth, least)
            if not scores:
                hits.append(0.0)
                precision.append(0.0)
                continue
            top = int(np.argmax(scores))
            hits.append(float(top < len(labels) and labels[top].max(initial=0)))
            fitted = np.zeros(len(labels))
            count = min(len(labels), len(scores))
            fitted[:count] = scores[:count]
            precision.append(float(np.mean([clip_ap(c, fitted) for c in labels.T])))
        out[f"HL-min-{name}-mAP"] = _percent(precision)
        out[f"HL-min-{name}-Hit1"] = _percent(hits)
    return out


def moment_ap(given: Sequence[Span], true: Sequence[Span]) -> F64:
    """f64 [10]: interpolated average precision of moments, best first, at each of `LEVELS`."""
    given = given[:MOMENTS]
    out = np.zeros(len(LEVELS))
    if not given or not true:
        return out
    overlaps = [[iou(a, b) for b in true] for a in given]
    nearest = [np.argsort(row)[::-1].tolist() for row in overlaps]
    for place, level in enumerate(LEVELS):
        free = [True] * len(true)
        right = np.zeros(len(given))
        for i, row in enumerate(overlaps):
            for j in nearest[i]:
                if row[j] < level:
                    break
                if free[j]:
                    free[j], right[i] = False, 1
                    break
        found = np.cumsum(right)
        precision = np.hstack([[0], found / np.arange(1, len(given) + 1), [0]])
        recall = np.hstack([[0], found / len(true), [1]])
        precision = np.maximum.accumulate(precision[::-1])[::-1]
        steps = np.flatnonzero(recall[1:] != recall[:-1]) + 1
        out[place] = np.sum((recall[steps] - recall[steps - 1]) * precision[steps])
    return out


def clip_ap(labels: F64, scores: F64) -> float:
    """Interpolated average precision of clips, ties taken together: the mean, over scores at which
    recall grows, of the best precision at that or more recall."""
    if len(set(labels.tolist())) <= 1:
        return float(labels[0]) if len(labels) else 0.0
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.diff(scores[order], append=-np.inf))  # last of each tie
    found = np.cumsum(labels[order])[ends]
    precision = np.maximum.accumulate((found / (ends + 1))[::-1])[::-1]
    grows = np.diff(found, prepend=0) > 0
    return float(np.mean(precision[grows]))


def _labels(truth: Truth, least: int) -> F64:
    """f64 [clips, annotators] of 0 and 1."""
    count = int(truth.duration_s / CLIP_S)
    workers = len(truth.saliency[0]) if truth.saliency else 3
    labels = np.zeros((count, workers))
    for clip, scores in zip(truth.clips, truth.saliency, strict=True):
        if clip < count:
            labels[clip] = np.array(scores) >= least
    return labels


def _mean_ap(given: Sequence[Sequence[Span]], true: Sequence[Sequence[Span]]) -> F64:
    return np.stack([moment_ap(a, b) for a, b in zip(given, true, strict=True)])


def _percent(numbers: Sequence[float] | F64) -> float:
    return round(100 * float(np.mean(numbers)), 2)
