"""After each round: is it enough, and if not, where to look, zoom, search or read next.

Clear cases are decided by rules, which cost nothing. Otherwise the model is asked when that is
cheap beside what is left; what it wants is checked against library and history, and a decision
that cannot be used is replaced by the rule.
"""

from collections.abc import Sequence
from typing import Literal

from langgraph.runtime import Runtime
from langgraph.types import Command

from longtake.agent.belief import agreed, confidence
from longtake.agent.candidates import bounds
from longtake.agent.context import Context
from longtake.agent.decide import Decision, by_model, shows_same
from longtake.agent.desk import desk_of
from longtake.agent.draft import draft_answer
from longtake.agent.events import emit
from longtake.agent.evidence import set_aside_answer
from longtake.agent.outcomes import same_stretch, shown_views
from longtake.agent.seeking import in_order, needs_all
from longtake.agent.sightings import Sighting, frame_gap, part, sightings
from longtake.agent.state import Observation, State, Wish
from longtake.timing import Span
from longtake.tools.library import Library

ENOUGH = 0.95
"""Confidence from which nothing more is looked at."""
COARSE_S = 2.0
"""Moments seen in frames further apart than this are looked at again for their bounds."""
COARSE_TIME_S = 0.5
"""The same when the question asks for a time."""
TELLING = 0.3
"""Confidence from which a closer look that an observation asks for pays."""
MOMENTS = 2
"""Moments whose bounds are looked for."""
TOGETHER_S = 30.0
"""Both edges of a moment are shown in one look up to this length."""
LEAST_STEPS = 4
"""Steps of the graph that answering and checking need."""


async def reflect(
    state: State, runtime: Runtime[Context]
) -> Command[Literal["select", "retrieve", "answer"]]:
    """Graph node: decide the next step."""
    desk = await desk_of(state, runtime)
    set_aside_answer(desk, state)
    decision = by_rules(desk.library, state)
    usable, refused = state.get("reflecting", True), state.get("refused", "")
    if decision is None and usable:
        said = await by_model(desk, state)
        decision, usable, refused = said.decision, said.usable, said.refused
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
        "refused": refused,
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
        shown = any(shows_same(wish, view) for view in shown_views(state))
        if not shown and not any(same_stretch(wish, other) for other in fresh):
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


def _round_of(state: State, observation: Observation) -> int:
    return next(v["round"] for v in state["views"] if v["id"] == observation["view"])


def _sure(library: Library, state: State) -> float:
    return confidence(state, draft_answer(state, library.sentence_encoder)["confidence"])
