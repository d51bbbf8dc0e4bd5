"""When something is said or written for the first, last or nth time: every line that holds all of
its words, in the order of time."""

from typing import NamedTuple

from longtake.agent.plan import is_heard, perceived
from longtake.agent.rows import made_row
from longtake.agent.state import Absence, LaneName, Ordinal, Row, State, SubQuery
from longtake.index.records import TextLane
from longtake.timing import Span
from longtake.tools.library import Library
from longtake.tools.query import coverage, terms

MOST = 1000
"""Lines that are counted."""
COUNTED = 0.9
"""Confidence of a moment found by counting: recognition may have missed a line before it."""
MOST_WORDS = 3
"""Words of a subject, those about videos apart: a longer one is put differently each time."""
COMPLETE = "searched"
"""Report of a lane of which nothing is missing."""


class Counted(NamedTuple):
    """What counting found."""

    meant: Row | None = None
    """The line counted to."""
    absence: Absence | None = None
    """A complete transcript holds fewer such lines than the question counts."""
    others: frozenset[tuple[LaneName, int]] = frozenset()
    """Lane and id of the other lines that say the same."""


def counted(library: Library, state: State, searched: dict[str, str]) -> Counted:
    """The line counted to by what is heard or written: of the moment that a relation in time refers
    to, else of what is asked itself. Nothing where the question does not count, where its words
    point to no single lane of text or are too many to be said alike each time, or where several
    videos have such lines.

    Args:
        searched: what of each lane could be searched.
    """
    asked, ordinal = _asked(state)
    heard = is_heard(asked["text"])
    lane: LaneName = "speech" if heard else asked["lanes"][0]
    if ordinal["order"] is None or lane == "visual" or (len(asked["lanes"]) > 1 and not heard):
        return Counted()
    subject = perceived(asked["statement"])
    found = _mentions(library, subject, lane, state)
    if len({row["video_id"] for row in found}) != 1:
        return Counted()
    place = {"first": 1, "last": len(found)}.get(ordinal["order"], ordinal["nth"] or 1)
    if place <= len(found):
        meant = found.pop(place - 1)
        return Counted(meant, None, frozenset((lane, row["id"]) for row in found))
    if searched.get(lane) != COMPLETE:
        return Counted()
    times = "once" if len(found) == 1 else f"{len(found)} times"
    told = "heard" if lane == "speech" else "written"
    reason = f"{subject!r} is {told} {times}, not {place}"
    return Counted(absence={"reason": reason, "rows": found})


def _asked(state: State) -> tuple[SubQuery, Ordinal]:
    """What is counted, and to which."""
    plan = state["plan"]
    relation = plan["relation"]
    if relation is None:
        return plan["sub_queries"][0], {"order": plan["order"], "nth": plan["nth"]}
    return relation["anchor"], {"order": relation.get("order"), "nth": relation.get("nth")}


def _mentions(library: Library, subject: str, lane: TextLane, state: State) -> list[Row]:
    """Lines with every word of a subject, in the order of time."""
    wanted = terms(subject)
    if not 0 < len(wanted) <= MOST_WORDS:
        return []
    between = state.get("between") or None
    matches = library.store.search_text(
        subject,
        lanes=[lane],
        videos=tuple(state.get("videos") or ()) or None,
        between=Span(between[0], between[1]) if between else None,
        limit=MOST,
    )
    rows = [
        made_row(lane, m.id, m.video_id, Span(m.start, m.end), m.text, score=1.0)
        for m in matches
        if coverage(wanted, m.text) == 1
    ]
    return sorted(rows, key=lambda row: (row["video_id"], row["start"]))
