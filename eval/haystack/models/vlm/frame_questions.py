"""Short questions about a single frame, with answers of a word or a few."""

from collections.abc import Callable, Sequence
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
WIDEST_FIRST = 0.3
"""Share of conversations that begin with the question that gives away most."""
PLACES = {"room": "a room", "gate": "the gate", "board": "a board", "cabinet": "a cabinet"}


class Short(NamedTuple):
    """A question about a frame."""

    asked: str
    answer: str
    subject: str
    """What it is about, for figures: `coat`, `thing colour`, ..."""
    height: float
    """Pixels of what it is about, or infinity."""
    tells: frozenset[str]
    """What its answer gives away: `coat`, `count`, the words of a thing, ..."""


def untold(rng: np.random.Generator, questions: Sequence[Short], most: int) -> list[Short]:
    """The first of them, but for those that an answer before gives away: in one conversation they
    would teach to read what was said and not to look. Sometimes what gives away most comes first.

    Args:
        most: how many at most.
    """
    if rng.random() < WIDEST_FIRST:
        questions = sorted(questions, key=lambda one: -len(one.tells))
    kept, told = list[Short](), frozenset[str]()
    for one in questions:
        if len(kept) < most and not one.tells & told:
            kept.append(one)
            told |= one.tells
    return kept


def short_questions(rng: np.random.Generator, frame: Facts) -> list[Short]:
    """All that can be asked about a frame, some by chance, in random order."""
    place = PLACES[frame.place]
    found = [_short("Which place is this?", place, "place", ANY_HEIGHT, "place")]
    families: tuple[Callable[[np.random.Generator, Facts], list[Short]], ...] = (
        _of_actor, _of_vehicle, _of_things, _of_wall, _of_board,
    )  # fmt: skip
    for family in families:
        found += family(rng, frame)
    return [found[i] for i in rng.permutation(len(found))]


def _short(asked: str, answer: str, subject: str, height: float, *tells: str) -> Short:
    return Short(asked, answer, subject, height, frozenset(tells))


def _there(name: str, there: bool, height: float, *tells: str) -> Short:
    return _short(f"Is {name} there?", "yes" if there else "no", "yes or no", height, *tells)


def _not_visible(asked: str, *tells: str) -> Short:
    return _short(asked, NOT_THERE, "not visible", ANY_HEIGHT, *tells)


def _of_actor(rng: np.random.Generator, frame: Facts) -> list[Short]:
    one, held = frame.actor, frame.carried
    if one is None or not isinstance(one.what, Actor):
        return [_not_visible("What does the actor carry?", "hand")] if rng.random() < 0.3 else []
    actor, height = one.what, one.height
    other = somebody_else(rng, [actor])
    asked = actor if rng.random() < 0.5 or other is None else other
    carried = str(held.what) if held else "nothing"
    return [
        _short("What colour is the coat?", actor.coat, "coat", height, "coat"),
        _short("Which hat does the actor wear?", actor.hat, "hat", height, "hat"),
        _short("Which badge does the actor wear?", actor.badge, "badge", height, "badge"),
        _short("What does the actor carry?", carried, "carried", held.height if held else height,
               "hand", *carried.split()),
        _there(f"the actor with {who(asked)}", asked == actor, height, "coat", "hat", "badge"),
        *_of_looks(rng, actor, height),
    ]  # fmt: skip


def _of_looks(rng: np.random.Generator, actor: Actor, height: float) -> list[Short]:
    """Whether the coat, the hat and the badge are what they are, or something else."""
    looks = (
        ("coat", actor.coat, WORDS.colours, "the actor with the {} coat"),
        ("hat", actor.hat, WORDS.hats, "the actor with the {}"),
        ("badge", actor.badge, WORDS.badges, "the actor with the {} badge"),
    )
    found = []
    for look, own, words, named in looks:
        asked = own if rng.random() < 0.5 else pick(rng, words)
        found.append(_there(named.format(asked), asked == own, height, look))
    return found


