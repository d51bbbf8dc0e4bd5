"""Plan -> rows: what is stored about each sub-query, its neighbours, and what lies beside a
moment asked about."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Literal

from langgraph.runtime import Runtime
from langgraph.types import Command

from longtake.agent.alike import without_others
from longtake.agent.context import Context, library_of
from longtake.agent.desk import desk_of, has_model
from longtake.agent.events import emit
from longtake.agent.mentions import COUNTED, counted
from longtake.agent.reader import confidence, read
from longtake.agent.rows import made_row
from longtake.agent.seeking import stretch_beside
from longtake.agent.state import Absence, Anchor, LaneName, Relation, Row, State, SubQuery
from longtake.errors import UsageError
from longtake.timing import Span
from longtake.tools.hits import LANES, Hit
from longtake.tools.library import Library
from longtake.tools.search import SearchOptions, search_rows

NEIGHBOURS_OF = 8
"""Best rows of a sub-query whose neighbours are fetched too."""
NEIGHBOUR_S = 8.0
BESIDE_ROWS = 5
PICTURES, MOST_PICTURES = 3, 12
"""Clips that a search brings, and where a question counts or lists."""

POLICIES: Mapping[str, Literal["select", "show"]] = {
    "default": "select",
    "love_zoom": "show",
    "spotlight": "show",
}
"""Policy -> the node that looks first."""


async def retrieve(
    state: State, runtime: Runtime[Context]
) -> Command[Literal["select", "show", "answer"]]:
    """Graph node: rows for every sub-query that was not searched yet, and which lanes were."""
    context = runtime.context or Context()
    library = library_of(context)
    update = await asyncio.to_thread(retrieve_rows, library, state, context)
    update["trace"] = emit(runtime, "retrieved", rows=len(update["rows"]), lanes=update["searched"])
    return Command(goto=await _next(state, runtime, update["absence"]), update=update)


async def _next(
    state: State, runtime: Runtime[Context], absence: Absence | None
) -> Literal["select", "show", "answer"]:
    if absence is not None or not has_model(runtime):
        return "answer"
    policy = (await desk_of(state, runtime)).policy
    if policy not in POLICIES:
        raise UsageError(f"no policy {policy!r}; there are {', '.join(POLICIES)}")
    return POLICIES[policy]


def retrieve_rows(library: Library, state: State, context: Context) -> State:
    """What the library holds about a planned question, beside what the state has already."""
    rows: list[Row] = list(state.get("rows") or [])
    searched: dict[str, str] = dict(state.get("searched") or {})
    queries = state["plan"]["sub_queries"]
    done = state.get("retrieved", 0)
    for index, asked in enumerate(queries[done:], done):
        found, reports = _search(library, asked, state, context, index)
        searched |= reports
        rows += _allowed(_with_neighbours(library, found), state)
    plan = state["plan"]
    anchor, absence = state.get("anchor"), state.get("absence")
    if not done:
        meant, absence, others = counted(library, state, searched)
        rows = [row for row in rows if (row["lane"], row["id"]) not in others]
        relation = plan["relation"]
        if relation is not None and absence is None:
            anchor = (
                {"rows": [meant], "confidence": COUNTED}
                if meant is not None
                else _anchor(library, relation["anchor"], state, context)
            )
            if anchor is not None:
                beside = _beside(library, anchor, relation["kind"])
                rows = _merge(rows, _allowed(beside, state))
        elif meant is not None:
            rows = _merge(rows, [meant])
            plan = {**plan, "order": None, "nth": None}  # nothing is left to be counted
    return {
        "plan": plan,
        "rows": without_others(state, rows),
        "anchor": anchor,
        "absence": absence,
        "searched": searched,
        "retrieved": len(queries),
    }


def _allowed(rows: list[Row], state: State) -> list[Row]:
    """Rows of the stretch that the question is about."""
    between = state.get("between")
    if not between:
        return rows
    return [row for row in rows if row["end"] > between[0] and row["start"] < between[1]]


def _search(
    library: Library, asked: SubQuery, state: State, context: Context, index: int
) -> tuple[list[Row], dict[str, str]]:
    """The best rows of a sub-query over all lanes; lanes only it names are no filter but a
    preference. Options are searched for only when the settings say so."""
    between = state.get("between") or None
    words = [asked["text"]]
    if index == 0 and library.settings.agent.search_options:
        words += state.get("options") or []
    options = SearchOptions(
        lanes=LANES,
        videos=tuple(state.get("videos") or ()) or None,
        between=Span(between[0], between[1]) if between else None,
        limit=context.depth,
    )
    result = search_rows(
        library.store,
        " ".join(words),
        options=options,
        sentences=library.sentence_encoder,
        images=library.image_encoder,
    )
    quoted = [hit for hit in result.hits if hit.quote and library.may_quote(hit.lane, hit.span)]
    quoted = quoted[: 2 * context.depth]
    several = asked["answer_type"] in ("number", "list") or state["plan"]["whole"]
    most = MOST_PICTURES if several else PICTURES
    pictures = [hit for hit in result.hits if not hit.quote][:most]
    rows = [_row(hit, index) for hit in quoted + pictures]
    return rows, {str(lane): report for lane, report in result.searched.items()}


def _row(hit: Hit, query: int) -> Row:
    return made_row(
        hit.lane, hit.rows[0], hit.video_id, Span(hit.start, hit.end), hit.quote,
        frame_time=hit.frame_time, score=hit.score, query=query,
    )  # fmt: skip


def _with_neighbours(library: Library, rows: list[Row]) -> list[Row]:
    """The rows, and the sentences just before and after the best of them."""
    have = {(row["lane"], row["id"]) for row in rows}
    more: list[Row] = []
    for row in [r for r in rows if r["lane"] == "speech"][:NEIGHBOURS_OF]:
        around = Span(max(0.0, row["start"] - NEIGHBOUR_S), row["end"] + NEIGHBOUR_S)
        for near in rows_in(library, row["video_id"], around, ["speech"], row["query"]):
            key = near["lane"], near["id"]
            if abs(near["id"] - row["id"]) == 1 and key not in have:
                have.add(key)
                more.append(near)
    return rows + more


def rows_in(
    library: Library, video_id: str, span: Span, lanes: Iterable[LaneName], query: int
) -> list[Row]:
    """Speech and text that overlaps a span of a video, in the order of time."""
    rows: list[Row] = []
    for lane in lanes:
        if lane == "speech":
            found = [
                (s.id, s.segment.start, s.segment.end, s.segment.text)
                for s in library.segments(video_id, span)
            ]
        else:
            found = [
                (c.id, c.cue.start, c.cue.end, c.cue.text) for c in library.cues(video_id, span)
            ]
        rows += [
            made_row(lane, row_id, video_id, Span(start, end), text, query=query)
            for row_id, start, end, text in found
        ]
    return sorted(rows, key=lambda r: (r["start"], r["id"]))


def _anchor(library: Library, asked: SubQuery, state: State, context: Context) -> Anchor | None:
    """The moment a time relation refers to."""
    found, _ = _search(library, asked, state, context, 0)
    encoder = library.sentence_encoder
    readings = read(asked, found, encoder)
    if not readings:
        return None
    return {
        "rows": list(readings[0].rows),
        "confidence": confidence(asked, readings, encoder),
    }


def _beside(library: Library, anchor: Anchor, kind: Relation) -> list[Row]:
    """Rows after, before or during the anchor, nearest in time first."""
    first, last = anchor["rows"][0], anchor["rows"][-1]
    start, end = first["start"], max(last["end"], first["end"])
    span = stretch_beside(Span(start, end), kind)
    own = {(row["lane"], row["id"]) for row in anchor["rows"]}
    rows = [
        row
        for row in rows_in(library, first["video_id"], span, ("speech", "text"), 0)
        if (row["lane"], row["id"]) not in own and _stands(row, kind, start, end)
    ]
    if kind == "before":
        rows.reverse()
    kept: list[Row] = []
    for lane in ("speech", "text"):
        kept += [row for row in rows if row["lane"] == lane][:BESIDE_ROWS]
    return [{**row, "beside": True} for row in kept]


def _stands(row: Row, kind: Relation, start: float, end: float) -> bool:
    """Whether a row really lies after or before the anchor (a slide that was up all along does
    not)."""
    if kind == "after":
        return row["start"] >= end - 0.05
    if kind == "before":
        return row["end"] <= start + 0.05
    return True


def _merge(rows: list[Row], beside: list[Row]) -> list[Row]:
    """All rows once; those beside the anchor win."""
    keys = {(row["lane"], row["id"]) for row in beside}
    return [row for row in rows if (row["lane"], row["id"]) not in keys] + beside
