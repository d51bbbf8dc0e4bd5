"""Captions of frames in random words, each with the facts that it asks for.

A caption is true of every frame that has all its facts. Some say everything that is told apart,
some a part of it, some are the generator's public questions; about half are put as the product
puts a question to its encoder.
"""

from dataclasses import dataclass

import numpy as np

from longtake.eval.haystack.models.facts import WORDS, value
from longtake.eval.haystack.vocabulary import DIGITS, LETTERS
from longtake.eval.haystack.wording import public_ways, with_article
from longtake.prompts import render
from longtake.tools.query import statement

Facts = frozenset[str]
Asked = tuple[str, set[str]]
EXTENTS = (0.2, 0.4, 0.6, 0.85)
"""Shares of what could be told that partial captions tell."""
PLACE_WORDS = {
    "room": "a room with a shelf",
    "gate": "the gate",
    "board": "a board of notices",
    "cabinet": "a cabinet",
}


@dataclass(frozen=True, slots=True)
class Caption:
    """Words and the facts they ask for."""

    text: str
    facts: Facts


class Captioner:
    """Says what frames show."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def full(self, found: Facts) -> Caption:
        """All that is told apart: who with which thing, where, before which picture, and so on."""
        return self._described(found, 1.0)

    def partial(self, found: Facts) -> Caption:
        """Some of it: a question, a few things or a single one."""
        questions = self._questions(found)
        if questions and self._chance(0.35):
            text, asked = questions[int(self._rng.integers(len(questions)))]
            if self._chance(0.6):
                text = render("visual_query", description=statement(text))
            return Caption(text, frozenset(asked))
        return self._described(found, float(self._rng.choice(EXTENTS)))

    def _pick(self, *ways: str) -> str:
        return ways[int(self._rng.integers(len(ways)))]

    def _chance(self, share: float) -> bool:
        return bool(self._rng.random() < share)

    def _mixed(self, parts: list[str]) -> list[str]:
        return [parts[i] for i in self._rng.permutation(len(parts))]

    def _questions(self, found: Facts) -> list[Asked]:
        """One way to ask each of the public questions that the frame helps to answer."""

        def ask(kind: str, asked: set[str], /, **parts: str) -> Asked:
            return self._pick(*public_ways(kind)).format(**parts), asked

        if "actor" in found:
            who, asked = self._who(found, 1.0)
            visitor = ask("visitor", asked, who=who, first="1", last="9")
            return [ask("put", asked, who=who), ask("when", asked, who=who), visitor]
        if "vehicle" in found:
            vehicle = value(found, "vehicle")
            asked, what = {f"vehicle {vehicle}"}, with_article(vehicle)
            return [ask("count", asked, what=what), ask("passes", asked, what=what)]
        if "place board" in found:
            code = "".join(self._rng.choice(list(LETTERS), 3)) + "".join(
                self._rng.choice(list(DIGITS), 2)
            )
            word, asked = self._pick(*WORDS.numbers).lower(), {"place board"}
            return [ask("row", asked, code=code, word=word), ask("day", asked, code=code)]
        if "place cabinet" in found:
            sign = value(found, "sign")
            return [ask("gone", {f"sign {sign}", "place cabinet"}, room=sign)]
        return []

    def _described(self, found: Facts, extent: float) -> Caption:
        if "place board" in found:
            parts, asked = self._board()
        elif "place gate" in found:
            parts, asked = self._gate(found, extent)
        else:
            parts, asked = self._indoors(found, extent)
        if not parts:
            text, fact = self._single(found)
            parts, asked = [text], {fact}
        if extent < 1:
            parts = self._mixed(parts)
        text = ", ".join(parts)
        if self._chance(0.5):
            text = render("visual_query", description=text)
        return Caption(text, frozenset(asked))

    def _board(self) -> tuple[list[str], set[str]]:
        said = self._pick(
            "a board of notices", "the board", "a board", "a board with codes",
            "the notices on the board", "rows of text on a board",
        )  # fmt: skip
        return [said], {"place board"}

    def _gate(self, found: Facts, extent: float) -> tuple[list[str], set[str]]:
        if "vehicle" not in found:
            said = self._pick("the gate", "a gate and a road", "the gate without a vehicle")
            return [said], {"place gate"}
        vehicle = value(found, "vehicle")
        passes = self._pick(
            "passes the gate", "pass the gate", "passing the gate", "at the gate",
            "drives past the gate",
        )  # fmt: skip
        said, asked = f"{with_article(vehicle)} {passes}", {f"vehicle {vehicle}"}
        if extent == 1 or self._chance(0.2):
            way = "leftward" if "leftward" in found else "rightward"
            return [f"{said} to the {way.removesuffix('ward')}"], {*asked, way}
        return ([], set()) if self._chance(0.3) else ([said], asked)

    def _indoors(self, found: Facts, extent: float) -> tuple[list[str], set[str]]:
        parts: list[str] = []
        asked: set[str] = set()
        for told in (self._visit(found, extent), self._stored(found, extent)):
            if told:
                parts.append(told[0])
                asked |= told[1]
        if self._tells(extent):
            picture = value(found, "picture")
            asked.add(f"picture {picture}")
            one = with_article(picture)
            ways = (f"{one} on the wall", f"a picture of {one}", f"{one} hangs on the wall")
            parts.append(self._pick(*ways, f"the picture {picture} hangs there"))
        if self._tells(extent):
            sign = value(found, "sign")
            asked.add(f"sign {sign}")
            if "place cabinet" in found and self._chance(0.5):
                asked.add("place cabinet")
                parts.append(f"the cabinet of room {sign}")
            else:
                parts.append(self._pick(f"room {sign}", f"in room {sign}", f"the room {sign}"))
        return parts, asked

    def _tells(self, extent: float) -> bool:
        return extent == 1 or self._chance(extent)

    def _visit(self, found: Facts, extent: float) -> Asked | None:
        """Who is there, and with what."""
        if "actor" not in found or not self._chance(0.5 + extent / 2):
            return None
        who, asked = self._who(found, extent)
        actor = self._pick("the actor", "an actor", "somebody") + (f" with {who}" if who else "")
        held = value(found, "held")
        thing, about = with_article(held), {*asked, f"held {held}"}
        if not self._tells(extent):
            if self._chance(0.3):
                return f"{actor} and {thing}", about
            there = ("", " puts something on the shelf", " is there", " is seen", " is on screen")
            return actor + self._pick(*there), asked
        if "carried" in found:
            carries = self._pick("carries", "carrying", "holds", "brings")
            return f"{actor} {carries} {thing}", {*about, "carried"}
        puts = self._pick("has put", "puts", "leaves")
        shelf = self._pick("on the shelf", "on a shelf")
        return f"{actor} {puts} {thing} {shelf}", {*about, "put"}

    def _who(self, found: Facts, extent: float) -> Asked:
        """An actor in words, as questions have it or in part."""
        parts: list[str] = []
        asked = {"actor"}
        for kind, noun in (("coat", " coat"), ("hat", ""), ("badge", " badge")):
            if self._tells(extent):
                look = value(found, kind)
                article = "the" if extent == 1 else self._pick("the", "a")
                parts.append(f"{article} {look}{noun}")
                asked.add(f"{kind} {look}")
        return _listed(parts if extent == 1 else self._mixed(parts)), asked

    def _stored(self, found: Facts, extent: float) -> Asked | None:
        """What stands on shelves."""
        names = self._mixed(
            sorted(f.removeprefix("stored ") for f in found if _is_both(f, "stored"))
        )
        if extent < 1:
            share = extent if len(names) <= 2 else 0.5 * extent
            names = [name for name in names if self._chance(share)]
        if not names:
            return None
        things = _listed([with_article(name) for name in names])
        asked = {f"stored {name}" for name in names}
        if "place room" in found:
            where = ("on the shelf", "on a shelf", "standing on the shelf", "stand on the shelf")
            return f"{things} {self._pick(*where)}", asked
        ways = (f"{things} in the cabinet", f"a cabinet with {things}", f"{things} in a cabinet")
        return self._pick(*ways), {*asked, "place cabinet"}

    def _single(self, found: Facts) -> tuple[str, str]:
        """One fact in words."""
        untold = ("held", "carried", "put", "leftward", "rightward")
        fact = self._pick(*sorted(fact for fact in found if not fact.startswith(untold)))
        kind, _, name = fact.partition(" ")
        one = with_article(name) if name else ""
        plain = name in WORDS.colours
        ways: tuple[str, ...]
        match kind:
            case "place":
                return PLACE_WORDS[name], fact
            case "actor":
                ways = "an actor", "somebody", "the actor", "somebody puts something on the shelf"
            case "coat":
                ways = f"{one} coat", f"the actor with the {name} coat", f"somebody in {one} coat"
            case "hat":
                ways = one, f"the actor with the {name}", f"somebody with {one}"
            case "badge":
                ways = f"{one} badge", f"the actor with the {name} badge"
            case "picture" if plain:
                ways = (f"{one} picture",)
            case "picture":
                ways = f"{one} on the wall", f"a picture of {one}", f"the picture {name}"
            case "sign":
                ways = f"room {name}", f"the room {name}", f"the sign {name}"
            case "vehicle" if not name:
                ways = "a vehicle", "a vehicle passes the gate"
            case "vehicle" if plain:
                ways = (f"{one} vehicle",)
            case "vehicle":
                ways = one, f"{one} passes the gate", f"{one} pass the gate"
            case _:
                return self._thing(kind, name, one)
        return self._pick(*ways), fact

    def _thing(self, kind: str, name: str, one: str) -> tuple[str, str]:
        """Something seen: on a shelf only where it stands there."""
        if name in WORDS.colours:
            return f"{one} thing", f"seen {name}"
        if kind == "stored" and self._chance(0.5):
            return self._pick(f"{one} on a shelf", f"the {name} on the shelf"), f"stored {name}"
        return one, f"seen {name}"


def _is_both(fact: str, kind: str) -> bool:
    return fact.startswith(f"{kind} ") and fact.count(" ") == 2


def _listed(parts: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))
