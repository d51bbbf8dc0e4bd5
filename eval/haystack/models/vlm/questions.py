"""What is asked in lessons, in the words of haystack questions, with the truth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from longtake.eval.haystack.models.vlm.names import Name
from longtake.eval.haystack.models.vlm.strips import Strip
from longtake.eval.haystack.wording import Wording
from longtake.timing import format_time

WRONG = 4
"""Options beside the right one."""

APART_S = 8.0
"""Seconds between frames of one passage or visit, at most."""

Stretch = tuple[float, float]
"""From and to, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A question and its truth."""

    asked: str
    family: str
    answer: str | None
    """None: it cannot be answered from what is shown."""
    claim: str = ""
    """The answer as a sentence about what is seen."""
    spans: tuple[Stretch, ...] = ()
    """When it is seen or said."""
    choice: str = ""
    """The answer as options have it, where they say it otherwise."""
    wrong: tuple[str, ...] = ()
    """What options may say besides; empty where there are none."""
    several: bool = False
    """All times are wanted, not only the clearest."""
    listed: tuple[str, ...] = ()
    """Options that are always shown, in this order; none of them is the answer."""


Ask = Callable[[np.random.Generator, Strip], Lesson | None]
"""Asks about a strip; None where it gives nothing to ask about."""


def put_into_words(rng: np.random.Generator, family: str, **parts: object) -> str:
    """One of the public ways to ask a question of a family."""
    return Wording(rng, held_out=False).ask(family, **parts).text


def others(
    rng: np.random.Generator, right: str, near: Sequence[str], make: Name
) -> tuple[str, ...]:
    """Wrong answers: what was near first, then what `make` makes up."""
    found = [name for name in dict.fromkeys(near) if name != right]
    found = [found[i] for i in rng.permutation(len(found))][:WRONG]
    while len(found) < WRONG:
        made = make(rng)
        if made != right and made not in found:
            found.append(made)
    return tuple(found)


def runs(times: Sequence[float], hits: Sequence[bool]) -> tuple[Stretch, ...]:
    """Stretches of successive times that are hit, from the first to the last of each; further than
    `APART_S` apart they are not successive."""
    found: list[Stretch] = []
    before = None
    for time, hit in zip(times, hits, strict=True):
        if hit and before is not None and time - before <= APART_S:
            found[-1] = (found[-1][0], time)
        elif hit:
            found.append((time, time))
        before = time if hit else None
    return tuple(found)


def clock(stretch: Stretch) -> str:
    """`0:12.0 to 0:14.5`, as options have it."""
    return " to ".join(map(format_time, stretch))


def clocks(rng: np.random.Generator, right: Stretch) -> tuple[str, tuple[str, ...]]:
    """The option for what was seen so long, and perhaps a little longer, and wrong ones."""
    started, ended = (float(rng.choice((0.0, rng.uniform(0, 1)))) for _ in range(2))
    choice = clock((max(0.0, right[0] - started), right[1] + ended))
    until = max(60.0, right[1] + 60) if rng.random() < 0.5 else 60.0
    wrong: list[str] = []
    while len(wrong) < WRONG:
        at = float(rng.uniform(0, until))
        if abs(at - right[0]) > 4:
            wrong.append(clock((at, at + float(rng.uniform(0.5, 3)))))
    return choice, tuple(wrong)


def stretches(spans: Sequence[Stretch]) -> str:
    """`12.0 s to 14.5 s; 20.0 s to 21.0 s`."""
    return "; ".join(f"{a:.1f} s to {b:.1f} s" for a, b in spans)
