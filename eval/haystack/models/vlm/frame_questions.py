"""Short questions about a single frame, with answers of a word or a few."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from longtake.eval.haystack.acts import Actor, Pass, Row, Thing
from longtake.eval.haystack.models.facts import WORDS
from longtake.eval.haystack.models.vlm import names
from longtake.eval.haystack.models.vlm.facts import Facts
from longtake.eval.haystack.models.vlm.names import pick
from longtake.eval.haystack.models.vlm.seen_questions import somebody_else
from longtake.eval.haystack.wording import who, with_article

ANY_HEIGHT = float("inf")
"""Of what is not to be measured."""
LEGIBLE = 10
"""Pixels that rows are high at least to be asked for."""
NOT_THERE = "not visible"
"""The answer where nothing shows it."""
PLACES = {"room": "a room", "gate": "the gate", "board": "a board", "cabinet": "a cabinet"}


class Short(NamedTuple):
    """A question about a frame."""

    asked: str
    answer: str
    subject: str
    """What it is about, for figures: `coat`, `thing colour`, ..."""
    height: float
    """Pixels of what it is about, or infinity."""


def short_questions(rng: np.random.Generator, frame: Facts) -> list[Short]:
    """All that can be asked about a frame, some by chance, in random order."""
    found = [Short("Which place is this?", PLACES[frame.place], "place", ANY_HEIGHT)]
    families: tuple[Callable[[np.random.Generator, Facts], list[Short]], ...] = (
        _of_actor, _of_vehicle, _of_things, _of_wall, _of_board,
    )  # fmt: skip
    for family in families:
        found += family(rng, frame)
    return [found[i] for i in rng.permutation(len(found))]


def _there(name: str, there: bool, height: float) -> Short:
    return Short(f"Is {name} there?", "yes" if there else "no", "yes or no", height)


def _not_visible(asked: str) -> Short:
    return Short(asked, NOT_THERE, "not visible", ANY_HEIGHT)


def _of_actor(rng: np.random.Generator, frame: Facts) -> list[Short]:
    one, held = frame.actor, frame.carried
    if one is None or not isinstance(one.what, Actor):
        return [_not_visible("What does the actor carry?")] if rng.random() < 0.3 else []
    actor, height = one.what, one.height
    other = somebody_else(rng, [actor])
    asked = actor if rng.random() < 0.5 or other is None else other
    return [
        Short("What colour is the coat?", actor.coat, "coat", height),
        Short("Which hat does the actor wear?", actor.hat, "hat", height),
        Short("Which badge does the actor wear?", actor.badge, "badge", height),
        Short("What does the actor carry?", str(held.what) if held else "nothing", "carried",
              held.height if held else height),
        _there(f"the actor with {who(asked)}", asked == actor, height),
        *_of_looks(rng, actor, height),
    ]  # fmt: skip


def _of_looks(rng: np.random.Generator, actor: Actor, height: float) -> list[Short]:
    """Whether the coat, the hat and the badge are what they are, or something else."""
    looks = (
        (actor.coat, WORDS.colours, "the actor with the {} coat"),
        (actor.hat, WORDS.hats, "the actor with the {}"),
        (actor.badge, WORDS.badges, "the actor with the {} badge"),
    )
    found = []
    for own, words, named in looks:
        asked = own if rng.random() < 0.5 else pick(rng, words)
        found.append(_there(named.format(asked), asked == own, height))
    return found


def _of_vehicle(rng: np.random.Generator, frame: Facts) -> list[Short]:
    one = frame.vehicle
    if one is None or not isinstance(one.what, Pass):
        return [_not_visible("What colour is the vehicle?")] if rng.random() < 0.3 else []
    passing, height = one.what, one.height
    name = str(passing)
    if rng.random() >= 0.5:
        name = f"{pick(rng, WORDS.colours)} {passing.vehicle}"
    return [
        Short("Which vehicle is it?", passing.vehicle, "vehicle", height),
        Short("What colour is the vehicle?", passing.colour, "vehicle colour", height),
        _there(with_article(name), name == str(passing), height),
    ]


def _of_things(rng: np.random.Generator, frame: Facts) -> list[Short]:
    if frame.place not in ("room", "cabinet"):
        return []
    things, held = frame.things, frame.carried
    height = things[0].height if things else ANY_HEIGHT
    found = [Short("How many things stand there?", str(len(things)), "count", height)]
    if things:
        found += _of_a_thing(rng, frame)
    seen = {str(t.what) for t in things} | ({str(held.what)} if held else set())
    name = pick(rng, sorted(seen)) if seen and rng.random() < 0.5 else names.thing_name(rng)
    if seen and rng.random() < 0.4:
        colour, shape = pick(rng, sorted(seen)).split()
        other = pick(rng, WORDS.colours), pick(rng, WORDS.things)
        name = f"{other[0]} {shape}" if rng.random() < 0.5 else f"{colour} {other[1]}"
    found.append(_there(with_article(name), name in seen, height))
    shapes = {name.split()[1] for name in seen}
    shape = pick(rng, sorted(shapes)) if seen and rng.random() < 0.5 else pick(rng, WORDS.things)
    found.append(_there(with_article(shape), shape in shapes, height))
    missing = [shape for shape in WORDS.things if shape not in shapes]
    if rng.random() < 0.4 and missing:
        found.append(_not_visible(f"What colour is the {pick(rng, missing)}?"))
    return found


def _of_a_thing(rng: np.random.Generator, frame: Facts) -> list[Short]:
    """One of those that stand there, by what no other of them has, and all of them."""
    standing = [one.what for one in frame.things if isinstance(one.what, Thing)]
    held = frame.carried
    at = int(rng.integers(len(standing)))
    one, height = standing[at], frame.things[at].height
    found = []
    is_held = held and isinstance(held.what, Thing) and held.what.shape == one.shape
    if [thing.shape for thing in standing].count(one.shape) == 1 and not is_held:
        found.append(Short(f"What colour is the {one.shape}?", one.colour, "thing colour", height))
    if [thing.colour for thing in standing].count(one.colour) == 1:
        found.append(Short(f"What is the {one.colour} thing?", one.shape, "thing shape", height))
    all_of_them = ", ".join(map(str, standing))
    found.append(Short("Which things stand there?", all_of_them, "list", height))
    return found


def _of_wall(rng: np.random.Generator, frame: Facts) -> list[Short]:
    found = []
    picture, sign = frame.picture, frame.sign
    if picture is not None and isinstance(picture.what, tuple):
        name = " ".join(picture.what)
        found.append(Short("Which picture hangs there?", name, "picture", picture.height))
    if sign is not None:
        found.append(Short("What is on the sign?", str(sign.what), "sign", sign.height))
    return found


def _of_board(rng: np.random.Generator, frame: Facts) -> list[Short]:
    rows = [(one.what, one) for one in frame.rows if isinstance(one.what, Row)]
    found = [
        Short(f"What stands after {row.code}?", f"{row.word} {row.value}", "row", one.height)
        for row, one in rows[:3]
        if one.height >= LEGIBLE
    ]
    if rows:
        row, one = min(rows, key=lambda pair: pair[1].box[1])
        found.append(Short("What is the first code?", row.code, "code", one.height))
    return found
