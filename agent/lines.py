"""Lines of speech and on-screen text that are told to the model that answers, each with the
citation that it stands for."""

from collections.abc import Sequence

from longtake.agent.alike import has_another
from longtake.agent.citations import row_citation
from longtake.agent.codes import codes_in, names
from longtake.agent.desk import Desk
from longtake.agent.reader import read
from longtake.agent.seeking import counted_moment
from longtake.agent.state import Citation, Row, State
from longtake.timing import Span

MOST_READ = 8
"""Lines that come nearest to the question."""
MOST_BESIDE = 4
"""Lines on the screen together with the one that comes nearest."""
SURE = 1.0
"""Score of the line that says when, where a question counts."""
NEAR = 0.2
"""Readings that score less are not shown."""


def lines(desk: Desk, state: State) -> list[tuple[Citation, str]]:
    """Lines that come nearest to the question, those with a code that it asks for before all
    others; lines beside a moment asked about; and what is on
    the screen with the first."""
    encoder = desk.library.sentence_encoder
    rows: dict[tuple[str, int], tuple[float, Row, int]] = {}
    for index, asked in enumerate(state["plan"]["sub_queries"]):
        own = [row for row in state["rows"] if row["query"] == index or row["beside"]]
        for reading in read(asked, own, encoder):
            for row in reading.rows:
                score = reading.score + (0.2 if row["beside"] else 0.0)
                known = rows.get((row["lane"], row["id"]))
                if score >= NEAR and (known is None or score > known[0]):
                    rows[row["lane"], row["id"]] = (score, row, index)
    best = _telling(list(rows.values()), state)[:MOST_READ]
    found: list[tuple[Citation, str]] = [
        (
            {**row_citation(row), "score": round(score, 4), "query": index},
            row["text"] or "",
        )
        for score, row, index in best
    ]
    cited = [citation for citation, _ in found]
    beside = _on_screen_with(desk, cited[0], cited, state["question"]) if cited else []
    return [*found[:1], *beside, *found[1:]]


Scored = tuple[float, Row, int]
"""How near a line comes, the line, and the sub-query that found it."""


def _telling(found: Sequence[Scored], state: State) -> list[Scored]:
    """The most telling first: the one that says when, where the question counts, then those with
    the code asked for."""
    codes = codes_in(state["question"])
    found = sorted(found, key=lambda item: (not names(_text(item), codes), -item[0]))
    meant = counted_moment(state)
    if meant is None:
        return found
    key = meant["lane"], meant["id"]
    return [(SURE, meant, 0), *(i for i in found if (i[1]["lane"], i[1]["id"]) != key)]


def _text(scored: Scored) -> str:
    return scored[1]["text"] or ""


def _on_screen_with(
    desk: Desk, first: Citation, known: Sequence[Citation], question: str
) -> list[tuple[Citation, str]]:
    """What else is on the screen while a line is said or shown: who speaks, which day it is, which
    slide; not what is about another code where the line has the one asked for.

    Args:
        known: what is told already.
    """
    told = {row for citation in known if citation["lane"] == "text" for row in citation["rows"]}
    span = Span(first["start"], first["end"])
    records = [
        record
        for record in desk.library.cues(first["video_id"], span)
        if record.id not in told
        and record.cue.text != first["quote"]
        and not has_another(record.cue.text, first["quote"] or "", question)
    ]
    return [
        (
            {
                "lane": "text",
                "video_id": record.video_id,
                "start": record.cue.start,
                "end": record.cue.end,
                "quote": record.cue.text,
                "rows": [record.id],
                "score": NEAR,
                "query": first["query"],
            },
            record.cue.text,
        )
        for record in records[:MOST_BESIDE]
    ]
