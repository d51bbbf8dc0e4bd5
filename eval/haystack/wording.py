"""How questions are put: several ways each, a third or more of them kept from public seeds."""

from dataclasses import dataclass

import numpy as np

from longtake.eval.haystack.acts import Actor

_SEEN: dict[str, tuple[str, ...]] = {
    "put": (
        "What did the actor with {who} put on the shelf?",
        "Which thing was put on the shelf by the actor with {who}?",
    ),
    "gate": (
        "Which gate was announced for flight {code}?",
        "At which gate does flight {code} board?",
    ),
    "moved": ("To which room has {name} moved?", "Which room is {name} said to have moved to?"),
    "row": (
        "What {word} does the board show for code {code}?",
        "Which number stands after {code} {word} on the board?",
    ),
    "count": (
        "How many times does {what} pass the gate?",
        "How often is {what} seen passing the gate?",
    ),
    "order": (
        "In what order do these things happen?",
        "Put these events in the order in which they happen.",
    ),
    "when": (
        "When does the actor with {who} put something on the shelf?",
        "During which stretch is the actor with {who} on screen?",
    ),
    "passes": (
        "When does {what} pass the gate? Give every stretch.",
        "Give all the times at which {what} passes the gate.",
    ),
    "gone": (
        "The cabinet of room {room} is shown more than once. Which thing is gone the second time?",
        "Which thing is missing from the cabinet of room {room} when it is shown again?",
    ),
    "chain": (
        "What picture hangs in the room that the board gives for {name}'s code?",
        "{name}'s code is said; the board has its room. Which picture hangs there?",
    ),
    "alarm": (
        "Which room is on screen when the {alarm} is heard for the {nth} time?",
        "When the {alarm} goes off for the {nth} time, which room is shown?",
    ),
    "longest": (
        "Which room is on screen longest in all?",
        "Added up over the whole video, which room is shown for the longest time?",
    ),
    "latest": (
        "Which thing was put on a shelf most recently?",
        "What is the last thing that has been put on a shelf so far?",
    ),
    "day": (
        "On which day does a board show code {code}?",
        "Code {code} is on a board on one day. Which?",
    ),
    "visitor": (
        "From day {first} to day {last}, on which two days is the actor with {who} seen?",
        "The actor with {who} comes on two of the days {first} to {last}. Which?",
    ),
}
_HELD: dict[str, tuple[str, ...]] = {
    "put": ("Somebody has {who}. What do they leave on the shelf?",),
    "gate": ("Passengers of flight {code} have to go to one gate. Its number?",),
    "moved": ("Where is {name} to be found after moving?",),
    "row": ("Look for {code} among the notices: what is its {word}?",),
    "count": ("Count the passages of {what} through the gate.",),
    "order": ("Sort these events from first to last.",),
    "when": ("Find the visit of the actor with {who}.",),
    "passes": ("List every stretch in which {what} drives past the gate.",),
    "gone": ("Compare the first two views of room {room}'s cabinet: what has been taken away?",),
    "chain": ("Follow {name}'s code to a room. What is the picture on that room's wall?",),
    "alarm": ("Name the room seen during the {nth} sounding of the {alarm}.",),
    "longest": ("Where does the camera spend most of its time, counting rooms only?",),
    "latest": ("Up to now, which thing reached a shelf last?",),
    "day": ("Which day's boards include {code}?",),
    "visitor": ("Name the two days, of {first} to {last}, on which somebody has {who}.",),
}
NTH = "first second third fourth fifth sixth seventh eighth ninth tenth".split()


@dataclass(frozen=True, slots=True)
class Asked:
    """A question's words, and whether public seeds ask in this way."""

    text: str
    seen: bool


class Wording:
    """Puts questions into words."""

    def __init__(self, rng: np.random.Generator, *, held_out: bool) -> None:
        self._rng, self._held_out = rng, held_out

    def ask(self, what: str, /, **parts: object) -> Asked:
        """One of the ways to ask, with its parts filled in."""
        ways = [(way, True) for way in _SEEN[what]]
        if self._held_out:
            ways += [(way, False) for way in _HELD[what]]
        way, seen = ways[int(self._rng.integers(len(ways)))]
        return Asked(way.format(**parts), seen)

    def again(self, asked: Asked, old: str, new: str) -> Asked:
        """The twin's question: the same words with one part changed."""
        return Asked(asked.text.replace(old, new), asked.seen)


def public_ways(what: str) -> tuple[str, ...]:
    """How public seeds ask a question of that name, parts in braces."""
    return _SEEN[what]


def who(actor: Actor) -> str:
    """An actor in words."""
    return f"the {actor.coat} coat, the {actor.hat} and the {actor.badge} badge"


def with_article(what: str) -> str:
    """`a red car`, `an orange van`."""
    return f"{'an' if what[0] in 'aeiou' else 'a'} {what}"


def held_out_share() -> float:
    """Of all ways to ask, those that public seeds never use."""
    held = sum(map(len, _HELD.values()))
    return held / (held + sum(map(len, _SEEN.values())))
