"""The graph node that answers, with a model or without."""

import asyncio

from langgraph.runtime import Runtime

from longtake.agent.context import Context, library_of
from longtake.agent.desk import desk_of, has_model
from longtake.agent.draft import absent, draft_answer
from longtake.agent.events import emit
from longtake.agent.respond import respond
from longtake.agent.state import State


async def answer(state: State, runtime: Runtime[Context]) -> State:
    """Graph node: the draft answer."""
    events = []
    absence = state.get("absence")
    if absence is not None:
        draft = absent(absence)
    elif has_model(runtime):
        desk = await desk_of(state, runtime)
        draft = await respond(desk, state)
        events = desk.take_events()
    else:
        encoder = library_of(runtime.context).sentence_encoder
        draft = await asyncio.to_thread(draft_answer, state, encoder)
    events += emit(
        runtime,
        "drafted",
        abstained=draft["abstained"],
        confidence=draft["confidence"],
        by=draft.get("by", "rules"),
    )
    return {"draft": draft, "trace": events}
