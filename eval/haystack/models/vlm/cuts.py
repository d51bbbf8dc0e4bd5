"""Frames of several stretches of a day together, as the agent's answers, the comparators and the
oracle show them: what questions over a whole video are answered from."""

from collections.abc import Callable, Sequence
from itertools import groupby

import numpy as np

from longtake.eval.haystack.acts import Row
from longtake.eval.haystack.models.vlm.facts import Facts
from longtake.eval.haystack.models.vlm.footage import Reel, any_reel
from longtake.eval.haystack.models.vlm.labels import rescaled
from longtake.eval.haystack.models.vlm.strips import KEPT_S, Shot, Strip, frames_within, heard_in

WIDTHS = (168, 224, 280, 336, 448, 448)
"""Pixels of frames."""
FRAMES = (1, 1, 2, 3, 4)
"""Of a stretch."""
STRETCHES = (2, 3, 4, 6, 8)
"""That belong together, at most."""
BESIDES = (0, 0, 1, 2, 4)
"""Stretches from anywhere."""
AROUND_S = 1.0
"""Seconds around a stretch of which lines are shown."""

Stretch = list[int]
"""Successive stills of a reel, by their places."""


def cut_together(rng: np.random.Generator, days: Sequence[Reel], most_tokens: int) -> Shot:
    """Some stretches of a day that a question may ask for together, and some from anywhere.

    Args:
        most_tokens: of all frames.
    """
    reel = any_reel(rng, days)
    width = int(rng.choice(WIDTHS))
    most = frames_within(most_tokens, width)
    theme = _THEMES[int(rng.integers(len(_THEMES)))]
    stretches, told = theme(rng, reel)
    per = int(rng.choice(FRAMES))
    taken = [_some(rng, stretch, per) for stretch in stretches[:most]]
    for _ in range(int(rng.choice(BESIDES))):
        at = int(rng.integers(len(reel.stills)))
        taken.append(list(range(at, min(len(reel.stills), at + per))))
    places = sorted({place for stretch in taken for place in stretch})
    if len(places) > most:
        kept = [stretch[:1] for stretch in taken][:most]
        places = sorted({place for stretch in kept for place in stretch})
    moved = round(float(rng.choice((0.0, 0.0, rng.uniform(0, 3000)))), 1)
    seconds = [reel.stills[place].number / reel.fps for place in places]
    shown = [rescaled(reel.stills[place], width) for place in places]
    around = [(at - AROUND_S, at + AROUND_S) for at in seconds]
    heard = heard_in(rng, reel, [*around, *told], moved) if told or rng.random() < 0.6 else []
    times = tuple(round(moved + KEPT_S / 2 + at, 1) for at in seconds)
    strip = Strip(times=times, frames=tuple(facts for _, facts in shown), heard=tuple(heard))
    start = round(max(0.0, times[0] - KEPT_S), 1)
    end = round(moved + reel.day.frames / reel.fps, 1)
    return Shot(strip=strip, pixels=tuple(p for p, _ in shown), start=start, end=end)


Found = tuple[list[Stretch], list[tuple[float, float]]]
"""Stretches, and seconds of the day of which lines have to be shown as well."""


def _some(rng: np.random.Generator, stretch: Stretch, count: int) -> Stretch:
    """So many stills of a stretch, evenly from anywhere in it."""
    if len(stretch) <= count:
        return stretch
    step = len(stretch) / count
    first = float(rng.uniform(0, step))
    return [stretch[int(first + i * step)] for i in range(count)]


def _runs(reel: Reel, key: Callable[[Facts], str]) -> list[tuple[str, Stretch]]:
    """Stretches in which something is the same; those where it is empty are left out."""
    told = [key(still.facts) for still in reel.stills]
    groups = groupby(range(len(told)), key=lambda i: told[i])
    return [(name, list(places)) for name, places in groups if name]


def _several(rng: np.random.Generator, runs: Sequence[Stretch]) -> list[Stretch]:
    """Some of the stretches, in random order."""
    count = int(rng.choice(STRETCHES))
    return [runs[i] for i in rng.permutation(len(runs))[:count]]


def visits(rng: np.random.Generator, reel: Reel) -> Found:
    """Of actors."""
    runs = _runs(reel, lambda f: str(f.actor.what) if f.actor else "")
    return _several(rng, [places for _, places in runs]), []


def passages(rng: np.random.Generator, reel: Reel) -> Found:
    """Of one vehicle, all of them, or of any."""
    runs = _runs(reel, lambda f: str(f.vehicle.what) if f.vehicle else "")
    if runs and rng.random() < 0.7:
        name = runs[int(rng.integers(len(runs)))][0]
        return [places for other, places in runs if other == name], []
    return _several(rng, [places for _, places in runs]), []


def cabinets(rng: np.random.Generator, reel: Reel) -> Found:
    """The first two views of one room's."""

    def named(facts: Facts) -> str:
        whole = facts.place == "cabinet" and facts.room and facts.things
        return facts.room.name if whole and facts.room else ""

    runs = _runs(reel, named)
    twice = [name for name in dict(runs) if sum(name == other for other, _ in runs) > 1]
    if not twice:
        return _several(rng, [places for _, places in runs]), []
    name = twice[int(rng.integers(len(twice)))]
    both = [places for other, places in runs if other == name][:2]
    return both, [_seconds(reel, places) for places in both]


def chains(rng: np.random.Generator, reel: Reel) -> Found:
    """A code that is said, the board that gives its room, and the room."""
    rooms = {
        timed.act.text.split()[0]: (timed.act.text.split()[-1], timed.first / reel.fps)
        for scene in reel.day.scenes
        for timed in scene.acts
        if isinstance(timed.act, Row) and " ROOM " in timed.act.text
    }
    said = [line for line in reel.day.lines if line.kind == "code" and line.value in rooms]
    runs = _runs(reel, lambda f: f.room.name if f.room and f.picture else "")
    for i in rng.permutation(len(said)):
        room, at = rooms[said[i].value]
        shown = [places for name, places in runs if name == room]
        if shown:
            spoken = said[i].at_s
            told = [(spoken, spoken + 1), (at, at + 1), _seconds(reel, shown[0])]
            return [shown[0], _at(reel, spoken), _at(reel, at)], told
    return visits(rng, reel)


def _seconds(reel: Reel, stretch: Stretch) -> tuple[float, float]:
    first, last = reel.stills[stretch[0]].number, reel.stills[stretch[-1]].number
    return first / reel.fps, last / reel.fps


def _at(reel: Reel, second: float) -> Stretch:
    """The still of that second."""
    return [min(len(reel.stills) - 1, int(second / KEPT_S))]


_THEMES = (visits, visits, visits, passages, passages, cabinets, cabinets, chains)
"""What stretches have in common, each as likely."""
