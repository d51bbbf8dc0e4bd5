"""What the model decides after a round: asked where that is cheap, checked against library and
history, and told the next time what could not be done as it asked."""

from dataclasses import dataclass, field, replace
from typing import Literal

from longtake.agent.candidates import allowed_videos, bounds
from longtake.agent.desk import Desk
from longtake.agent.evidence import told
from longtake.agent.outcomes import same_stretch, shown_views
from longtake.agent.plan import sub_query
from longtake.agent.replies import ReflectReply
from longtake.agent.requests import reflect_request, repair_request, seconds
from longtake.agent.retrieve import rows_in
from longtake.agent.seeking import telling
from longtake.agent.sightings import frame_gap
from longtake.agent.state import Row, State, SubQuery, View, ViewKind, Wish
from longtake.errors import BudgetExceeded, VlmError
from longtake.timing import Span
from longtake.tools.fit import ZOOM
from longtake.tools.library import Library
from longtake.tools.zoom import Refused, Zoom, region_of_text, with_margin
from longtake.tools.zoom import Request as ZoomRequest
from longtake.tools.zoom import checked as checked_zoom

Action = Literal["answer", "look", "zoom", "search", "read"]

ASK_SHARE = 0.1
"""Of the tokens left that a decision by the model may cost."""
FINER = 2.0
"""A zoom shows something new when its frames are this many times as dense."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What became of asking the model."""

    decision: Decision | None
    usable: bool = True
    """Whether to ask it again."""
    refused: str = ""
    """What of its wish was not done as it asked, and why, for its next call; empty is nothing."""


async def by_model(desk: Desk, state: State) -> Said:
    """Ask the model for the next step, where that is cheap beside what is left."""
    before = Said(decision=None, refused=state.get("refused", ""))
    request = reflect_request(
        question=state["question"],
        evidence=told(desk, state),
        looked=[f"{desk.label(v['video_id'])} {_stretch(v)}" for v in shown_views(state)],
        refused=_refusals(desk, state),
        videos=_videos_line(desk, state),
        left=_left(state),
    )
    cheap = desk.calls.price(request).total <= ASK_SHARE * desk.ledger.left
    if not cheap and not desk.calls.is_replied(request):
        return before
    try:
        reply = await desk.calls.structured(
            request, node="reflect", purpose="next step", repair=repair_request
        )
    except (BudgetExceeded, VlmError):
        return before
    if not isinstance(reply.parsed, ReflectReply):
        return replace(before, usable=False)
    return checked(desk, state, reply.parsed)


def _left(state: State) -> int:
    """Tokens that were left when the round was chosen, by its event: a run that was killed while it
    decided asks the same again and finds its reply."""
    chosen = (e["left"] for e in reversed(state["trace"]) if e["event"] == "selected")
    left = next(chosen)
    assert isinstance(left, int)
    return left


def _refusals(desk: Desk, state: State) -> list[str]:
    """Why what the model asked for last was not done as it asked, in our words."""
    latest = {view["id"]: view for view in state["views"] if view["round"] == state["round"]}
    reasons = [state["refused"]] if state.get("refused") else []
    for observation in state["observations"]:
        view = latest.get(observation["view"])
        if view is not None and "told" in observation:
            where = f"{desk.label(view['video_id'])} {_stretch(view)}"
            reasons.append(f"a closer look in {where}: {observation['told']}")
    return list(dict.fromkeys(reasons))


def _stretch(view: View) -> str:
    return f"{seconds(view['start'])}-{seconds(view['end'])} s"


def _videos_line(desk: Desk, state: State) -> list[str]:
    videos = allowed_videos(desk.library, state)
    shown = list(videos.values())[:MOST_VIDEOS]
    spans = [(desk.label(video.id), bounds(video, state)) for video in shown]
    lines = [f"{label} {seconds(span.start)}-{seconds(span.end)} s" for label, span in spans]
    more = len(videos) - len(shown)
    return [*lines, f"and {more} more"] if more else lines


def checked(desk: Desk, state: State, reply: ReflectReply) -> Said:
    """The model's decision if it can be carried out and leads to something new, else why not."""
    why = " ".join(reply.why.split())[:MOST_QUERY_CHARACTERS] or reply.action
    if reply.enough or reply.action == "answer":
        if not telling(state):
            return _refused("answer: nothing was seen that answers the question")
        return Said(decision=Decision(action="answer", why=why, by="model"))
    if reply.action == "search":
        query = _new_query(state, reply.query)
        if query is None:
            return _refused("search: there are no new words to search for")
        return Said(decision=Decision(action="search", why=why, by="model", query=query))
    asked = _asked(desk, state, reply)
    if isinstance(asked, Refused):
        return _refused(f"{reply.action}: {asked.reason.rstrip('.')}")
    video_id, zoom = asked
    stretch = zoom.span
    changed = f"{reply.action}: {'; '.join(zoom.notes)}" if zoom.notes else ""
    if reply.action == "read":
        rows = _unread(desk.library, state, video_id, stretch)
        if not rows:
            return _refused("read: there is nothing more to read there")
        decision = Decision(action="read", why=why, by="model", rows=rows)
        return Said(decision=decision, refused=changed)
    kind: ViewKind = "zoom" if reply.action == "zoom" else "look"
    wish: Wish = {
        "video_id": video_id,
        "start": stretch.start,
        "end": stretch.end,
        "crop": list(with_margin(zoom.crop)) if zoom.crop is not None else None,
        "kind": kind,
        "why": f"the model: {why}",
    }
    if any(shows_same(wish, view) for view in shown_views(state)):
        return _refused(f"{reply.action}: that was shown already")
    decision = Decision(action=reply.action, why=why, by="model", wishes=(wish,))
    return Said(decision=decision, refused=changed)


def _refused(why: str) -> Said:
    return Said(decision=None, refused=why)


def _new_query(state: State, query: str) -> SubQuery | None:
    query = " ".join(query.split())[:MOST_QUERY_CHARACTERS]
    known = {q["text"].lower() for q in state["plan"]["sub_queries"]}
    if not query or query.lower() in known or len(known) >= MOST_QUERIES:
        return None
    return sub_query(query)


def _asked(desk: Desk, state: State, reply: ReflectReply) -> tuple[str, Zoom] | Refused:
    """What a model named, inside its video, or why there is no such stretch."""
    videos = allowed_videos(desk.library, state)
    video_id = desk.video_of(reply.video) if reply.video else None
    if video_id is None and len(videos) == 1:
        video_id = next(iter(videos))
    if video_id not in videos:
        return Refused(reason="there is no video of that name")
    if reply.start is None or reply.end is None:
        return Refused(reason='it takes "from" and "to" in seconds')
    allowed = bounds(videos[video_id], state)
    zoom = checked_zoom(ZoomRequest(start=reply.start, end=reply.end, box=reply.box), allowed)
    if isinstance(zoom, Refused):
        return zoom
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


def shows_same(wish: Wish, view: View) -> bool:
    """Whether a view has shown what the wish would, as finely; a stretch is zoomed into once."""
    if not same_stretch(wish, view):
        return False
    span = Span(wish["start"], wish["end"])
    zoomed = wish["kind"] != "zoom" or view["kind"] == "zoom"
    return zoomed or frame_gap(view) <= FINER * span.duration / ZOOM.frames(span)
