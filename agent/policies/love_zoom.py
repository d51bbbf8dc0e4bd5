"""`love_zoom`: the whole video densely in small frames, then at most a few zooms in large ones that
the model asks for by their interval (LOVE-R1)."""

from dataclasses import replace

from longtake.agent.desk import Desk
from longtake.agent.look import blank
from longtake.agent.policies.conversation import (
    FramesOf,
    Memory,
    Step,
    Taken,
    after,
    asked_video,
    named_video,
    steps_of,
    unseen,
)
from longtake.agent.policies.intervals import zoom_span
from longtake.agent.policies.replies import ZoomReply
from longtake.agent.policies.verdict import verdict
from longtake.agent.policies.zoom_first import (
    LONGEST_REASON,
    first_step,
    price_of,
    request_of,
    whole_view,
    zoom_view,
)
from longtake.agent.state import Observation, State, View
from longtake.index.records import VideoRecord
from longtake.timing import Span
from longtake.tools.vlm.messages import Reply, Request


class LoveZoom:
    """The policy; it keeps nothing between calls."""

    name = "love_zoom"

    def step(self, desk: Desk, state: State) -> Step | None:
        """The dense view, then a zoom at a time, then the answer."""
        talk = state.get("talk") or []
        if not talk:
            return first_step(desk, state)
        if any(entry["last"] for entry in steps_of(talk)):
            return None
        return _next(desk, state, talk[0], talk[-1])

    def request(self, desk: Desk, state: State, frames: FramesOf) -> Request:
        """Dense views, zooms in the order of time, then the question."""
        return request_of(desk, state, frames)

    def take(self, desk: Desk, state: State, reply: Reply) -> Taken:
        """A zoom is checked and carried out by the next step; an answer is checked and ends it."""
        if not isinstance(reply.parsed, ZoomReply):
            return _unusable(state, reply)
        said = reply.parsed
        if said.action == "answer":
            return _answered(desk, state, said, reply.text)
        wish = checked_wish(desk, state, said)
        observations = tuple(_on_the_way(view, said) for view in unseen(state))
        if isinstance(wish, str):
            return Taken(
                memory={"reply": "refused", "reason": wish[:LONGEST_REASON]},
                action="refused",
                why=wish,
                by="rules",
                observations=observations,
            )
        video, span = wish
        return Taken(
            memory={
                "reply": "zoom",
                "video_id": video.id,
                "start": span.start,
                "end": span.end,
                "why": said.short_thought,
            },
            action="zoom",
            why=said.short_thought or f"the model asked for {span}",
            observations=observations,
        )


def checked_wish(desk: Desk, state: State, said: ZoomReply) -> tuple[VideoRecord, Span] | str:
    """The stretch that a zoom shows, or why it shows none."""
    asked = asked_video(desk, state, said.video)
    if isinstance(asked, str):
        return asked
    video, within = asked
    assert said.start is not None and said.end is not None
    shown = [
        Span(view["start"], view["end"])
        for view in state["views"]
        if view["kind"] == "zoom" and view["video_id"] == video.id
    ]
    span = zoom_span(said.start, said.end, within, shown)
    return span if isinstance(span, str) else (video, span)


def _next(desk: Desk, state: State, plan: Memory, latest: Memory) -> Step | None:
    """What follows a reply: its zoom while another may follow, else the answer."""
    made = sum(view["kind"] == "zoom" for view in state["views"])
    if latest["reply"] == "zoom" and made + 1 < plan["zooms"]:
        step = Step(views=(), memory={"last": False, "reason": ""})
        now = after(state, step)
        room = desk.ledger.left
        view = _wished(desk, now, latest, allowance=min(room, price_of(desk, now) + plan["share"]))
        if view is not None:
            return replace(step, views=(view,))
    memory = {"last": True, "reason": latest.get("reason", "")}
    return _answering(desk, state, Step(views=(), memory=memory, answering=True), plan, latest)


def _answering(desk: Desk, state: State, step: Step, plan: Memory, latest: Memory) -> Step | None:
    """The answer's call, with the zoom asked for; where none was ever made, one of all of it."""
    now = after(state, step)
    room, cost = desk.ledger.available(answer=True), price_of(desk, now)
    allowance = min(room, cost + plan["share"])
    view = None
    if latest["reply"] == "zoom":
        view = _wished(desk, now, latest, allowance=allowance)
    elif not any(view["kind"] == "zoom" for view in state["views"]):
        view = whole_view(desk, now, allowance=allowance)
    if view is not None:
        return replace(step, views=(view,))
    return step if cost <= room else None


def _wished(desk: Desk, state: State, wish: Memory, *, allowance: int) -> View | None:
    """The zoom that the model asked for."""
    video = desk.library.video(wish["video_id"])
    why = f"the model: {wish['why']}" if wish["why"] else "the model asked for it"
    span = Span(wish["start"], wish["end"])
    return zoom_view(desk, state, video, span, allowance=allowance, why=why)


def _unusable(state: State, reply: Reply) -> Taken:
    """Twice no reply that could be used: the next call is the last."""
    return Taken(
        memory={"reply": "unusable", "reason": "your last reply could not be read"},
        action="refused",
        why=f"the reply was {reply.outcome}",
        by="rules",
        observations=tuple(blank(view, reply.outcome) for view in unseen(state)),
    )


def _on_the_way(view: View, said: ZoomReply) -> Observation:
    return {**blank(view, "ok"), "claim": said.short_thought, "confidence": said.confidence}


def _answered(desk: Desk, state: State, said: ZoomReply, text: str) -> Taken:
    span = None
    video = named_video(desk, state, said.video)
    if said.start is not None or said.end is not None:
        times = [t for t in (said.start, said.end) if t is not None]
        span = Span(max(0.0, min(times)), max(0.0, *times))
    observations, draft = verdict(
        desk, state, said, text, shown=state["views"], video=video, span=span
    )
    return Taken(
        memory={"reply": "answer"},
        action="answer",
        why=said.short_thought or "the model answers",
        observations=observations,
        draft=draft,
    )
