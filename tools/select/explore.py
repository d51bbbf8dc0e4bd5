"""Frames of a video that was not embedded: stretches as arms of a bandit (FOCUS).

Zhu et al., "FOCUS: Efficient Keyframe Selection for Long Video Understanding"
(NUS-HPC-AI-Lab/FOCUS). Arms are stretches of 16 s. Every arm's middle frame is scored; the quarter
of the arms with the highest Bernstein bound `mean + sqrt(2 ln t var / n) + 3 ln t / n` gets more
frames; a fifth of the result are the best frames scored, the rest comes from the best arms, drawn
by softmax (temperature 0.06) over scores of the nearest scored frames.

Where we depart: the released code ranks arms by the bound again at the end, which is widest for the
arms that were looked at least, so the rest comes from arms that were never zoomed into; here arms
are ranked by their mean at the end, as in the paper. Frames at the end of a video that fill no
whole arm belong to the last one (there to none); a variance is shrunk to that of all scores, since
one frame has none; what is drawn is never fewer than asked for; a day has as many scored frames as
`most` allows, in longer arms and fewer zooms; and the random draws come from a seed.
"""

import math
from dataclasses import dataclass

import numpy as np

from longtake.tools.select.items import F64, IntArray, Probe
from longtake.tools.select.scorers import normalised
from longtake.tools.select.selectors import best_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Bandit:
    """Parameters of `explore`; the defaults are those of the released commands."""

    arm: int = 16
    """Frames of an arm."""
    zoom: float = 0.25
    """Share of the arms that is looked at more closely."""
    fine: int = 16
    """Frames scored in each of those."""
    top: float = 0.2
    """Share of the result that are simply the best frames scored."""
    least_arms: int = 4
    most_arms: int = 32
    """Arms that the rest of the result comes from."""
    temperature: float = 0.06
    most: int = 4096
    """Frames scored at most."""
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Explored:
    """What was chosen and what it cost."""

    indices: IntArray
    """Sorted, unique."""
    scores: F64
    """[n] of the chosen: scored, or that of the nearest scored frame of the arm."""
    scored: int
    """Frames that the callback was asked about."""
    arms: int
    """Arms there are."""
    zoomed: int
    """Arms that were looked at more closely."""


