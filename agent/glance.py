"""Frames beside the question itself: what a budget that has no room for a look and an answer still
shows the model, in the one call that answers."""

from collections.abc import Sequence
from functools import partial

from longtake.agent.desk import Desk
from longtake.agent.evidence import Piece, answer_with, blank_pictures, glanced_pieces, pieces
from longtake.agent.seeking import part_of
from longtake.agent.state import State, View, Wish
from longtake.agent.views import Place, fitted_view, view_of
from longtake.agent.wishes import Outlook, outlook, own_wishes, worth
from longtake.timing import Span
from longtake.tools.fit import Detail, fit
from longtake.tools.view import View as Shown
from longtake.tools.view import box_of, spread_times
from longtake.tools.zoom import Zoom, zoomed

MOST = 3
"""Moments that are shown."""
WORDS_SHARE = 0.5
"""Most that lines of speech and on-screen text take of what the question itself leaves."""
FINE = Detail(most_frames=4, least_frames=1, longest_sides=(448, 336), per_second=1.0)
COARSE = Detail(most_frames=4, least_frames=1, longest_sides=(224, 168), per_second=1.0)
WHOLE = Detail(most_frames=16, least_frames=2, longest_sides=(224, 168), per_second=1.0)
"""Of a whole video, where nothing speaks for a moment."""


def unpaid(desk: Desk, state: State) -> bool:
    """Whether the tokens that are set aside do not pay for an answer behind a look."""
    return desk.ledger.answer_reserve < desk.calls.price(answer_with(state, ())).total


def glances(desk: Desk, state: State) -> list[View]:
    """Views of the moments believed most, as many as fit into the call that answers, together with
    the most telling lines; none where that is too little for a frame, or is not worth it."""
    found = pieces(desk, state)
    room = desk.ledger.available(answer=True)
    bare = desk.calls.price(answer_with(state, ())).total
    lines = _within(desk, state, found, bare + int((room - bare) * WORDS_SHARE))
    ahead = outlook(desk, state)
    wishes = own_wishes(desk, state, ahead.left)[:MOST]
    for detail in (FINE, COARSE):
        for count in range(len(wishes), 0, -1):
            views = _views(desk, state, lines, wishes[:count], room, detail, ahead)
            if views is not None:
                return views
    return []


def price_beside(desk: Desk, state: State, views: Sequence[View], lines: Sequence[Piece]) -> int:
    """Tokens that the call costs at most that answers from these views and lines."""
    every = [*glanced_pieces(desk, views), *lines]
    return desk.calls.price(answer_with(state, every, blank_pictures(views))).total


def _within(desk: Desk, state: State, found: Sequence[Piece], tokens: int) -> Sequence[Piece]:
    """As many pieces as an answer may have for so many tokens."""
    for count in range(len(found), 0, -1):
        if desk.calls.price(answer_with(state, found[:count])).total <= tokens:
            return found[:count]
    return ()


def _views(
    desk: Desk,
    state: State,
    lines: Sequence[Piece],
    wishes: Sequence[Wish],
    room: int,
    detail: Detail,
    ahead: Outlook,
) -> list[View] | None:
    """A view of each wish; None where they do not all fit or are not worth their tokens."""
    made: list[View] = []

    def price(views: Sequence[View]) -> int:
        return price_beside(desk, state, views, lines)

    for number, wish in enumerate(wishes):
        place = Place(number=number + 1, round=state.get("round", 0) + 1, part=part_of(state))

        glance: Wish = {**wish, "kind": "glance"}
        own = WHOLE if wish["kind"] == "overview" else detail

        def one_more(shown: Shown, wish: Wish = glance, place: Place = place) -> int:
            return price([*made, view_of(shown, wish, place)])

        spent = price(made)
        share = (room - spent) // (len(wishes) - number)
        span = Span(wish["start"], wish["end"])
        fitted = fit(
            _wanted(desk, wish, own),
            spent + share,
            price=one_more,
            detail=own,
            times=partial(spread_times, span),
        )
        if fitted is None or not worth(state, wish, fitted.price - spent, ahead):
            return None
        made.append(fitted_view(fitted, glance, place))
    return made


def _wanted(desk: Desk, wish: Wish, detail: Detail) -> Shown:
    return zoomed(
        desk.library.video(wish["video_id"]),
        Zoom(
            span=Span(wish["start"], wish["end"]),
            crop=box_of(wish["crop"]) if wish["crop"] is not None else None,
        ),
        per_second=detail.per_second,
        most_frames=detail.most_frames,
        longest=detail.longest_sides[0],
        why=wish["why"],
        stamped=desk.library.settings.vlm.stamps,
    )
