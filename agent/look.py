"""One look: a view is shown to the model, and what it says about it becomes an observation."""

import asyncio

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
from longtake.errors import BudgetExceeded, MediaError, VlmError
from longtake.timing import Span
from longtake.tools.view import Shape, blank_frames
from longtake.tools.vlm.messages import Frames, Request

READ_WITHIN_S = 30.0
"""Stretches up to this long are shown with what is said and written in them."""
LEAST_ZOOM_S = 0.5
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
        frames = await asyncio.to_thread(
            desk.viewer.frames, view["video_id"], shape_of(view), view["crop"]
        )
    except MediaError as exc:
        desk.release(task["reservation"], str(exc))
        return [blank(view, "failed")], f"a moment could not be shown: {exc}"
    request = look_at(desk, task["asking"], view, frames)
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


def look_at(desk: Desk, asking: Asking, view: View, frames: Frames) -> Request:
    """The request that shows frames of a view."""
    span = Span(view["start"], view["end"])
    quotes = []
    if span.duration <= READ_WITHIN_S:
        quotes = desk.quotes(view["video_id"], span)
    return look_request(
        frames,
        video=desk.label(view["video_id"]),
        start=view["start"],
        end=view["end"],
        quotes=quotes,
        **asking,
    )


def look_price(desk: Desk, state: State, view: View) -> int:
    """Tokens that a look at the view costs at most."""
    asking = asked_of(state, part(view))
    request = look_at(desk, asking, view, blank_frames(shape_of(view)))
    return desk.calls.price(request).total


def shape_of(view: View) -> Shape:
    """Times, size and stamp of a view's frames."""
    return Shape(
        times=tuple(view["times"]),
        width=view["width"],
        height=view["height"],
        stamped=view.get("stamped", False),
    )


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
    checked. Of the further times those outside the view are left out."""
    first = _observation(view, reply, *_inside(view, reply.start, reply.end))
    further = [
        (max(view["start"], min(times)), min(view["end"], max(times)))
        for times in reply.more
        if first["relevant"]
    ]
    found = [first]
    for start, end in further:
        if start < end:
            found.append({**first, "start": start, "end": end, "closer": None})
    return found


def _observation(view: View, reply: LookReply, start: float, end: float) -> Observation:
    return {
        "view": view["id"],
        "video_id": view["video_id"],
        "start": start,
        "end": end,
        "claim": " ".join(reply.claim.split()),
        "relevant": reply.relevant and bool(reply.claim.strip()),
        "confidence": reply.confidence,
        "outcome": "ok",
        "closer": _closer(view, reply.closer) if reply.closer is not None else None,
    }


def _inside(view: View, start: float | None, end: float | None) -> tuple[float, float]:
    """The times a model gave, in order and within the view; all of the view where they are not."""
    first, last = view["start"], view["end"]
    low = first if start is None else start
    high = last if end is None else end
    low, high = min(low, high), max(low, high)
    if high < first or low > last:
        return first, last
    return max(first, low), min(last, high)


def _closer(view: View, closer: Closer) -> Wish | None:
    """A model's wish for a closer look, clamped to its view; None when it would show no more."""
    start, end = _inside(view, closer.start, closer.end)
    if end - start < LEAST_ZOOM_S:
        middle = (start + end) / 2
        start = max(view["start"], middle - LEAST_ZOOM_S / 2)
        end = min(view["end"], start + LEAST_ZOOM_S)
    crop = checked_box(closer.box)
    if crop is None and end - start > ZOOM_GAIN * (view["end"] - view["start"]):
        return None
    return {
        "video_id": view["video_id"],
        "start": start,
        "end": end,
        "crop": crop,
        "kind": "zoom",
        "why": f"the model asked for it after {view['id']}",
    }


def checked_box(box: list[float] | None) -> list[float] | None:
    """A model's box inside the picture and at least a tenth of it wide and high, or None."""
    if box is None or any(not -1e6 < side < 1e6 for side in box):
        return None
    x0, y0, x1, y1 = (min(1.0, max(0.0, side)) for side in box)
    if x1 - x0 < 0.1 or y1 - y0 < 0.1 or (x1 - x0) * (y1 - y0) > 0.9:
        return None
    return [x0, y0, x1, y1]
