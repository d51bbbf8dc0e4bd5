"""The answer of a run with a model: asked with everything that was found, by labels; where the
model gives none that can be used, made by rule from the same evidence."""

import asyncio
import re
from collections.abc import Mapping, Sequence

from longtake.agent.belief import confidence
from longtake.agent.choices import by_time, choose
from longtake.agent.desk import Desk
from longtake.agent.draft import LEADS, draft_answer
from longtake.agent.evidence import Piece, answer_with, glanced, shown_pieces
from longtake.agent.reader import Reading
from longtake.agent.replies import AnswerReply, whole
from longtake.agent.requests import answer_again_request, letter, repair_request
from longtake.agent.rows import made_row
from longtake.agent.sightings import sightings
from longtake.agent.state import Citation, Draft, State
from longtake.agent.support import supported
from longtake.errors import BudgetExceeded, VlmError
from longtake.timing import Span
from longtake.tools.vlm.messages import Part, Request

SHARE_OF_OTHERS = 0.1
"""Belief left for the options that a model did not choose."""
SUPPORTED = 0.5
"""Confidence of a sighting from which a rule answers with it."""
SLACK_S = 0.5
"""A cited time may miss its moment by this much."""
NOTHING = "nothing was cited"
"""The fault of an answer without citations."""
_LETTER = re.compile(
    r"\W*(?:(?i:(?:the )?(?:correct |right |best )?(?:option|answer|choice)(?: is)?)\W*)?"
    r"([A-Z]{1,2})\s*(?:[).:\]].*)?",
    re.S,
)
"""A letter that stands alone or before a mark; "A red car" begins with an article."""


async def respond(desk: Desk, state: State) -> Draft:
    """The draft answer, by the model if its reply can be used."""
    found, pictures = await asyncio.to_thread(shown_pieces, desk, state)
    if not found and not state.get("options"):
        return by_rule(desk, state, found, "nothing was found that could answer")
    request = _fitted(desk, state, found, pictures)
    if request is None:
        return by_rule(desk, state, found, "the budget was too small to ask the model")
    again = state.get("draft") if state.get("asked_again") else None
    if again is not None:
        faults = again.get("faults") or [NOTHING]
        request = answer_again_request(request, again.get("said", ""), faults)
    try:
        reply = await desk.calls.structured(
            request, node="answer", purpose="answer", answer=True, repair=repair_request
        )
    except BudgetExceeded:
        return by_rule(desk, state, found, "the budget was too small to ask the model")
    except VlmError as exc:
        return by_rule(desk, state, found, f"the model could not be asked: {exc}")
    if not isinstance(reply.parsed, AnswerReply):
        return by_rule(desk, state, found, f"the model's answer was {reply.outcome}")
    shown = [view["id"] for view in glanced(state) if view["id"] in pictures]
    draft = from_reply(desk, state, found, reply.parsed, reply.text)
    return {**await asyncio.to_thread(supported, desk, state, draft, found), "shown": shown}


def _fitted(
    desk: Desk, state: State, found: Sequence[Piece], pictures: Mapping[str, Sequence[Part]]
) -> Request | None:
    """The request with as much of the evidence as its reserve holds; None when nothing fits."""
    for count in range(len(found), -1, -1):
        request = answer_with(state, found[:count], pictures)
        if desk.calls.fits(request, answer=True):
            return request if count or not found else None
    return None


def from_reply(
    desk: Desk, state: State, found: Sequence[Piece], reply: AnswerReply, said: str
) -> Draft:
    """A model's answer, its citations as the moments that their labels stand for."""
    options = state.get("options") or []
    option = chosen(options, reply.option, reply.answer)
    citations, faults = cited(found, reply)
    abstained = option is None if options else not reply.answer.strip()
    if options and option is None and reply.answer.strip():
        faults.append(f"{reply.answer!r}, which is none of the options")
    read = draft_answer(state, desk.library.sentence_encoder)["confidence"]
    sure = (reply.confidence + confidence(state, read)) / 2
    return {
        "citations": [] if abstained else citations,
        "leads": [piece.citation for piece in found[:LEADS]] if abstained else [],
        "option": option,
        "option_scores": _scores(options, option),
        "confidence": sure,
        "abstained": abstained,
        "reason": (reply.missing or "the evidence does not answer it") if abstained else None,
        "text": " ".join(reply.answer.split()),
        "said": whole(said),
        "faults": faults,
        "by": "model",
    }


