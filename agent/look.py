"""One look: a view is shown to the model, and what it says about it becomes an observation."""

import asyncio
from collections.abc import Sequence

from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from longtake.agent.context import Context
from longtake.agent.desk import Desk, desk_of
from longtake.agent.events import emit
from longtake.agent.replies import Closer, LookReply
from longtake.agent.requests import look_request, repair_request
from longtake.agent.seeking import Asking, asked_of
from longtake.agent.sightings import part
from longtake.agent.state import Observation, State, View, Wish
from longtake.agent.views import on_sheets, shown_of
from longtake.errors import BudgetExceeded, MediaError, VlmError
from longtake.timing import Span
from longtake.tools.view import blank_parts, box_of
from longtake.tools.vlm.messages import Part, Request
from longtake.tools.zoom import Refused, checked, checked_span, inside_of, with_margin
from longtake.tools.zoom import Request as ZoomRequest

READ_WITHIN_S = 30.0
"""Stretches up to this long are shown with what is said and written in them."""
ZOOM_GAIN = 0.7
"""A zoom in time must be at most this share of the view that asks for it."""


class LookTask(TypedDict):
    """Input of one branch of the fan-out."""

    asking: Asking
    run_id: str
    view: View
    reservation: str
    """Tokens set apart for it before the round started."""


async def look(state: LookTask, runtime: Runtime[Context]) -> State:
    """Graph node: show one view; failures are observations that say so."""
    desk = await desk_of(state, runtime)
    view = state["view"]
    trace = emit(runtime, "looking", view=view["id"])
    observations, note = await _observed(desk, state)
    trace += desk.take_events()
    for observation in observations:
        trace += emit(runtime, "observed", observation=observation, left=desk.ledger.left)
    update: State = {"observations": observations, "trace": trace}
    if note is not None:
        update["notes"] = [note]
    return update


async def _observed(desk: Desk, task: LookTask) -> tuple[list[Observation], str | None]:
    view = task["view"]
    try:
        parts = await asyncio.to_thread(desk.viewer.parts, shown_of(view))
    except MediaError as exc:
        desk.release(task["reservation"], str(exc))
        return [blank(view, "failed")], f"a moment could not be shown: {exc}"
    request = look_at(desk, task["asking"], view, parts)
    try:
        reply = await desk.calls.structured(
            request,
            node="look",
            purpose=f"{view['kind']} {view['id']}",
            repair=repair_request,
            reservation=task["reservation"],
        )
    except BudgetExceeded:
        return [blank(view, "no budget")], None
    except VlmError as exc:
        return [blank(view, "failed")], f"a look failed: {exc}"
    if not isinstance(reply.parsed, LookReply):
        return [blank(view, reply.outcome)], None
    return observations_of(view, reply.parsed), None


def look_at(desk: Desk, asking: Asking, view: View, parts: Sequence[Part]) -> Request:
    """The request that shows a view as these parts."""
    span = Span(view["start"], view["end"])
    quotes = []
    if span.duration <= READ_WITHIN_S:
        quotes = desk.quotes(view["video_id"], span)
    return look_request(
        *parts,
        video=desk.label(view["video_id"]),
        start=view["start"],
        end=view["end"],
        quotes=quotes,
        **asking,
    )


def look_price(desk: Desk, state: State, view: View) -> int:
    """Tokens that a look at the view costs at most."""
    asking = asked_of(state, part(view))
    request = look_at(desk, asking, view, blank_parts(shown_of(view)))
    return desk.calls.price(request).total


def blank(view: View, outcome: str) -> Observation:
    """What a look without a usable reply yields."""
    return {
        "view": view["id"],
        "video_id": view["video_id"],
        "start": view["start"],
        "end": view["end"],
        "claim": "",
        "relevant": False,
        "confidence": 0.0,
        "outcome": outcome,
        "closer": None,
    }


def observations_of(view: View, reply: LookReply) -> list[Observation]:
    """The reply as an observation for every time that it names: cut to the view, its wish
    checked. Times outside the view stand for all of it; further ones are left out."""
    whole = Span(view["start"], view["end"])
    span = checked_span(reply.start, reply.end, whole)
    first = _observation(view, reply, whole if isinstance(span, Refused) else span)
    found = [first]
    for start, end in reply.more if first["relevant"] else ():
        span = checked_span(start, end, whole)
        if not isinstance(span, Refused) and span.duration > 0:
            found.append({**first, "start": span.start, "end": span.end, "closer": None})
    return found


def _observation(view: View, reply: LookReply, span: Span) -> Observation:
    closer, told = None, ""
    if reply.closer is not None:
        closer, told = _closer(view, reply.closer)
    made: Observation = {
        "view": view["id"],
        "video_id": view["video_id"],
        "start": span.start,
        "end": span.end,
        "claim": " ".join(reply.claim.split()),
        "relevant": reply.relevant and bool(reply.claim.strip()),
        "confidence": reply.confidence,
        "outcome": "ok",
        "closer": closer,
    }
    if told:
        made["told"] = told
    return made


def _closer(view: View, closer: Closer) -> tuple[Wish | None, str]:
    """A model's wish for a closer look, brought into its view, with what was changed; None when it
    would show no more or cannot be met, with why."""
    whole = Span(view["start"], view["end"])
    # on a contact sheet a box is no place in a picture
    box = None if on_sheets(view) else closer.box
    zoom = checked(ZoomRequest(start=closer.start, end=closer.end, box=box), whole)
    if isinstance(zoom, Refused):
        return None, zoom.reason.rstrip(".")
    if zoom.crop is None and zoom.span.duration > ZOOM_GAIN * whole.duration:
        return None, "that is nearly all that was shown"
    shown = box_of(view["crop"]) if view["crop"] is not None else None
    crop = None if zoom.crop is None else inside_of(shown, with_margin(zoom.crop))
    wish: Wish = {
        "video_id": view["video_id"],
        "start": zoom.span.start,
        "end": zoom.span.end,
        "crop": list(crop) if crop is not None else None,
        "kind": "zoom",
        "why": f"the model asked for it after {view['id']}",
    }
    return wish, "; ".join(zoom.notes)
