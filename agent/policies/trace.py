"""The rules that a conversation about frames has to keep (FrameThinker's cognitive consistency
verification): a model that breaks them repeats itself or acts on something other than what it
thought, and its answer is not to be trusted."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

NEAR_FRAMES = 1
"""Intervals whose ends differ by no more are the same."""
_INTEGER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choose:
    """Show frames between two."""

    video: str
    """Label, such as `V1`."""
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp:
    """Say which frame is shown at a time."""

    video: str
    frame: int
    """The one that is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """Answer."""


Action = Choose | LookUp | Say


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One reply of the model."""

    thought: str
    action: Action | None
    """None where the reply had none."""
    tagged: bool = False
    """It came as `<think>` and `<action>`: its model was trained to name in its thought the frames
    that it chooses, and is held to that too."""


def broken_rules(trace: Sequence[Turn], *, finished: bool) -> list[str]:
    """Every rule that a conversation breaks, in words that the model can read; empty is sound.

    Args:
        trace: its turns so far.
        finished: no turn will follow.
    """
    broken = [*_incomplete(trace), *_repeated(trace), *_not_followed(trace), *_mismatched(trace)]
    if any(isinstance(turn.action, Say) for turn in trace[:-1]):
        broken.append("nothing may follow an answer")
    if finished and not (trace and isinstance(trace[-1].action, Say)):
        broken.append("the last action must be an answer")
    return broken


def _incomplete(trace: Sequence[Turn]) -> list[str]:
    """Each turn is one thought and one action."""
    missing = [
        (number, what)
        for number, turn in enumerate(trace, 1)
        for what, there in (("thought", turn.thought.strip()), ("action", turn.action))
        if not there
    ]
    return [f"turn {number} has no {what}" for number, what in missing]


def _repeated(trace: Sequence[Turn]) -> list[str]:
    """No interval and no time is asked for twice."""
    broken = []
    actions = [turn.action for turn in trace]
    for number, action in enumerate(actions, 1):
        before = actions[: number - 1]
        if isinstance(action, Choose) and any(_same(action, other) for other in before):
            asked = f"frames {action.start}-{action.end} of {action.video}"
            broken.append(f"turn {number} asks for {asked} again")
        elif isinstance(action, LookUp) and action in before:
            broken.append(f"turn {number} asks for the time of frame {action.frame} again")
    return broken


def _same(one: Choose, other: Action | None) -> bool:
    return (
        isinstance(other, Choose)
        and one.video == other.video
        and abs(one.start - other.start) <= NEAR_FRAMES
        and abs(one.end - other.end) <= NEAR_FRAMES
    )


def _not_followed(trace: Sequence[Turn]) -> list[str]:
    """A frame that was looked up is looked at next."""
    broken = []
    for number, (turn, after) in enumerate(pairwise(trace), 2):
        if not isinstance(turn.action, LookUp):
            continue
        frame, chosen = turn.action.frame, after.action
        follows = (
            isinstance(chosen, Choose)
            and chosen.video == turn.action.video
            and chosen.start <= frame <= chosen.end
        )
        if not follows:
            broken.append(f"turn {number} must choose frames around {frame}, which was looked up")
    return broken


def _mismatched(trace: Sequence[Turn]) -> list[str]:
    """Of tagged turns: the last two whole numbers of the thought are the interval."""
    broken = []
    for number, turn in enumerate(trace, 1):
        if not (turn.tagged and isinstance(turn.action, Choose)):
            continue
        named = [int(found) for found in _INTEGER.findall(turn.thought)][-2:]
        if named != [turn.action.start, turn.action.end]:
            chosen = f"{turn.action.start}-{turn.action.end}"
            broken.append(f"turn {number} chooses frames {chosen}, which its thought does not name")
    return broken