def cited(found: Sequence[Piece], reply: AnswerReply) -> tuple[list[Citation], list[str]]:
    """Moments that a model cited, their times cut to the moment; and what it cited in vain."""
    by_label = {piece.label: piece.citation for piece in found}
    citations: list[Citation] = []
    faults: list[str] = []
    for citation in reply.evidence:
        label = citation.label.strip().strip("[]").upper()
        moment = by_label.get(label)
        if moment is None:
            faults.append(f"{citation.label!r}, which is no label of the list")
            continue
        start = moment["start"] if citation.start is None else citation.start
        end = moment["end"] if citation.end is None else citation.end
        low, high = min(start, end), max(start, end)
        if high < moment["start"] - SLACK_S or low > moment["end"] + SLACK_S:
            faults.append(f"{label} at {low:.1f}-{high:.1f} s, which lies outside of it")
            continue
        span = Span(
            min(max(low, moment["start"]), moment["end"]),
            max(min(high, moment["end"]), moment["start"]),
        )
        whole = moment["quote"] is not None
        kept: Citation = moment if whole else {**moment, "start": span.start, "end": span.end}
        if kept not in citations:
            citations.append(kept)
    return citations, faults


def chosen(options: Sequence[str], option: str | None, answer: str) -> str | None:
    """The option that a model means: by its letter, else by its text."""
    letters = {letter(i): text for i, text in enumerate(options)}
    for said in (option, answer):
        if not said:
            continue
        plain = " ".join(said.split())
        exact = [text for text in options if _bare(text) == _bare(plain)]
        if exact:
            return exact[0]
        match = _LETTER.fullmatch(plain)
        if match and match[1] in letters:
            return letters[match[1]]
        inside = [
            text
            for text in options
            if re.search(rf"(?<!\w){re.escape(_bare(text))}(?!\w)", plain.lower())
        ]
        if len(inside) == 1:
            return inside[0]
    return None


def _bare(text: str) -> str:
    return " ".join(text.lower().split()).strip(" .,;:!?\"'")


def _scores(options: Sequence[str], option: str | None) -> dict[str, float]:
    if option is None or len(options) < 2:
        return {}
    others = SHARE_OF_OTHERS / (len(options) - 1)
    return {text: 1 - SHARE_OF_OTHERS if text == option else others for text in options}


def by_rule(desk: Desk, state: State, found: Sequence[Piece], why: str) -> Draft:
    """The surest sighting, or the line that answers, whichever is surer; else an abstention."""
    encoder = desk.library.sentence_encoder
    read = draft_answer(state, encoder)
    note = f"made by rule: {why}"
    seen = _seen(state, found)
    best = max((p.citation["score"] for p in seen), default=0.0)
    if not seen or (not read["abstained"] and read["confidence"] >= best):
        return {**read, "by": "rules", "note": note}
    options = state.get("options") or []
    if options:
        return _chosen_by_rule(desk, state, seen, note)
    top = seen[0]
    return {
        "citations": [top.citation],
        "leads": [],
        "option": None,
        "option_scores": {},
        "confidence": min(best, confidence(state, 0.0)),
        "abstained": False,
        "reason": None,
        "text": top.words,
        "by": "rules",
        "note": note,
    }


def _seen(state: State, found: Sequence[Piece]) -> list[Piece]:
    """What looks saw of what is asked; nothing when it asks for the nth and fewer were seen."""
    targets = {s.view for s in sightings(state) if s.part == "target"}
    seen = [
        piece
        for piece in found
        if piece.citation.get("view") in targets and piece.citation["score"] >= SUPPORTED
    ]
    return seen if len(seen) >= (state["plan"]["nth"] or 1) else []


def _chosen_by_rule(desk: Desk, state: State, seen: Sequence[Piece], note: str) -> Draft:
    """The option that what was seen speaks for."""
    options = state.get("options") or []
    asked = state["plan"]["sub_queries"][0]
    first = seen[0].citation
    timed = by_time(options, Span(first["start"], first["end"]))
    if timed is not None:
        return {
            "citations": [first],
            "leads": [],
            "option": options[timed],
            "option_scores": _scores(options, options[timed]),
            "confidence": first["score"],
            "abstained": False,
            "reason": None,
            "text": seen[0].words,
            "by": "rules",
            "note": note,
        }
    readings = [_as_reading(piece) for piece in seen]
    choice = choose(asked, options, readings, desk.library.sentence_encoder)
    assert choice is not None
    place = readings.index(choice.reading)
    return {
        "citations": [seen[place].citation],
        "leads": [],
        "option": options[choice.option],
        "option_scores": dict(zip(options, choice.shares, strict=True)),
        "confidence": seen[place].citation["score"] * max(choice.shares),
        "abstained": False,
        "reason": None,
        "text": seen[place].words,
        "by": "rules",
        "note": note,
    }


def _as_reading(piece: Piece) -> Reading:
    """What was seen, as a line to hold against options."""
    citation = piece.citation
    span = Span(citation["start"], citation["end"])
    row = made_row(
        citation["lane"], 0, citation["video_id"], span, piece.words, score=citation["score"]
    )
    return Reading(
        rows=(row,), text=piece.words, score=citation["score"], cosine=0.0, coverage=0.0, key=row
    )
