"""`spotlight`: a few numbered frames, and turns in which the model chooses frames between two
others, asks which frame is shown at a time, or answers (FrameThinker).

The guard of `trace` watches: an attempt that breaks its rules is made again, at its own cost, and
the last offers only the answer.
"""

from collections.abc import Sequence
from dataclasses import replace

from longtake.agent.desk import Desk
from longtake.agent.look import blank
from longtake.agent.policies.conversation import FramesOf, Memory, Step, Taken, after, unseen
from longtake.agent.policies.frame_actions import (
    carried_out,
    named_span,
    shown_in_attempt,
    turns_of,
)
from longtake.agent.policies.replies import SpotlightReply
from longtake.agent.policies.spotlight_first import (
    ATTEMPTS,
    LONGEST_TOLD,
    TALK_TOKENS,
    first_step,
    frames_view,
    price_of,
)
from longtake.agent.policies.spotlight_request import spotlight_request
from longtake.agent.policies.trace import broken_rules
from longtake.agent.policies.verdict import verdict
from longtake.agent.state import Observation, State, View
from longtake.tools.vlm.messages import Reply, Request

TURNS = 5
"""Most turns of an attempt."""
DOUBTED = 0.5
"""Most confidence of an answer whose attempt broke a rule."""


class Spotlight:
    """The policy; it keeps nothing between calls."""

    name = "spotlight"

    def step(self, desk: Desk, state: State) -> Step | None:
        """The first frames, then a turn at a time; after a failed attempt the next one."""
        talk = state.get("talk") or []
        if not talk:
            return first_step(desk, state)
        step, reply = talk[-2], talk[-1]
        turn = None if reply["failed"] else _turn(desk, state, step, reply)
        return turn or _again(desk, state, step, reply["told"])

    def request(self, desk: Desk, state: State, frames: FramesOf) -> Request:
        """The conversation of the present attempt."""
        return spotlight_request(desk, state, frames)

    def take(self, desk: Desk, state: State, reply: Reply) -> Taken:
        """An action is checked against the video, and the attempt against the rules."""
        step, said = state["talk"][-1], reply.parsed
        if not isinstance(said, SpotlightReply):
            why = "the reply was no action that could be read"
            memory: Memory = {"reply": "unusable", "attempt": step["attempt"], "action": None}
            looks = [blank(view, reply.outcome) for view in unseen(state)]
            return _failed(step, memory, [why], looks)
        memory = carried_out(desk, state, said, reply.text)
        answers = said.action == "answer"
        broken = broken_rules(turns_of([*state["talk"], memory]), finished=answers)
        looks = [_on_the_way(view, said) for view in unseen(state)]
        if broken and not (answers and step["attempt"] == ATTEMPTS):
            return _failed(step, memory, broken, looks)
        if answers:
            return _answered(desk, state, said, reply.text, memory, broken)
        refused = memory["wish"] is None and said.action == "choose"
        return Taken(
            memory={**memory, "failed": False},
            action="refused" if refused else said.action,
            why=memory["told"] if refused else said.short_thought or "the model asked for it",
            by="rules" if refused else "model",
            observations=tuple(looks),
        )


def _turn(desk: Desk, state: State, step: Memory, reply: Memory) -> Step | None:
    """The next turn of an attempt; only the answer is offered in the last, and in one after which
    no other would fit."""
    wish, told = reply["wish"], reply["told"]
    views: tuple[View, ...] = ()
    if wish is not None:
        video = desk.library.video(wish["video_id"])
        why = f"the model: {reply['thought']}" if reply["thought"] else "the model chose them"
        view = frames_view(state, video, wish["frames"], state["talk"][0]["side"], why=why)
        views = (view,)
    memory: Memory = {
        "attempt": step["attempt"],
        "turn": step["turn"] + 1,
        "only_answer": False,
        "told": told,
        "view": views[0]["id"] if views else None,
    }
    made = Step(views=views, memory=memory)
    cost = price_of(desk, after(state, made))
    if memory["turn"] < TURNS and 2 * cost + TALK_TOKENS <= desk.ledger.left:
        return made
    tired = {**memory, "told": "No tokens are left for these frames.", "view": None}
    for last in (made, Step(views=(), memory=tired)):
        last = replace(last, memory={**last.memory, "only_answer": True})
        cost = price_of(desk, after(state, last))
        if cost <= desk.ledger.left:
            return last
        if cost <= desk.ledger.available(answer=True):
            return replace(last, answering=True)
    return None


def _again(desk: Desk, state: State, step: Memory, told: str) -> Step | None:
    """The next attempt, told why the one before was rejected; the last one where another would
    not fit, None after that."""
    if step["attempt"] >= ATTEMPTS:
        return None
    memory: Memory = {
        "attempt": step["attempt"] + 1,
        "turn": 1,
        "only_answer": False,
        "told": f"Your last attempt was rejected: {told}."[:LONGEST_TOLD] if told else "",
        "view": None,
    }
    made = Step(views=(), memory=memory)
    cost = price_of(desk, after(state, made))
    if memory["attempt"] < ATTEMPTS and 3 * cost + TALK_TOKENS <= desk.ledger.left:
        return made
    last = Step(
        views=(), memory={**memory, "attempt": ATTEMPTS, "only_answer": True}, answering=True
    )
    fits = price_of(desk, after(state, last)) <= desk.ledger.available(answer=True)
    return last if fits else None


def _failed(
    step: Memory, memory: Memory, broken: Sequence[str], looks: Sequence[Observation]
) -> Taken:
    """An attempt that is not gone on with; what it has cost stays charged."""
    told = "; ".join(broken)
    return Taken(
        memory={**memory, "failed": True, "told": told},
        action="retry",
        why=told,
        by="rules",
        observations=tuple(looks),
        notes=(f"attempt {step['attempt']} of {ATTEMPTS} was rejected: {told}",),
    )


def _on_the_way(view: View, said: SpotlightReply) -> Observation:
    return {**blank(view, "ok"), "claim": said.short_thought, "confidence": said.confidence}


def _answered(
    desk: Desk,
    state: State,
    said: SpotlightReply,
    text: str,
    memory: Memory,
    broken: Sequence[str],
) -> Taken:
    """The answer; one whose attempt broke a rule, in the last, is doubted and says so."""
    video, span = named_span(desk, state, said)
    shown = shown_in_attempt(state)
    observations, draft = verdict(desk, state, said, text, shown=shown, video=video, span=span)
    notes: tuple[str, ...] = ()
    if broken:
        draft = {**draft, "confidence": min(DOUBTED, draft["confidence"])}
        notes = (f"the conversation behind this answer broke a rule: {'; '.join(broken)}",)
    return Taken(
        memory={**memory, "failed": False},
        action="answer",
        why=said.short_thought or "the model answers",
        observations=observations,
        draft=draft,
        notes=notes,
    )
