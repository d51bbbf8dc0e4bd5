"""What looks are for. A question with a relation in time ("what colour comes after the green?") has
the moment it refers to found first, then what is asked about it; a question for the first, last or
nth of several moments is about their order."""

from collections.abc import Sequence
from dataclasses import dataclass

from typing_extensions import TypedDict

from longtake.agent.plan import without_count
from longtake.agent.reader import threshold
from longtake.agent.sightings import Sighting, sightings
from longtake.agent.state import LaneName, Observation, Order, Part, Relation, Row, State
from longtake.timing import Span

ANCHOR_ROUNDS = 3
"""Rounds after which the moment referred to is no longer looked for by itself."""
FOUND = 0.5
"""Confidence of a sighting from which it is the moment referred to."""
BESIDE_S = 45.0
"""How far after or before a moment is still 'after' or 'before' it."""
DURING_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """The stretch in which the answer to a relation in time lies."""

    video_id: str
    span: Span
    backwards: bool
    """The nearest moments are at its end."""


def part_of(state: State) -> Part:
    """What the next looks are for: `anchor` while the moment that a relation in time refers to is
    neither read nor seen, else `target`."""
    relation = state["plan"]["relation"]
    if relation is None or relation["anchor"]["lanes"] == ["speech"]:
        return "target"  # words cannot be seen
    if beside(state) is not None:
        return "target"
    rounds = {v["round"] for v in state.get("views") or [] if v.get("part") == "anchor"}
    return "target" if len(rounds) >= ANCHOR_ROUNDS else "anchor"


class Asking(TypedDict):
    """What a look answers."""

    question: str
    several: bool
    """Every time that it is seen is wanted."""


def asked_of(state: State, part: Part) -> Asking:
    """What a look of that part answers."""
    several = part == "target" and needs_all(state)
    return {"question": _question(state, part), "several": several}


def needs_all(state: State) -> bool:
    """Whether one clear moment is not enough."""
    plan = state["plan"]
    kinds = {query["answer_type"] for query in plan["sub_queries"]}
    counting = "number" in kinds and all(q["lanes"] == ["visual"] for q in plan["sub_queries"])
    return plan["whole"] or plan["order"] is not None or "list" in kinds or counting


def asked_lanes(state: State) -> set[LaneName]:
    """Lanes that the question's words point to."""
    return {lane for asked in state["plan"]["sub_queries"] for lane in asked["lanes"]}


def from_an_end(state: State) -> bool:
    """Whether to look on from one end of a video, one look after another, where the first or last
    of something to be seen is asked for: what is seen decides whether the next is needed."""
    return state["plan"]["order"] in ("first", "last") and "visual" in asked_lanes(state)


def _question(state: State, part: Part) -> str:
    relation = state["plan"]["relation"]
    if relation is None:
        return state["question"]
    if part == "anchor":
        return f"When is this: {relation['anchor']['text']}?"
    if beside(state) is None:
        return state["question"]
    if relation["kind"] == "during":
        return f"{relation['target']['text']} when {without_count(relation['anchor']['text'])}?"
    return (
        f"{relation['target']['text']}? These frames are from just {relation['kind']} the moment "
        "asked about."
    )


def beside(state: State) -> Beside | None:
    """Where the answer to a relation in time lies, by what was read or seen of its anchor; None
    without a relation, or while its anchor is not found."""
    relation = state["plan"]["relation"]
    moment = _anchor(state)
    if relation is None or moment is None:
        return None
    video_id, span = moment
    stretch = stretch_beside(span, relation["kind"])
    return Beside(video_id=video_id, span=stretch, backwards=relation["kind"] == "before")


def stretch_beside(moment: Span, kind: Relation) -> Span:
    """What is still after, before or during a moment."""
    if kind == "after":
        return Span(moment.end, moment.end + BESIDE_S)
    if kind == "before":
        return Span(max(0.0, moment.start - BESIDE_S), moment.start)
    return Span(max(0.0, moment.start - DURING_S), moment.end + DURING_S)


def _anchor(state: State) -> tuple[str, Span] | None:
    read = state.get("anchor")
    if read is not None and read["confidence"] >= threshold(blind=False):
        first, last = read["rows"][0], read["rows"][-1]
        return first["video_id"], Span(first["start"], max(first["end"], last["end"]))
    seen = [s for s in sightings(state) if s.part == "anchor" and s.confidence >= FOUND]
    order, nth = relation_order(state)
    if order is not None:
        seen.sort(key=lambda s: (s.video_id, s.span.start), reverse=order == "last")
        seen = seen[(nth or 1) - 1 :]
    return (seen[0].video_id, seen[0].span) if seen else None


def relation_order(state: State) -> tuple[Order | None, int | None]:
    """Which of several moments a relation in time refers to: its order, and its number of `nth`."""
    relation = state["plan"]["relation"]
    return (relation.get("order"), relation.get("nth")) if relation else (None, None)


def counted_moment(state: State) -> Row | None:
    """The line that says for the nth time what a relation in time refers to, where it counts and
    what was read of it is that moment."""
    read = state.get("anchor")
    order, _ = relation_order(state)
    if order is None or read is None or read["confidence"] < threshold(blind=False):
        return None
    return read["rows"][0]


def telling(state: State) -> list[Observation]:
    """Observations that bear on what is asked, not only on the moment it refers to."""
    parts = {view["id"]: view.get("part", "target") for view in state.get("views") or []}
    return [
        o for o in state.get("observations") or [] if o["relevant"] and parts[o["view"]] == "target"
    ]


def in_order(state: State, found: Sequence[Sighting]) -> list[Sighting]:
    """Sightings as the question orders them: by time from the one asked for when it asks for the
    first, last or nth, else as they come; those of the moment referred to last."""
    order, nth = state["plan"]["order"], state["plan"]["nth"]
    target = [s for s in found if s.part == "target"]
    rest = [s for s in found if s.part != "target"]
    if order is not None:
        target.sort(key=lambda s: (s.video_id, s.span.start), reverse=order == "last")
        place = nth - 1 if order == "nth" and nth else 0
        target = target[place:] + target[:place]
    return [*target, *rest]


def decided_after(state: State) -> dict[str, Span]:
    """For each video the stretch that cannot change which moment is the first, last or nth, given
    the sightings there."""
    order, nth = state["plan"]["order"], state["plan"]["nth"]
    if order is None:
        return {}
    spans: dict[str, list[Span]] = {}
    for sighting in sightings(state):
        if sighting.part == "target" and sighting.confidence >= FOUND:
            spans.setdefault(sighting.video_id, []).append(sighting.span)
    wanted = nth if order == "nth" and nth else 1
    decided = {}
    for video_id, seen in spans.items():
        seen.sort(key=lambda span: span.start)
        if len(seen) < wanted:
            continue
        if order == "last":
            decided[video_id] = Span(0.0, seen[-1].start)
        else:
            decided[video_id] = Span(seen[wanted - 1].end, float(10**9))
    return decided
