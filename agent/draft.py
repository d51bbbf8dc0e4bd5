"""Rows -> draft answer in evidence mode: for each part of the question the stored sentence that
answers it, or nothing."""

from collections.abc import Sequence

from longtake.agent.choices import choice_confidence, choose
from longtake.agent.citations import row_citation
from longtake.agent.reader import Reading, confidence, missing_names, read, threshold
from longtake.agent.state import Absence, Citation, Draft, Row, State, SubQuery
from longtake.index.lanes import SentenceEncoder

LEADS = 3
"""Near misses worth showing."""
ABSENT_LEADS = 8
"""Lines that show that there is no answer."""
LEAD_SCORE = 0.25
"""Readings below it are not even near."""
OPEN_ROWS = 2
"""Sentences quoted for 'what is said after ...'."""
VIDEOS = 3
"""Videos named for 'in which video ...'."""
VIDEO_SHARE = 0.75
"""A further video is named when its line is at least this near to the best one's score."""


def draft_answer(state: State, encoder: SentenceEncoder | None) -> Draft:
    """The draft that the state's rows allow."""
    plan, rows = state["plan"], state["rows"]
    relation = plan["relation"]
    if relation is not None and relation["open"]:
        return _beside_answer(state)
    readings = [
        read(asked, [row for row in rows if row["query"] == index], encoder)
        for index, asked in enumerate(plan["sub_queries"])
    ]
    options = state.get("options") or []
    if options:
        return _choice_answer(state, options, readings[0], encoder)
    return _quoted_answer(state, readings, encoder)


def _quoted_answer(
    state: State, readings: Sequence[Sequence[Reading]], encoder: SentenceEncoder | None
) -> Draft:
    """One quote a sub-query, those above the threshold only."""
    plan = state["plan"]
    blind = encoder is None
    citations: list[Citation] = []
    leads: list[Citation] = []
    sure: list[float] = []
    best = 0.0
    unanswered: list[str] = []
    for index, (asked, found) in enumerate(zip(plan["sub_queries"], readings, strict=True)):
        certainty = _certainty(asked, found, encoder)
        best = max(best, certainty)
        if certainty >= threshold(blind=blind):
            sure.append(certainty)
            if plan["across_videos"]:
                citations += [_citation(reading, index) for reading in _videos(found)]
            elif asked["answer_type"] == "time":
                citations.append(_citation(found[0], index))
            else:
                citations += [_citation(found[0], index), *_context(found[0], index)]
        else:
            unanswered.append(asked["text"])
            leads += [_citation(r, index) for r in found[:LEADS] if r.score >= LEAD_SCORE]
    reason = "; ".join(f"no line answers {text!r}" for text in unanswered) or None
    return {
        "citations": citations,
        "leads": leads[:LEADS] + _pictures(state["rows"]),
        "option": None,
        "option_scores": {},
        "confidence": min(sure, default=best),
        "abstained": not citations,
        "reason": reason,
    }


def _certainty(asked: SubQuery, found: Sequence[Reading], encoder: SentenceEncoder | None) -> float:
    """Confidence of the best reading; a name that no near line holds makes it an abstention."""
    certainty = confidence(asked, found, encoder)
    if found and missing_names(asked["text"], " ".join(r.text for r in found[:5])):
        return min(certainty, threshold(blind=encoder is None) / 2)
    return certainty


def _videos(found: Sequence[Reading]) -> list[Reading]:
    """The best reading of each video that comes near the best of all."""
    best: dict[str, Reading] = {}
    for reading in found:
        best.setdefault(reading.rows[0]["video_id"], reading)
    near = [r for r in best.values() if r.score >= VIDEO_SHARE * found[0].score]
    return near[:VIDEOS]


def _beside_answer(state: State) -> Draft:
    """What is said or shown after, before or during the anchor."""
    anchor = state.get("anchor")
    relation = state["plan"]["relation"]
    beside = [row for row in state["rows"] if row["beside"]]
    wanted = relation["target"]["lanes"] if relation is not None else []
    named = [row for row in beside if row["lane"] in wanted] if len(wanted) == 1 else []
    chosen = (named or [r for r in beside if r["lane"] == "speech"] or beside)[:OPEN_ROWS]
    chosen.sort(key=lambda row: row["start"])
    certainty = anchor["confidence"] if anchor is not None else 0.0
    abstained = not chosen or certainty < threshold(blind=False)
    reason = None
    if abstained and relation is not None:
        reason = f"no line shows when {relation['anchor']['text']!r} is"
        if chosen and anchor is None:
            reason = "the moment asked about was not found"
    citations = [row_citation(row) for row in chosen]
    return {
        "citations": [] if abstained else citations,
        "leads": (citations if abstained and anchor is not None else []) + _pictures(state["rows"]),
        "option": None,
        "option_scores": {},
        "confidence": certainty,
        "abstained": abstained,
        "reason": reason,
    }


def absent(absence: Absence) -> Draft:
    """No answer, for what is stored says that there is none."""
    return {
        "citations": [],
        "leads": [row_citation(row) for row in absence["rows"][:ABSENT_LEADS]],
        "option": None,
        "option_scores": {},
        "confidence": 0.0,
        "abstained": True,
        "reason": absence["reason"],
        "by": "rules",
    }


def _choice_answer(
    state: State,
    options: Sequence[str],
    readings: Sequence[Reading],
    encoder: SentenceEncoder | None,
) -> Draft:
    asked = state["plan"]["sub_queries"][0]
    choice = choose(asked, options, readings, encoder)
    if choice is None:
        return _quoted_answer(state, [readings], encoder)
    blind = encoder is None
    line = confidence(asked, readings, encoder)
    certainty = choice_confidence(choice, line)
    abstained = certainty < threshold(blind=blind)
    citation = _citation(choice.reading, 0)
    context = _context(choice.reading, 0)
    return {
        "citations": [] if abstained else [citation, *context],
        "leads": ([citation] if abstained else []) + _pictures(state["rows"]),
        "option": None if abstained else options[choice.option],
        "option_scores": dict(zip(options, choice.shares, strict=True)),
        "confidence": certainty,
        "abstained": abstained,
        "reason": "no line tells the options apart" if abstained else None,
    }


def _citation(reading: Reading, query: int) -> Citation:
    """The moment that answers: the reading's key row."""
    return {**row_citation(reading.key), "score": round(reading.score, 4), "query": query}


def _context(reading: Reading, query: int) -> list[Citation]:
    """The neighbour that the key row is read with."""
    return [{**row_citation(row), "query": query} for row in reading.context]


def _pictures(rows: Sequence[Row]) -> list[Citation]:
    """The nearest clips; nothing looked at them, so they are leads and never evidence."""
    return [row_citation(row) for row in rows if row["lane"] == "visual"][:LEADS]
