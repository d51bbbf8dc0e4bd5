"""Questions about what the frames of a strip show, family by family."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby, permutations

import numpy as np

from longtake.eval.haystack.acts import Actor, Thing
from longtake.eval.haystack.models.vlm import names
from longtake.eval.haystack.models.vlm.names import pick
from longtake.eval.haystack.models.vlm.questions import (
    WRONG,
    Ask,
    Lesson,
    clocks,
    others,
    put_into_words,
    runs,
    stretches,
)
from longtake.eval.haystack.models.vlm.strips import Strip
from longtake.eval.haystack.wording import who, with_article

ORDERED = 4
"""Events of a question about order."""
CITED = 4
"""Passages of a vehicle that are cited at most."""


def somebody_else(rng: np.random.Generator, shown: Sequence[Actor | None]) -> Actor | None:
    """Somebody who is not there, mostly one attribute off somebody who is; None if chance would
    have it that everybody tried is."""
    seen = list(dict.fromkeys(a for a in shown if a))
    for _ in range(20):
        base = None
        if seen and rng.random() < 0.75:
            base = seen[int(rng.integers(len(seen)))]
        made = names.actor(rng)
        if base is not None:
            attribute = pick(rng, ("coat", "hat", "badge"))
            made = replace(base, **{attribute: getattr(made, attribute)})
        if made not in seen:
            return made
    return None


def put(rng: np.random.Generator, strip: Strip) -> Lesson | None:
    """What somebody put on the shelf: seen only while it is carried."""
    shown = strip.actors
    near = [str(s.what) for f in strip.frames for s in f.seen if isinstance(s.what, Thing)]
    carrying = [
        (time, actor, str(frame.carried.what))
        for time, actor, frame in zip(strip.times, shown, strip.frames, strict=True)
        if actor and frame.carried
    ]
    if carrying and rng.random() < 0.6:
        at, actor, name = carrying[int(rng.integers(len(carrying)))]
        visits = runs(strip.times, [a == actor for a in shown])
        return Lesson(
            asked=put_into_words(rng, "put", who=who(actor)), family="put", answer=name,
            claim=f"The thing is a {name}.", spans=tuple(s for s in visits if s[0] <= at <= s[1]),
            wrong=others(rng, name, near, names.thing_name),
        )  # fmt: skip
    absent = somebody_else(rng, shown)
    if absent is None:
        return None
    return Lesson(
        asked=put_into_words(rng, "put", who=who(absent)), family="put", answer=None,
        wrong=others(rng, "", near, names.thing_name),
    )  # fmt: skip


def when(rng: np.random.Generator, strip: Strip) -> Lesson | None:
    """When somebody is there."""
    shown = strip.actors
    present = [a for a in shown if a]
    if present and rng.random() < 0.65:
        actor = present[int(rng.integers(len(present)))]
        spans = runs(strip.times, [a == actor for a in shown])[:1]
        choice, wrong = clocks(rng, spans[0])
        return Lesson(
            asked=put_into_words(rng, "when", who=who(actor)), family="when",
            answer=stretches(spans), claim="The actor is there.", spans=spans,
            choice=choice, wrong=wrong,
        )  # fmt: skip
    absent = somebody_else(rng, shown)
    if absent is None:
        return None
    asked = put_into_words(rng, "when", who=who(absent))
    choice, wrong = clocks(rng, (float(rng.uniform(0, 60)),) * 2)
    return Lesson(asked=asked, family="when", answer=None, wrong=(*wrong, choice))


def _vehicle(rng: np.random.Generator, strip: Strip, share: float) -> tuple[str, bool]:
    """One to ask for, and whether it is there: in that share of strips with any."""
    seen = sorted({v for v in strip.vehicles if v})
    if seen and rng.random() < share:
        return pick(rng, seen), True
    while True:
        base = pick(rng, seen).split() if seen and rng.random() < 0.7 else None
        made = names.vehicle_name(rng).split()
        if base:
            keep = int(rng.integers(2))
            made[keep] = base[keep]
        if " ".join(made) not in seen:
            return " ".join(made), False


def passes(rng: np.random.Generator, strip: Strip) -> Lesson | None:
    """When a vehicle passes the gate."""
    what, there = _vehicle(rng, strip, 0.65)
    spans = runs(strip.times, [v == what for v in strip.vehicles])
    named = with_article(what)
    return Lesson(
        asked=put_into_words(rng, "passes", what=named), family="passes",
        answer=stretches(spans) if there else None, claim=f"{named.capitalize()} passes.",
        spans=spans[:CITED], several=bool(rng.random() < 0.7),
    )  # fmt: skip


def count(rng: np.random.Generator, strip: Strip) -> Lesson | None:
    """How often a vehicle passes the gate."""
    what, there = _vehicle(rng, strip, 0.7)
    spans = runs(strip.times, [v == what for v in strip.vehicles])
    named = with_article(what)
    asked = put_into_words(rng, "count", what=named)
    return Lesson(
        asked=asked, family="count", answer=str(len(spans)) if there else None,
        claim=f"{named.capitalize()} passes.", spans=spans[:CITED],
        wrong=other_numbers(rng, len(spans)), several=bool(rng.random() < 0.7),
    )  # fmt: skip


def other_numbers(rng: np.random.Generator, right: int) -> tuple[str, ...]:
    """Wrong counts around the right one."""
    low = max(0, right - int(rng.integers(5)))
    return tuple(str(n) for n in range(low, low + 5) if n != right)


def gone(rng: np.random.Generator, strip: Strip) -> Lesson | None:
    """Which thing a cabinet has lost between its first two views; now and then of one that is seen
    once."""
    views: dict[str, list[tuple[float, frozenset[str]]]] = {}
    for time, frame in zip(strip.times, strip.frames, strict=True):
        if frame.place == "cabinet" and frame.room:
            here = frozenset(str(s.what) for s in frame.things)
            views.setdefault(frame.room.name, []).append((time, here))
    for room, held in views.items():
        kinds = [k for k, _ in groupby(held, key=lambda pair: pair[1])]
        if len(kinds) < 2:
            continue
        lost = kinds[0] - kinds[1]
        if len(lost) == 1 and not kinds[1] - kinds[0]:
            name = next(iter(lost))
            return Lesson(
                asked=put_into_words(rng, "gone", room=room), family="gone", answer=name,
                claim=f"The thing is a {name}.", spans=((held[0][0], held[-1][0]),),
                wrong=others(rng, name, sorted(kinds[1]), names.thing_name),
            )  # fmt: skip
    if not views or rng.random() < 0.8:
        return None
    room, held = next(iter(views.items()))
    return Lesson(
        asked=put_into_words(rng, "gone", room=room), family="gone", answer=None,
        wrong=others(rng, "", sorted(held[0][1]), names.thing_name),
    )  # fmt: skip


def longest(rng: np.random.Generator, strip: Strip) -> Lesson | None:
    """Which room is shown in most frames; nothing to ask where two share the first place, or where
    its name is not among the lines: signs are too small to be read from frames."""
    rooms = strip.rooms
    shown = Counter(r for r in rooms if r)
    asked = put_into_words(rng, "longest")
    if not shown:
        return Lesson(asked=asked, family="longest", answer=None)
    top = shown.most_common(2)
    if len(top) > 1 and top[0][1] == top[1][1]:
        return None
    name = top[0][0]
    if not strip.tells(name):
        return None
    spans = runs(strip.times, [r == name for r in rooms])
    return Lesson(
        asked=asked, family="longest", answer=name, claim=f"The room is {name}.", spans=spans[:1],
        wrong=others(rng, name, sorted(shown), names.room_name),
    )  # fmt: skip


def latest(rng: np.random.Generator, strip: Strip) -> Lesson | None:
    """Which thing was carried last; nothing to ask where the last to come had put theirs down."""
    carried = [
        (t, str(f.carried.what))
        for t, f in zip(strip.times, strip.frames, strict=True)
        if f.carried
    ]
    asked = put_into_words(rng, "latest")
    visits = runs(strip.times, [actor is not None for actor in strip.actors])
    if not visits:
        return Lesson(asked=asked, family="latest", answer=None)
    if not carried or carried[-1][0] < visits[-1][0]:
        return None
    time, name = carried[-1]
    return Lesson(
        asked=asked, family="latest", answer=name, claim=f"The thing is a {name}.",
        spans=((time, time),), wrong=others(rng, name, [n for _, n in carried], names.thing_name),
    )  # fmt: skip


def order(rng: np.random.Generator, strip: Strip) -> Lesson | None:
    """In which order four things happen, told as haystacks tell them: by the thing that is put
    down, or by who is there."""
    shown = strip.actors
    carried: dict[str, list[Actor]] = {}
    for actor, frame in zip(shown, strip.frames, strict=True):
        if actor and frame.carried:
            carried.setdefault(str(frame.carried.what), []).append(actor)
    told = []
    for actor in dict.fromkeys(actor for actor in shown if actor):
        if len(runs(strip.times, [other == actor for other in shown])) > 1:
            continue
        own = [thing for thing, by in carried.items() if set(by) == {actor}]
        ways = [f"{with_article(thing)} is put on a shelf" for thing in own[:1]]
        told.append(pick(rng, [*ways, f"the actor with {who(actor)} is there"]))
    if len(told) < ORDERED:
        return None
    chosen = sorted(rng.permutation(len(told))[:ORDERED].tolist())
    places = rng.permutation(ORDERED).tolist()
    listed = tuple(told[chosen[place]] for place in places)
    right = [places.index(i) for i in range(ORDERED)]
    asked = put_into_words(rng, "order")
    if rng.random() < 0.5:
        said = ", ".join(chr(ord("A") + i) for i in right)
        return Lesson(asked=asked, family="order", answer=said, listed=listed)
    numbered = "; ".join(f"{i}. {text}" for i, text in enumerate(listed, 1))
    said = ", ".join(str(i + 1) for i in right)
    orders = [", ".join(str(i + 1) for i in way) for way in permutations(range(ORDERED))]
    wrong = [way for way in (orders[i] for i in rng.permutation(len(orders))) if way != said]
    return Lesson(
        asked=f"{asked} {numbered}.", family="order", answer=said, wrong=tuple(wrong[:WRONG])
    )


FROM_FRAMES: dict[str, tuple[Ask, float]] = {
    "put": (put, 5.0),
    "when": (when, 2.0),
    "passes": (passes, 2.0),
    "count": (count, 1.5),
    "gone": (gone, 1.0),
    "longest": (longest, 1.0),
    "latest": (latest, 1.0),
    "order": (order, 1.0),
}
"""With how often each is asked."""
