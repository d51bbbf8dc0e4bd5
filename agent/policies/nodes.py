"""The graph's nodes for policies that talk with the model: what is shown next, and one call."""

import asyncio
from collections.abc import Mapping
from typing import Any, Literal

from langgraph.runtime import Runtime
from langgraph.types import Command

from longtake.agent.context import Context
from longtake.agent.desk import Desk, desk_of
from longtake.agent.events import emit
from longtake.agent.look import blank
from longtake.agent.policies.conversation import Memory, Policy, Step, Taken, after, unseen
from longtake.agent.policies.love_zoom import LoveZoom
from longtake.agent.policies.spotlight import Spotlight
from longtake.agent.requests import repair_request
from longtake.agent.state import State, View
from longtake.agent.views import shape_of
from longtake.errors import BudgetExceeded, MediaError, VlmError
from longtake.tools.view import blank_frames
from longtake.tools.vlm.messages import Frames, Request

CONVERSATIONS: Mapping[str, Policy] = {policy.name: policy for policy in (LoveZoom(), Spotlight())}


async def show(state: State, runtime: Runtime[Context]) -> Command[Literal["ask", "answer"]]:
    """Graph node: choose what the next call shows and reserve its tokens."""
    desk = await desk_of(state, runtime)
    policy = CONVERSATIONS[desk.policy]
    step = policy.step(desk, state)
    reservation = None if step is None else _reserved(desk, policy, state, step)
    if step is None or reservation is None:
        why = "the tokens that are left hold no further look"
        trace = emit(runtime, "reflected", action="answer", why=why, by="rules")
        return Command(goto="answer", update={"trace": trace})
    number = state.get("round", 0) + 1
    trace = emit(
        runtime,
        "selected",
        round=number,
        views=list(step.views),
        left=desk.ledger.left,
        limit=desk.ledger.limit,
    )
    made = after(state, step)
    made["talk"][-1] = {**step.memory, "reservation": reservation, "answering": step.answering}
    update: State = {
        "views": made["views"],
        "talk": made["talk"],
        "round": number,
        "trace": trace,
    }
    return Command(goto="ask", update=update)


async def ask(
    state: State, runtime: Runtime[Context]
) -> Command[Literal["show", "answer", "verify"]]:
    """Graph node: one call of the conversation; what the model says is carried out or refused."""
    desk = await desk_of(state, runtime)
    policy = CONVERSATIONS[desk.policy]
    trace: list[dict[str, Any]] = []
    for view in unseen(state):
        trace += emit(runtime, "looking", view=view["id"])
    taken = await _taken(desk, policy, state)
    trace += desk.take_events()
    for observation in taken.observations:
        trace += emit(runtime, "observed", observation=observation, left=desk.ledger.left)
    trace += emit(runtime, "reflected", action=taken.action, why=taken.why, by=taken.by)
    update: State = {
        "talk": [*state["talk"], taken.memory],
        "observations": list(taken.observations),
        "notes": list(taken.notes),
        "trace": trace,
    }
    if taken.draft is None:
        goto: Literal["answer", "show"] = "answer" if taken.action == "answer" else "show"
        return Command(goto=goto, update=update)
    draft = taken.draft
    update["draft"] = draft
    trace += emit(
        runtime,
        "drafted",
        abstained=draft["abstained"],
        confidence=draft["confidence"],
        by="model",
    )
    return Command(goto="verify", update=update)


def blank_request(desk: Desk, policy: Policy, state: State, step: Step) -> Request:
    """The request of a step without pixels, for its price."""
    return policy.request(desk, after(state, step), lambda view: blank_frames(shape_of(view)))


def _reserved(desk: Desk, policy: Policy, state: State, step: Step) -> str | None:
    """The name of the reservation for a step; None when its tokens are not there any more."""
    try:
        if step.keep is not None:
            desk.calls.set_aside(step.keep)
        return desk.reserve(
            blank_request(desk, policy, state, step),
            node=policy.name,
            purpose=_purpose(policy, state),
            answer=step.answering,
        )
    except BudgetExceeded:
        return None


def _purpose(policy: Policy, state: State) -> str:
    return f"{policy.name} {state.get('round', 0) + 1}"


async def _taken(desk: Desk, policy: Policy, state: State) -> Taken:
    """Make the call of the step that the state ends with, and what becomes of its reply."""
    memory = state["talk"][-1]
    reservation = str(memory["reservation"])

    def frames(view: View) -> Frames:
        return desk.viewer.frames(view["video_id"], shape_of(view), view["crop"])

    try:
        request = await asyncio.to_thread(policy.request, desk, state, frames)
        reply = await desk.calls.structured(
            request,
            node=policy.name,
            purpose=f"{policy.name} {state['round']}",
            repair=repair_request,
            reservation=reservation,
            answer=bool(memory["answering"]),
        )
    except MediaError as exc:
        desk.release(reservation, str(exc))
        return _ended(state, f"a moment could not be shown: {exc}")
    except VlmError as exc:
        return _ended(state, str(exc))
    except BudgetExceeded:
        return _unsent(state, memory)
    return policy.take(desk, state, reply)


def _ended(state: State, why: str) -> Taken:
    return Taken(
        memory={"reply": "failed"},
        action="answer",
        why=why,
        by="rules",
        observations=tuple(blank(view, "failed") for view in unseen(state)),
        notes=(f"the conversation ended: {why}",),
    )


def _unsent(state: State, step: Memory) -> Taken:
    """Its tokens are not there any more, as after a call that was lost with its process: what the
    policy can still afford comes next."""
    return Taken(
        memory={
            "reply": "unsent",
            "attempt": step.get("attempt"),
            "action": None,
            "failed": True,
            "told": "",
            "reason": "",
        },
        action="refused",
        why="too few tokens are left for this call",
        by="rules",
        observations=tuple(blank(view, "no budget") for view in unseen(state)),
    )
