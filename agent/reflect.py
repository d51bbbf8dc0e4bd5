"""After each round: is it enough, and if not, where to look, zoom, search or read next.

Clear cases are decided by rules, which cost nothing. Otherwise the model is asked when that is
cheap beside what is left; what it wants is checked against library and history, and a decision
that cannot be used is replaced by the rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from langgraph.runtime import Runtime
from langgraph.types import Command

from longtake.agent.belief import agreed, confidence
from longtake.agent.candidates import allowed_videos, bounds
from longtake.agent.context import Context
from longtake.agent.desk import Desk, desk_of
from longtake.agent.draft import draft_answer
from longtake.agent.events import emit
from longtake.agent.evidence import set_aside_answer, told
from longtake.agent.plan import sub_query
from longtake.agent.replies import ReflectReply
from longtake.agent.requests import reflect_request, repair_request, seconds
from longtake.agent.retrieve import rows_in
from longtake.agent.seeking import in_order, needs_all, telling
from longtake.agent.sightings import Sighting, frame_gap, part, sightings
from longtake.agent.state import Observation, Row, State, SubQuery, View, ViewKind, Wish
from longtake.errors import BudgetExceeded, VlmError
from longtake.timing import Span
from longtake.tools.fit import ZOOM
from longtake.tools.library import Library
from longtake.tools.zoom import Refused, Zoom, region_of_text, with_margin
from longtake.tools.zoom import Request as ZoomRequest
from longtake.tools.zoom import checked as checked_zoom

Action = Literal["answer", "look", "zoom", "search", "read"]

ENOUGH = 0.95
"""Confidence from which nothing more is looked at."""
COARSE_S = 2.0
"""Moments seen in frames further apart than this are looked at again for their bounds."""
COARSE_TIME_S = 0.5
"""The same when the question asks for a time."""
TELLING = 0.3
"""Confidence from which a closer look that an observation asks for pays."""
ASK_SHARE = 0.1
"""Of the tokens left that a decision by the model may cost."""
MOMENTS = 2
"""Moments whose bounds are looked for."""
SAME = 0.7
"""Stretches that share this much of the longer one show the same."""
TOGETHER_S = 30.0
"""Both edges of a moment are shown in one look up to this length."""
FINER = 2.0
"""A zoom shows something new when its frames are this many times as dense."""
LEAST_STEPS = 4
"""Steps of the graph that answering and checking need."""
MOST_QUERIES = 8
MOST_QUERY_CHARACTERS = 200
MOST_VIDEOS = 10
READ_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do next."""

    action: Action
    why: str
    by: Literal["rules", "model"] = "rules"
    wishes: tuple[Wish, ...] = ()
    query: SubQuery | None = None
    rows: tuple[Row, ...] = field(default=())


async def reflect(
    state: State, runtime: Runtime[Context]
) -> Command[Literal["select", "retrieve", "answer"]]:
    """Graph node: decide the next step."""
    desk = await desk_of(state, runtime)
    set_aside_answer(desk, state)
    decision = by_rules(desk.library, state)
    usable = state.get("reflecting", True)
    if decision is None and usable:
        decision, usable = await _by_model(desk, state)
    if decision is None:
        decision = Decision(action="look", why="the most promising stretches not seen yet")
    trace = desk.take_events() + emit(
        runtime,
        "reflected",
        action=decision.action,
        why=decision.why,
        by=decision.by,
        confidence=round(_sure(desk.library, state), 4),
    )
    update: State = {
        "trace": trace,
        "reflecting": usable,
        "wishes": list(decision.wishes),
    }
    if decision.query is not None:
        plan = state["plan"]
        update["plan"] = {**plan, "sub_queries": [*plan["sub_queries"], decision.query]}
        return Command(goto="retrieve", update=update)
    if decision.rows:
        update["rows"] = [*state["rows"], *decision.rows]
    return Command(goto="answer" if decision.action == "answer" else "select", update=update)


