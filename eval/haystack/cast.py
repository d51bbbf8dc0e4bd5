"""Who and what may appear in a world, how often, and what never does."""

from dataclasses import dataclass
from itertools import product
from typing import Generic, TypeVar

import numpy as np

from longtake.eval.haystack.acts import Actor, Thing
from longtake.eval.haystack.config import WorldConfig
from longtake.eval.haystack.vocabulary import Vocabulary

NEAR = 0.6
"""Share of actors that are one attribute off somebody seen before."""
RARE = 0.6
"""Most of a day's actors that are seen only then."""

_T = TypeVar("_T")


def shuffled(rng: np.random.Generator, things: list[_T]) -> list[_T]:
    """In random order."""
    return [things[i] for i in rng.permutation(len(things))]


def pick(rng: np.random.Generator, things: "list[_T] | tuple[_T, ...]") -> _T:
    """One of them."""
    return things[int(rng.integers(len(things)))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """All looks that an actor can have, by how often they are seen."""

    absent: frozenset[Actor]
    """Never."""
    single: tuple[Actor, ...]
    """Once in the world."""
    visitors: tuple[Actor, ...]
    """Once on two days."""
    common: tuple[Actor, ...]
    """Any number of times."""


def roles(rng: np.random.Generator, words: Vocabulary, days: int) -> Roles:
    """A quarter is never seen, three eighths once, the rest freely; visitors need two days."""
    everyone = [Actor(*looks) for looks in product(words.colours, words.hats, words.badges)]
    everyone = shuffled(rng, everyone)
    quarter, single = len(everyone) // 4, len(everyone) * 5 // 8
    visiting = min(max(2, days), single // 8) if days > 1 else 0
    return Roles(
        absent=frozenset(everyone[:quarter]),
        visitors=tuple(everyone[quarter : quarter + visiting]),
        single=tuple(everyone[quarter + visiting : single]),
        common=tuple(everyone[single:]),
    )


def rare_of_days(rng: np.random.Generator, cast: Roles, days: int, acts: int) -> list[list[Actor]]:
    """For each day, who is seen only then (visitors: then and on one other day), at most `RARE` of
    its about `acts` actors."""
    room = max(1, int(RARE * acts))
    queues: list[list[Actor]] = [[] for _ in range(days)]
    for actor in cast.visitors:
        free = [day for day in range(days) if len(queues[day]) < room]
        if len(free) >= 2:
            for day in rng.choice(free, 2, replace=False):
                queues[int(day)].append(actor)
    for i, actor in enumerate(cast.single):
        if len(queues[i % days]) < room:
            queues[i % days].append(actor)
    return [shuffled(rng, queue) for queue in queues]


class DayCast:
    """Draws a day's actors: rare ones spread over it, the others near to those before them."""

    def __init__(
        self, rng: np.random.Generator, common: tuple[Actor, ...], rare: list[Actor], acts: int
    ) -> None:
        self._rng, self._common, self._rare = rng, common, list(rare)
        self._left = acts
        self._last: Actor | None = None

    def draw(self) -> Actor:
        """Who comes next."""
        share = len(self._rare) / max(1, self._left)
        self._left -= 1
        if self._rare and self._rng.random() < share:
            self._last = self._rare.pop()
            return self._last
        if self._last is not None and self._rng.random() < NEAR:
            near = [actor for actor in self._common if actor.differs(self._last) == 1]
            if near:
                return pick(self._rng, near)
        return pick(self._rng, self._common)


class Mixture(Generic[_T]):
    """Draws a day's vehicles or alarms: rare ones come one to six times, the others freely, so
    that some can be counted however long the day is."""

    def __init__(self, rng: np.random.Generator, kinds: list[_T], acts: int) -> None:
        mixed = shuffled(rng, kinds)
        rare, self._common = mixed[: len(mixed) // 3], mixed[len(mixed) // 3 :]
        times = [kind for kind in rare for _ in range(int(rng.integers(1, 7)))]
        self._rare = shuffled(rng, times[: max(1, int(RARE * acts))])
        self._rng, self._left = rng, acts

    def draw(self) -> _T:
        """What comes next."""
        share = len(self._rare) / max(1, self._left)
        self._left -= 1
        if self._rare and self._rng.random() < share:
            return self._rare.pop()
        return pick(self._rng, self._common)


def absent_vehicles(rng: np.random.Generator, words: Vocabulary) -> frozenset[tuple[str, str]]:
    """A quarter of all coloured vehicles, which never pass."""
    every = shuffled(rng, list(product(words.colours, words.vehicles)))
    return frozenset(every[: len(every) // 4])


def thing(rng: np.random.Generator, words: Vocabulary, *, but: set[str] | None = None) -> Thing:
    """A thing, none of those in `but`."""
    while True:
        made = Thing(pick(rng, words.colours), pick(rng, words.things))
        if str(made) not in (but or ()):
            return made


def acts_expected(config: WorldConfig, per_minute: float) -> int:
    """Acts of a kind that a day is about to hold."""
    return max(3, round(config.seconds / 60 * per_minute))