def explore(total: int, count: int, probe: Probe, options: Bandit | None = None) -> Explored:
    """`count` of `total` frames, all of them when there are fewer.

    `probe` is called at most twice, with sorted indices none of which comes again.
    """
    options = options or Bandit()
    count = max(0, min(count, total))
    if not count:
        return Explored(
            indices=np.empty(0, np.intp), scores=np.empty(0), scored=0, arms=0, zoomed=0
        )
    rng = np.random.default_rng(options.seed)
    edges = _edges(total, options)
    arms = len(edges) - 1
    scores = np.full(total, np.nan)
    coarse = (edges[:-1] + edges[1:] - 1) // 2
    scores[coarse] = probe(coarse)
    wanted = max(options.least_arms, math.ceil(options.zoom * arms))
    zoomed = best_of(
        upper_bounds(scores, edges), min(wanted, (options.most - arms) // options.fine)
    )
    fine = _fine(edges, zoomed, options)
    fine = fine[np.isnan(scores[fine])]
    if len(fine):
        scores[fine] = probe(fine)
    guessed = nearest_scores(scores, edges)
    chosen = _choose(scores, guessed, means(scores, edges), edges, count, options, rng)
    return Explored(
        indices=chosen,
        scores=guessed[chosen],
        scored=len(coarse) + len(fine),
        arms=arms,
        zoomed=len(zoomed),
    )


def means(scores: F64, edges: IntArray) -> F64:
    """[A] mean of the scores of each arm; NaN scores were not asked for."""
    known = ~np.isnan(scores)
    pulls = np.maximum(np.add.reduceat(known.astype(np.float64), edges[:-1]), 1.0)
    return np.asarray(np.add.reduceat(np.where(known, scores, 0.0), edges[:-1]) / pulls)


def upper_bounds(scores: F64, edges: IntArray) -> F64:
    """[A] optimistic mean of each arm; NaN scores were not asked for."""
    known = ~np.isnan(scores)
    values = np.where(known, scores, 0.0)
    pulls = np.maximum(np.add.reduceat(known.astype(np.float64), edges[:-1]), 1.0)
    middle = means(scores, edges)
    squares = np.add.reduceat(values**2, edges[:-1]) / pulls
    spread = np.maximum(squares - middle**2, 0.0)
    overall = float(np.var(scores[known]))
    variance = (pulls * spread + overall) / (pulls + 1.0)
    log = math.log(max(2.0, float(known.sum())))
    # the last term is for rewards in 0..1: cosines of one video lie in a band, so it is scaled
    width = float(np.ptp(scores[known]))
    return np.asarray(middle + np.sqrt(2 * log * variance / pulls) + 3 * log * width / pulls)


def nearest_scores(scores: F64, edges: IntArray) -> F64:
    """[N] the score of the nearest frame of the same arm that has one, the earlier of equally near
    ones; every arm has one."""
    places = np.arange(len(scores))
    known = np.flatnonzero(~np.isnan(scores))
    arm = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    before = np.maximum(np.searchsorted(known, places, side="right") - 1, 0)
    after = np.minimum(before + 1, len(known) - 1)

    def distance(which: IntArray) -> IntArray:
        return np.where(arm[known[which]] == arm, np.abs(known[which] - places), len(scores))

    left, right = distance(before), distance(after)
    return np.asarray(scores[known[np.where(right < left, after, before)]])


def _edges(total: int, options: Bandit) -> IntArray:
    """[A + 1] borders of arms of equal length; half of the frames scored may be their middles."""
    arms = max(1, min(total // options.arm, options.most // 2))
    return np.round(np.linspace(0, total, arms + 1)).astype(np.intp)


def _fine(edges: IntArray, zoomed: IntArray, options: Bandit) -> IntArray:
    """Frames spread over each of these arms."""
    starts, lengths = edges[zoomed], edges[zoomed + 1] - edges[zoomed]
    places = (np.arange(options.fine) + 0.5) / options.fine
    return np.unique((starts[:, None] + lengths[:, None] * places).astype(np.intp))


def _choose(
    scores: F64,
    guessed: F64,
    worth: F64,
    edges: IntArray,
    count: int,
    options: Bandit,
    rng: np.random.Generator,
) -> IntArray:
    known = np.flatnonzero(~np.isnan(scores))
    top = min(len(known), round(options.top * count))
    taken = np.zeros(len(scores), bool)
    taken[known[best_of(scores[known], top)]] = True
    arms = len(worth)
    wanted = max(options.least_arms, math.ceil(options.zoom * arms))
    order = np.argsort(-worth, kind="stable")
    left = count - int(taken.sum())
    share = min(arms, wanted, options.most_arms)
    for place, arm in enumerate([*order, *order]):
        # an even share for the best arms; what they cannot take goes to the next ones, and what
        # all cannot take that way to whoever has frames left
        need = math.ceil(left / max(1, share - place))
        free = edges[arm] + np.flatnonzero(~taken[edges[arm] : edges[arm + 1]])
        drawn = _drawn(guessed[free], min(need, left), options.temperature, rng)
        taken[free[drawn]] = True
        left -= len(drawn)
        if left == 0:
            break
    return np.flatnonzero(taken)


def _drawn(values: F64, count: int, temperature: float, rng: np.random.Generator) -> IntArray:
    """`count` places drawn without repeats by softmax of the stretched values (Gumbel's top k)."""
    keys = normalised(values, "range") / temperature + rng.gumbel(size=len(values))
    return best_of(keys, count)
