"""Lines of speech and on-screen text that are told to the model that answers, each with the
citation that it stands for."""

import re
from collections.abc import Sequence

from longtake.agent.citations import row_citation
from longtake.agent.desk import Desk
from longtake.agent.reader import read
from longtake.agent.state import Citation, Row, State
from longtake.timing import Span
from longtake.tools.query import words

MOST_READ = 8
"""Lines that come nearest to the question."""
MOST_BESIDE = 4
"""Lines on the screen together with the one that comes nearest."""
CODE = 4
"""Letters and digits that a word with digits has at least to be a code."""
NEAR = 0.2
"""Readings that score less are not shown."""


def lines(desk: Desk, state: State) -> list[tuple[Citation, str]]:
    """Lines that come nearest to the question, those with a code that it asks for before all
    others, lines beside a moment asked about, and what is on the screen with the first."""
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
    codes = _codes(state["question"])
    best = sorted(rows.values(), key=lambda item: (not _has(codes, item[1]), -item[0]))[:MOST_READ]
    found: list[tuple[Citation, str]] = [
        (
            {**row_citation(row), "score": round(score, 4), "query": index},
            row["text"] or "",
        )
        for score, row, index in best
    ]
    cited = [citation for citation, _ in found]
    return [*found, *(_on_screen_with(desk, cited[0], cited) if cited else [])]


def _codes(question: str) -> set[str]:
    """Words that stand for one thing and no other, such as `CH986`: they have digits."""
    return {
        word.lower() for word in words(question) if len(word) >= CODE and re.search(r"\d", word)
    }


def _has(codes: set[str], row: Row) -> bool:
    return any(word.lower() in codes for word in words(row["text"] or ""))


def _on_screen_with(
    desk: Desk, first: Citation, known: Sequence[Citation]
) -> list[tuple[Citation, str]]:
    """What else is on the screen while a line is said or shown: who speaks, which day it is, which
    slide.

    Args:
        known: what is told already.
    """
    told = {row for citation in known if citation["lane"] == "text" for row in citation["rows"]}
    span = Span(first["start"], first["end"])
    records = [
        record
        for record in desk.library.cues(first["video_id"], span)
        if record.id not in told and record.cue.text != first["quote"]
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
