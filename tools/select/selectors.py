"""Which of many scored moments to show: pure functions, no model.

A selector takes scores [N] (higher is better, order of time) and a number, and gives that many
indices (all of them when there are fewer), sorted and unique.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from longtake.errors import UsageError

Scores = npt.NDArray[np.floating[Any]]
Indices = npt.NDArray[np.intp]
Selector = Callable[[Scores, int], Indices]


def topk(scores: Scores, count: int) -> Indices:
    """The highest scores; of equal ones the earlier."""
    order = np.argsort(-scores, kind="stable")[:count]
    return np.sort(order)


def uniform(scores: Scores, count: int) -> Indices:
    """Evenly spread, whatever the scores: the middles of `count` equal parts."""
    total = len(scores)
    count = min(count, total)
    middles = (np.arange(count) + 0.5) * total / max(1, count)
    return middles.astype(np.intp)


SELECTORS: Mapping[str, Selector] = {"topk": topk, "uniform": uniform}


def selector(name: str) -> Selector:
    """The selector of a preset.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in SELECTORS:
        raise UsageError(f"no preset {name!r}; there are {', '.join(SELECTORS)}")
    return SELECTORS[name]
