"""Whether what an answer cites is about the code that the question asks for: a model that is shown
the row of `LRR49` readily answers with it when asked for `LRR29`."""

from collections.abc import Sequence

from longtake.agent.codes import codes_in, compares, other_code
from longtake.agent.desk import Desk
from longtake.agent.draft import LEADS
from longtake.agent.evidence import Piece
from longtake.agent.state import Citation, Draft, State
from longtake.timing import Span
from longtake.tools.query import words

SLACK_S = 1.0
"""Lines this near to a moment were heard or seen with it."""


def supported(desk: Desk, state: State, draft: Draft, told: Sequence[Piece]) -> Draft:
    """The draft without citations of lines about another code than the question's, or of moments
    where only such lines hold the answer, or none does and all that was found is such lines; an
    abstention where none is left, or where it cites nothing and only such lines hold it.

    Args:
        told: the evidence that the answer was made from.
    """
    codes = codes_in(state["question"])
    if draft["abstained"] or not codes or compares(state["question"]):
        return draft
    answer = {word.lower() for word in words(draft["option"] or draft.get("text") or "")}
    found = [row["text"] or "" for row in state["rows"]]
    found += [piece.citation["quote"] or "" for piece in told]
    judged = [(c, _instead(desk, codes, c, answer, found)) for c in draft["citations"]]
    kept = [citation for citation, instead in judged if instead is None]
    wrong = [instead for _, instead in judged if instead is not None]
    if not judged:
        instead = _held_by(codes, answer, found)
        wrong = [instead] if instead is not None else []
    if kept or not wrong:
        return {**draft, "citations": kept}
    return {
        **draft,
        "citations": [],
        "leads": [citation for citation, _ in judged][:LEADS],
        "option": None,
        "option_scores": {},
        "abstained": True,
        "reason": f"what holds {draft.get('text') or draft['option']!r} is about {wrong[0]}",
    }


def _instead(
    desk: Desk, codes: frozenset[str], citation: Citation, answer: set[str], found: Sequence[str]
) -> str | None:
    """The code that a cited moment is about in place of the one asked for."""
    if citation["quote"] is not None:
        return other_code(citation["quote"], codes)
    around = Span(max(0.0, citation["start"] - SLACK_S), citation["end"] + SLACK_S)
    video = citation["video_id"]
    said = [record.segment.text for record in desk.library.segments(video, around)]
    written = [record.cue.text for record in desk.library.cues(video, around)]
    there = [*said, *written]
    return _held_by(codes, answer, there if _holding(answer, there) else found)


def _held_by(codes: frozenset[str], answer: set[str], lines: Sequence[str]) -> str | None:
    """The other code of the lines that hold an answer, where each of them has one."""
    others = [other_code(line, codes) for line in _holding(answer, lines)]
    return others[0] if others and all(others) else None


def _holding(answer: set[str], lines: Sequence[str]) -> list[str]:
    return [line for line in lines if answer and answer <= {w.lower() for w in words(line)}]
