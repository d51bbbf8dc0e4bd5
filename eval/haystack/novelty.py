"""The query-free check: nobody who only looks for what stands out may find the needles.

Three rankers watch the film as it is made: `change` (difference to the frame before), `drift`
(distance from a slow running mean, which is what a novelty detector keeps) and `rarity` (distance
to the most similar other act). Each ranks acts; needles are compared with the other acts of the
same kind, their decoys. What is measured is recall in the top fifth, which is 20 % by chance.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from longtake.eval.haystack.acts import Day, Timed

TOP = 0.2
ALLOWED = 0.05
"""Recall over chance that is still let pass."""
SURE = 0.01
"""A ranker is believed to be better only if luck explains it with less probability."""
GRID = (8, 8)
SLOW = 0.02
RANKERS = ("change", "drift", "rarity")

ActKey = tuple[str, int, int]
"""Kind of act, first frame, last frame; rows of one board share it."""
Ranked = dict[ActKey, dict[str, float]]
"""By act and ranker, higher for what stands out more."""


def act_key(timed: Timed) -> ActKey:
    """What is on screen at one time counts as one."""
    return type(timed.act).__name__, timed.first, timed.last


def act_keys(day: Day) -> set[ActKey]:
    """Of all acts."""
    return {act_key(timed) for scene in day.scenes for timed in scene.acts}


class Watcher:
    """Sees every frame of a day once; memory grows with acts, not with frames.

    Args:
        keys: what is ranked.
    """

    def __init__(self, keys: Collection[ActKey]) -> None:
        self._keys = sorted(sorted(keys), key=lambda key: key[1])
        self._from = 0
        self._mean: NDArray[np.float32] | None = None
        self._last: NDArray[np.float32] | None = None
        self._scores: Ranked = {}
        self._looks: dict[ActKey, NDArray[np.float32]] = {}

    def see(self, number: int, pixels: NDArray[np.uint8]) -> None:
        """Take the next frame, u8 [H, W, 3]."""
        small = Image.fromarray(pixels).resize(GRID, Image.Resampling.BOX)
        look = np.asarray(small, np.float32).ravel()
        if self._mean is None or self._last is None:
            self._mean = self._last = look
        change = float(np.abs(look - self._last).mean())
        drift = float(np.abs(look - self._mean).mean())
        self._last = look
        self._mean = self._mean + np.float32(SLOW) * (look - self._mean)
        while self._from < len(self._keys) and self._keys[self._from][2] <= number:
            self._from += 1
        for key in self._keys[self._from :]:
            if key[1] > number:
                break
            if number < key[2]:
                scores = self._scores.setdefault(key, {"change": 0.0, "drift": 0.0})
                scores["change"] = max(scores["change"], change)
                scores["drift"] = max(scores["drift"], drift)
                if number == (key[1] + key[2]) // 2:
                    self._looks[key] = look

    def scores(self) -> Ranked:
        """Of all that was seen."""
        keys = [key for key in self._keys if key in self._looks]
        looks = np.array([self._looks[key] for key in keys])
        for i, key in enumerate(keys):
            apart = np.abs(looks - looks[i]).mean(axis=1)
            apart[i] = np.inf
            self._scores[key]["rarity"] = float(apart.min()) if len(keys) > 1 else 0.0
        return self._scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One ranker against one set of needles."""

    ranker: str
    needles: int
    recall: float
    """Of needles, in the top fifth of acts of their kind."""
    luck: float
    """Probability of at least that recall by chance."""

    @property
    def solved(self) -> bool:
        """Better than chance by more than is allowed and more than luck explains."""
        return self.recall > TOP + ALLOWED and self.luck < SURE


def verdicts(
    scores: Mapping[tuple[str, ActKey], Mapping[str, float]],
    needles: Sequence[tuple[str, ActKey]],
) -> tuple[Verdict, ...]:
    """Every ranker's recall of needles among all acts of their kinds, over a world's videos.

    Args:
        scores: (video, act) -> ranker -> score.
        needles: the acts that questions are about.
    """
    wanted = set(needles) & set(scores)
    found = []
    for ranker in RANKERS:
        hits = 0
        chance: list[float] = []
        for kind in sorted({key[1][0] for key in wanted}):
            every = [key for key in scores if key[1][0] == kind]
            every.sort(key=lambda key: (-scores[key].get(ranker, 0.0), key))
            top = round(TOP * len(every))
            hits += len(wanted & set(every[:top]))
            mine = sum(key[1][0] == kind for key in wanted)
            chance += [top / len(every)] * mine
        if chance:
            share = sum(chance) / len(chance)
            luck = _at_least(hits, len(chance), share)
            recall = hits / len(chance)
            found.append(Verdict(ranker=ranker, needles=len(chance), recall=recall, luck=luck))
    return tuple(found)


def _at_least(hits: int, trials: int, share: float) -> float:
    """Probability of that many hits or more."""
    tail = sum(
        comb(trials, k) * share**k * (1 - share) ** (trials - k) for k in range(hits, trials + 1)
    )
    return min(1.0, tail)