def by_rules(library: Library, state: State) -> Decision | None:
    """The decision in clear cases; None where it is open."""
    latest = [o for o in state["observations"] if _round_of(state, o) == state["round"]]
    if state.get("steps_left", LEAST_STEPS + 1) <= LEAST_STEPS:
        return Decision(action="answer", why="the run has no steps left")
    if latest and all(o["outcome"] == "failed" for o in latest):
        return Decision(action="answer", why="the model cannot be reached or shown anything")
    wishes = closer_wishes(library, state, latest)
    if not needs_all(state):
        if agreed(state) and not wishes:
            return Decision(action="answer", why="separate looks agree")
        if _sure(library, state) >= ENOUGH and not wishes:
            return Decision(action="answer", why="what was found is clear enough")
    if wishes:
        return Decision(action="zoom", why=wishes[0]["why"], wishes=tuple(wishes))
    return None


def closer_wishes(library: Library, state: State, latest: Sequence[Observation]) -> list[Wish]:
    """Zooms that would show something new: those the model asked for in its latest looks, and
    those that show when a moment begins and ends."""
    parts = {view["id"]: part(view) for view in state["views"]}
    wishes: list[Wish] = [
        {**o["closer"], "part": parts[o["view"]]}
        for o in sorted(latest, key=lambda o: -o["confidence"])
        if o["closer"] is not None and o["confidence"] >= TELLING
    ]
    for sighting in in_order(state, sightings(state))[:MOMENTS]:
        wishes += _edge_wishes(library, state, sighting)
    fresh: list[Wish] = []
    for wish in wishes:
        shown = any(_shows_same(wish, view) for view in state["views"])
        if not shown and not any(_same_stretch(wish, other) for other in fresh):
            fresh.append(wish)
    return fresh


def _edge_wishes(library: Library, state: State, sighting: Sighting) -> list[Wish]:
    """Looks at where a moment begins and ends, as long as the frames there are far apart; one look
    when both are near each other."""
    asks_time = any(q["answer_type"] == "time" for q in state["plan"]["sub_queries"])
    fine_enough = COARSE_TIME_S if asks_time else COARSE_S
    allowed = bounds(library.video(sighting.video_id), state)
    views = [view for view in state["views"] if view["id"] in sighting.views]
    windows: list[Span] = []
    for edge in (sighting.span.start, sighting.span.end):
        gap = min(frame_gap(view, edge) for view in views if view["start"] <= edge <= view["end"])
        outside = edge <= allowed.start or edge >= allowed.end
        if gap > fine_enough and not outside:
            windows.append(Span(max(allowed.start, edge - gap), min(allowed.end, edge + gap)))
    if len(windows) == 2 and windows[0].gap(windows[1]) == 0:
        both = windows[0].union(windows[1])
        windows = [both] if both.duration <= TOGETHER_S else windows
    return [
        {
            "video_id": sighting.video_id,
            "start": window.start,
            "end": window.end,
            "crop": None,
            "kind": "zoom",
            "why": f"where what {sighting.view} showed begins or ends",
            "part": sighting.part,
        }
        for window in windows
    ]


def _shows_same(wish: Wish, view: View) -> bool:
    """Whether a view has shown what the wish would, as finely; a stretch is zoomed into once."""
    if not _same_stretch(wish, view):
        return False
    span = Span(wish["start"], wish["end"])
    zoomed = wish["kind"] != "zoom" or view["kind"] == "zoom"
    return zoomed or frame_gap(view) <= FINER * span.duration / ZOOM.frames(span)


def _same_stretch(wish: Wish, other: View | Wish) -> bool:
    if wish["video_id"] != other["video_id"] or wish["crop"] != other["crop"]:
        return False
    one, two = Span(wish["start"], wish["end"]), Span(other["start"], other["end"])
    return one.overlap(two) >= SAME * max(one.duration, two.duration)


def _round_of(state: State, observation: Observation) -> int:
    return next(v["round"] for v in state["views"] if v["id"] == observation["view"])


def _sure(library: Library, state: State) -> float:
    return confidence(state, draft_answer(state, library.sentence_encoder)["confidence"])


