"""What a frame of a haystack shows, as facts with names: `coat red`, `stored blue cup`, `sign F7`.

Things are `held` (carried, or just put down by whoever is there), `stored` (on a shelf or in a
cabinet) or merely `seen`; of a thing, a picture or a vehicle there are facts for the colour, for
the kind and for both together.
"""

from itertools import product

from longtake.eval.haystack.acts import Cabinet, Pass, Put, Scene, Thing, Timed
from longtake.eval.haystack.vocabulary import PICTURES, SIGNS, vocabulary

WORDS = vocabulary(held_out=False)
PLACES = ("room", "gate", "board", "cabinet")


def _both(kind: str, colours: tuple[str, ...], whats: tuple[str, ...]) -> list[str]:
    both = [f"{colour} {what}" for colour, what in product(colours, whats)]
    return [f"{kind} {name}" for name in (*both, *whats, *colours)]


def _names() -> list[str]:
    colours = WORDS.colours
    return [
        *(f"place {place}" for place in PLACES),
        "actor",
        *(f"coat {colour}" for colour in colours),
        *(f"hat {hat}" for hat in WORDS.hats),
        *(f"badge {badge}" for badge in WORDS.badges),
        *(
            name
            for kind in ("held", "stored", "seen")
            for name in _both(kind, colours, WORDS.things)
        ),
        "carried",
        "put",
        *_both("picture", colours, PICTURES),
        *(f"sign {sign}" for sign in SIGNS),
        "vehicle",
        *_both("vehicle", colours, WORDS.vehicles),
        "leftward",
        "rightward",
    ]


FACTS: dict[str, int] = {name: i for i, name in enumerate(_names())}
"""All facts, numbered: public vocabulary only."""


SLOTS = 10 + 6
"""Places where things stand: a room's shelf, then a cabinet."""


def stored_at(scene: Scene, number: int) -> dict[int, Thing]:
    """What stands where in the frame of that number, by slot, 0 to `SLOTS` - 1."""
    found: dict[int, Thing] = {}
    for timed in scene.acts:
        match timed.act:
            case Put(thing=thing, slot=slot):
                if _share(timed, number) >= 0.5:
                    found[slot] = thing
            case Cabinet(things=things):
                found |= {10 + i: thing for i, thing in enumerate(things) if thing is not None}
    return found


def facts(scene: Scene, number: int) -> frozenset[str]:
    """What the frame of that number shows of its scene."""
    found = {f"place {scene.place}"}
    if scene.room is not None:
        found.add(f"sign {scene.room.name}")
        found |= _parts("picture", *scene.room.picture)
    for thing in stored_at(scene, number).values():
        found |= _parts("stored", thing.colour, thing.shape)
        found |= _parts("seen", thing.colour, thing.shape)
    for timed in scene.acts:
        if not timed.first <= number < timed.last:
            continue
        match timed.act:
            case Put(actor=actor, thing=thing):
                found |= {"actor", f"coat {actor.coat}", f"hat {actor.hat}"}
                found.add(f"badge {actor.badge}")
                found.add("carried" if _share(timed, number) < 0.5 else "put")
                found |= _parts("held", thing.colour, thing.shape)
                found |= _parts("seen", thing.colour, thing.shape)
            case Pass(colour=colour, vehicle=vehicle, leftward=leftward):
                found |= {"vehicle", "leftward" if leftward else "rightward"}
                found |= _parts("vehicle", colour, vehicle)
    return frozenset(found)


def _share(timed: Timed, number: int) -> float:
    """How much of an act is over."""
    return (number - timed.first) / max(1, timed.last - 1 - timed.first)


def _parts(kind: str, colour: str, what: str) -> set[str]:
    return {f"{kind} {colour} {what}", f"{kind} {what}", f"{kind} {colour}"}


def value(found: frozenset[str], kind: str) -> str:
    """What a frame shows of a kind, in full: the hat, or colour and kind of the vehicle.

    Raises:
        StopIteration: nothing.
    """
    paired = kind in ("held", "picture", "vehicle")
    return next(
        fact.removeprefix(f"{kind} ")
        for fact in sorted(found)
        if fact.startswith(f"{kind} ") and (not paired or fact.count(" ") == 2)
    )
