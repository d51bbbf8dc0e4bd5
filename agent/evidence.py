"""What was found, labelled and ordered for the model that answers: observations, then what was said
and written. A label stands for exactly one stored or observed moment, so that a citation can be
checked."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from longtake.agent.citations import view_citation
from longtake.agent.desk import Desk
from longtake.agent.lines import lines
from longtake.agent.quotes import KINDS, cut, moment_head
from longtake.agent.requests import Quote, answer_request
from longtake.agent.seeking import in_order
from longtake.agent.sightings import sightings
from longtake.agent.state import Citation, State, View
from longtake.agent.views import shown_of
from longtake.errors import BudgetExceeded, MediaError
from longtake.tools.view import blank_parts
from longtake.tools.vlm.messages import Part, Request, Text

MOST_PIECES = 16
TOLD = 6
"""Pieces shown for a decision."""
ROOM = 256
"""Tokens of evidence of a further round that the answer's reserve has room for."""
RESERVE_SHARE = 0.5
"""Most of a budget that the answer may set aside."""
SHOWN = "shown"
"""Kind of a piece whose frames are shown."""
GLANCED = 0.5
"""Score of a moment that was shown with the question and cited: nobody looked at it by itself."""
NO_PICTURES: Mapping[str, Sequence[Part]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One labelled moment."""

    label: str
    head: str
    words: str
    """Empty where the frames themselves are shown."""
    citation: Citation


def pieces(desk: Desk, state: State) -> list[Piece]:
    """Everything worth telling, most telling first."""
    return _labelled(
        desk,
        [*_glanced(glanced(state)), *_seen(state), *lines(desk, state), *_unsure(state)],
    )


def glanced_pieces(desk: Desk, views: Sequence[View]) -> list[Piece]:
    """Those of views that are shown with the answer, by themselves: for prices."""
    return _labelled(desk, _glanced(views))


def _labelled(desk: Desk, found: Sequence[tuple[Citation, str]]) -> list[Piece]:
    made = []
    for number, (citation, words) in enumerate(found[:MOST_PIECES], 1):
        label = f"E{number}"
        head = moment_head(
            label,
            desk.label(citation["video_id"]),
            citation["start"],
            citation["end"],
            KINDS[citation["lane"]] if words else SHOWN,
        )
        made.append(Piece(label=label, head=head, words=cut(words), citation=citation))
    return made


def shown_pieces(desk: Desk, state: State) -> tuple[list[Piece], dict[str, Sequence[Part]]]:
    """The same, and the pictures of those views that are shown with the answer, by id; a view whose
    file cannot be read is left out."""
    pictures: dict[str, Sequence[Part]] = {}
    for view in glanced(state):
        with contextlib.suppress(MediaError):
            pictures[view["id"]] = desk.viewer.parts(shown_of(view))
    left = [piece for piece in pieces(desk, state) if piece.words or _view_of(piece) in pictures]
    return left, pictures


def _view_of(piece: Piece) -> str:
    return piece.citation.get("view", "")


def told(desk: Desk, state: State) -> list[Quote]:
    """The most telling pieces, for a decision."""
    return [(piece.head, piece.words) for piece in pieces(desk, state)[:TOLD]]


def answer_with(
    state: State, found: Sequence[Piece], pictures: Mapping[str, Sequence[Part]] = NO_PICTURES
) -> Request:
    """The request for the final answer.

    Args:
        pictures: of views that are shown with it, by id; their pieces must be among `found`.
    """
    shown: list[Part] = []
    for piece in found:
        if not piece.words:
            shown += [Text(text=f"[{piece.head}]\n"), *pictures[_view_of(piece)]]
    return answer_request(
        *shown,
        question=state["question"],
        options=state.get("options") or [],
        evidence=[(piece.head, piece.words) for piece in found if piece.words],
    )


def glanced(state: State) -> list[View]:
    """Views that are shown in the call that answers."""
    return [view for view in state.get("views") or [] if view["kind"] == "glance"]


def blank_pictures(views: Sequence[View]) -> dict[str, tuple[Part, ...]]:
    """Pictures of views by id, without pixels: for prices."""
    return {view["id"]: blank_parts(shown_of(view)) for view in views}


def set_aside_answer(desk: Desk, state: State) -> None:
    """Set the answer's reserve to what an answer from what is found by now costs, with room for
    what one more round finds.

    Half of the budget at most; nothing when the answer would not even fit there without evidence.
    """
    found = pieces(desk, state) if state.get("rows") is not None else ()
    most = int(desk.ledger.limit * RESERVE_SHARE)
    wanted = min(desk.calls.price(answer_with(state, found)).total + ROOM, most)
    if desk.calls.price(answer_with(state, ())).total > most:
        wanted = 0
    try:
        desk.calls.set_aside(wanted)
    except BudgetExceeded as exc:
        desk.calls.set_aside(exc.left)


def _glanced(views: Sequence[View]) -> list[tuple[Citation, str]]:
    """Moments whose frames are shown with the question."""
    return [
        (
            view_citation(
                view["video_id"], view["start"], view["end"], view=view["id"], score=GLANCED
            ),
            "",
        )
        for view in views
    ]


def _seen(state: State) -> list[tuple[Citation, str]]:
    """Moments that looks found: surest first, or in the order that the question asks for."""
    return [
        (
            view_citation(
                sighting.video_id,
                sighting.span.start,
                sighting.span.end,
                view=sighting.view,
                score=round(sighting.confidence, 4),
            ),
            sighting.claim,
        )
        for sighting in in_order(state, sightings(state))
    ]


def _unsure(state: State) -> list[tuple[Citation, str]]:
    """What looks said that did not bear on the question: it may rule something out."""
    return [
        (
            view_citation(
                o["video_id"],
                o["start"],
                o["end"],
                view=o["view"],
                score=round(o["confidence"] / 2, 4),
            ),
            o["claim"],
        )
        for o in state.get("observations") or []
        if not o["relevant"] and o["claim"]
    ]