async def _by_model(desk: Desk, state: State) -> tuple[Decision | None, bool]:
    """The model's decision, if it gives one that can be used; and whether to ask it again."""
    request = reflect_request(
        question=state["question"],
        evidence=told(desk, state),
        looked=[
            f"{desk.label(v['video_id'])} {seconds(v['start'])}-{seconds(v['end'])} s"
            for v in state["views"]
        ],
        videos=_videos_line(desk, state),
        left=desk.ledger.left,
    )
    if desk.calls.price(request).total > ASK_SHARE * desk.ledger.left:
        return None, True
    try:
        reply = await desk.calls.structured(
            request, node="reflect", purpose="next step", repair=repair_request
        )
    except (BudgetExceeded, VlmError):
        return None, True
    if not isinstance(reply.parsed, ReflectReply):
        return None, False
    return checked(desk, state, reply.parsed), True


def _videos_line(desk: Desk, state: State) -> list[str]:
    videos = allowed_videos(desk.library, state)
    shown = list(videos.values())[:MOST_VIDEOS]
    spans = [(desk.label(video.id), bounds(video, state)) for video in shown]
    lines = [f"{label} {seconds(span.start)}-{seconds(span.end)} s" for label, span in spans]
    more = len(videos) - len(shown)
    return [*lines, f"and {more} more"] if more else lines


def checked(desk: Desk, state: State, reply: ReflectReply) -> Decision | None:
    """The model's decision if it can be carried out and leads to something new, else None."""
    why = " ".join(reply.why.split())[:MOST_QUERY_CHARACTERS] or reply.action
    if reply.enough or reply.action == "answer":
        found = bool(telling(state))
        return Decision(action="answer", why=why, by="model") if found else None
    if reply.action == "search":
        query = _new_query(state, reply.query)
        return Decision(action="search", why=why, by="model", query=query) if query else None
    span = _asked(desk, state, reply)
    if span is None:
        return None
    video_id, zoom = span
    stretch = zoom.span
    if reply.action == "read":
        rows = _unread(desk.library, state, video_id, stretch)
        return Decision(action="read", why=why, by="model", rows=rows) if rows else None
    kind: ViewKind = "zoom" if reply.action == "zoom" else "look"
    wish: Wish = {
        "video_id": video_id,
        "start": stretch.start,
        "end": stretch.end,
        "crop": list(with_margin(zoom.crop)) if zoom.crop is not None else None,
        "kind": kind,
        "why": f"the model: {why}",
    }
    if any(_shows_same(wish, view) for view in state["views"]):
        return None
    return Decision(action=reply.action, why=why, by="model", wishes=(wish,))


def _new_query(state: State, query: str) -> SubQuery | None:
    query = " ".join(query.split())[:MOST_QUERY_CHARACTERS]
    known = {q["text"].lower() for q in state["plan"]["sub_queries"]}
    if not query or query.lower() in known or len(known) >= MOST_QUERIES:
        return None
    return sub_query(query)


def _asked(desk: Desk, state: State, reply: ReflectReply) -> tuple[str, Zoom] | None:
    """What a model named, inside its video; None when there is no such stretch."""
    videos = allowed_videos(desk.library, state)
    video_id = desk.video_of(reply.video) if reply.video else None
    if video_id is None and len(videos) == 1:
        video_id = next(iter(videos))
    if video_id not in videos or reply.start is None or reply.end is None:
        return None
    allowed = bounds(videos[video_id], state)
    zoom = checked_zoom(ZoomRequest(start=reply.start, end=reply.end, box=reply.box), allowed)
    if isinstance(zoom, Refused):
        return None
    if reply.action == "zoom" and reply.box is None and reply.query:
        region = region_of_text(desk.library, video_id, zoom.span, reply.query)
        zoom = zoom if isinstance(region, Refused) else replace(zoom, crop=region)
    return video_id, zoom


def _unread(library: Library, state: State, video_id: str, span: Span) -> tuple[Row, ...]:
    """Rows of the first `READ_S` of a stretch that were not retrieved before."""
    have = {(row["lane"], row["id"]) for row in state["rows"]}
    span = Span(span.start, min(span.end, span.start + READ_S))
    rows = rows_in(library, video_id, span, ("speech", "text"), 0)
    return tuple(row for row in rows if (row["lane"], row["id"]) not in have)