def _of_vehicle(rng: np.random.Generator, frame: Facts) -> list[Short]:
    one = frame.vehicle
    if one is None or not isinstance(one.what, Pass):
        return (
            [_not_visible("What colour is the vehicle?", "vehicle")] if rng.random() < 0.3 else []
        )
    passing, height = one.what, one.height
    name = str(passing)
    if rng.random() >= 0.5:
        name = f"{pick(rng, WORDS.colours)} {passing.vehicle}"
    return [
        _short("Which vehicle is it?", passing.vehicle, "vehicle", height, "vehicle"),
        _short("What colour is the vehicle?", passing.colour, "vehicle colour", height, "colour"),
        _there(with_article(name), name == str(passing), height, "vehicle", "colour"),
    ]


def _of_things(rng: np.random.Generator, frame: Facts) -> list[Short]:
    if frame.place not in ("room", "cabinet"):
        return []
    things, held = frame.things, frame.carried
    height = things[0].height if things else ANY_HEIGHT
    count = str(len(things))
    found = [_short("How many things stand there?", count, "count", height, "count")]
    if things:
        found += _of_a_thing(rng, frame)
    seen = {str(t.what) for t in things} | ({str(held.what)} if held else set())
    name = pick(rng, sorted(seen)) if seen and rng.random() < 0.5 else names.thing_name(rng)
    if seen and rng.random() < 0.4:
        colour, shape = pick(rng, sorted(seen)).split()
        other = pick(rng, WORDS.colours), pick(rng, WORDS.things)
        name = f"{other[0]} {shape}" if rng.random() < 0.5 else f"{colour} {other[1]}"
    found.append(_there(with_article(name), name in seen, height, *name.split()))
    shapes = {name.split()[1] for name in seen}
    shape = pick(rng, sorted(shapes)) if seen and rng.random() < 0.5 else pick(rng, WORDS.things)
    found.append(_there(with_article(shape), shape in shapes, height, shape))
    missing = [shape for shape in WORDS.things if shape not in shapes]
    if rng.random() < 0.4 and missing:
        shape = pick(rng, missing)
        found.append(_not_visible(f"What colour is the {shape}?", shape))
    return found


def _of_a_thing(rng: np.random.Generator, frame: Facts) -> list[Short]:
    """One of those that stand there, by what no other of them has, and all of them."""
    standing = [one.what for one in frame.things if isinstance(one.what, Thing)]
    held = frame.carried
    at = int(rng.integers(len(standing)))
    one, height = standing[at], frame.things[at].height
    found, told = list[Short](), (one.colour, one.shape)
    is_held = held and isinstance(held.what, Thing) and held.what.shape == one.shape
    if [thing.shape for thing in standing].count(one.shape) == 1 and not is_held:
        asked = f"What colour is the {one.shape}?"
        found.append(_short(asked, one.colour, "thing colour", height, *told))
    if [thing.colour for thing in standing].count(one.colour) == 1:
        asked = f"What is the {one.colour} thing?"
        found.append(_short(asked, one.shape, "thing shape", height, *told))
    in_order = sorted(frame.things, key=lambda one: (round(one.box[3]), one.box[0]))
    listed = [str(one.what) for one in in_order]
    words = (word for name in listed for word in name.split())
    asked = "Which things stand there?"
    found.append(_short(asked, ", ".join(listed), "list", height, "count", *words))
    return found


def _of_wall(rng: np.random.Generator, frame: Facts) -> list[Short]:
    found = []
    picture, sign = frame.picture, frame.sign
    if picture is not None and isinstance(picture.what, tuple):
        name = " ".join(picture.what)
        asked = "Which picture hangs there?"
        found.append(_short(asked, name, "picture", picture.height, "picture"))
    if sign is not None:
        text = str(sign.what)
        found.append(_short("What is on the sign?", text, "sign", sign.height, "sign"))
    return found


def _of_board(rng: np.random.Generator, frame: Facts) -> list[Short]:
    rows = [(one.what, one) for one in frame.rows if isinstance(one.what, Row)]
    found = [
        _short(
            f"What stands after {row.code}?", f"{row.word} {row.value}", "row", one.height, "row"
        )
        for row, one in rows[:3]
        if one.height >= LEGIBLE
    ]
    if rows:
        row, one = min(rows, key=lambda pair: pair[1].box[1])
        found.append(_short("What is the first code?", row.code, "code", one.height, "row"))
    return found
