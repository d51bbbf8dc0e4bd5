"""What to look at next: the views of one round, within the tokens that exploration may use."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

from langgraph.runtime import Runtime
from langgraph.types import Command, Send

from longtake.agent.context import Context
from longtake.agent.desk import Desk, desk_of
from longtake.agent.events import emit
from longtake.agent.evidence import set_aside_answer
from longtake.agent.glance import glances, unpaid
from longtake.agent.look import LookTask, look_at, look_price
from longtake.agent.preset_views import Offer, answered_offers, preset_views
from longtake.agent.seeking import asked_of, part_of
from longtake.agent.sightings import part
from longtake.agent.state import State, View, ViewKind, Wish
from longtake.agent.views import Place, fitted_view, shown_of, view_of
from longtake.agent.wishes import FAN_OUT, outlook, own_wishes, worth
from longtake.errors import BudgetExceeded
from longtake.timing import Span
from longtake.tools.fit import LOOK, ZOOM, Detail, Fitted, fit
from longtake.tools.overview import Stretch, changes_in, overview
from longtake.tools.view import View as Shown
from longtake.tools.view import blank_parts, box_of, spread_times
from longtake.tools.zoom import Zoom, zoomed

MOMENTS = "moments"
"""The preset that looks at the moments believed most, by overviews first where none stands out."""
FIRST_SHARE = 0.4
"""Of the tokens left that the first round may take."""
SHARE = 0.6
"""Of the tokens left that any later round may take."""

DETAILS: dict[ViewKind, Detail] = {"look": LOOK, "zoom": ZOOM}
CLEAR = replace(LOOK, longest_sides=LOOK.longest_sides[:2], least_frames=2)
"""Of looks that share a round: where they would get less, there are fewer of them."""


async def select(state: State, runtime: Runtime[Context]) -> Command[Literal["look", "answer"]]:
    """Graph node: reserve the tokens of every view of the round, then look at all of them."""
    desk = await desk_of(state, runtime)
    set_aside_answer(desk, state)
    offers: list[Offer] = []
    notes: list[str] = []
    if by_preset(desk, state):
        offers, notes = await answered_offers(desk, state)
    made = plan_views(desk, state, offers)
    shown = first_glances(desk, state, made)
    tasks = [] if shown else _reserved(desk, state, made)
    views = shown or [task["view"] for task in tasks]
    trace = desk.take_events() + emit(
        runtime,
        "selected",
        round=state.get("round", 0) + 1,
        views=views,
        asked=[
            {
                "video_id": offer.video.id,
                "times": list(shape.times),
                "width": shape.width,
                "height": shape.height,
            }
            for offer in offers
            for shape in offer.asked
        ],
        left=desk.ledger.left,
        limit=desk.ledger.limit,
    )
    update: State = {
        "views": [*(state.get("views") or []), *views],
        "wishes": [],
        "round": state.get("round", 0) + 1,
        "trace": trace,
        "notes": notes,
    }
    if not tasks:
        return Command(goto="answer", update=update)
    return Command(goto=[Send("look", task) for task in tasks], update=update)


def by_preset(desk: Desk, state: State) -> bool:
    """Whether the round is the one whose frames the preset chooses."""
    return not state.get("wishes") and not state.get("round") and desk.preset != MOMENTS


def first_glances(desk: Desk, state: State, made: Sequence[View]) -> list[View]:
    """What is shown in the call that answers, where a first look would leave nothing for it.

    Args:
        made: the looks that the round could have.
    """
    if desk.preset != MOMENTS or state.get("views") or state.get("wishes"):
        return []
    return glances(desk, state) if not made or unpaid(desk, state) else []


def plan_views(desk: Desk, state: State, offers: Sequence[Offer]) -> list[View]:
    """Views worth their price that fit together; none when there is nothing left to gain.

    Args:
        offers: what the preset chooses from, in the round that is `by_preset`.
    """
    wishes = list(state.get("wishes") or [])[:FAN_OUT]
    share = SHARE if state.get("round") else FIRST_SHARE
    allowance = int(desk.ledger.left * share)
    if by_preset(desk, state):
        return preset_views(desk, state, allowance, offers)
    ahead = None if wishes else outlook(desk, state)
    if ahead is not None:
        wishes = own_wishes(desk, state, ahead.left)

    def is_worth(wish: Wish, cost: int) -> bool:
        return ahead is None or worth(state, wish, cost, ahead)

    tried = (
        _shared(desk, state, wishes[:count], allowance, is_worth)
        for count in range(len(wishes), 0, -1)
    )
    views = next((views for views in tried if views is not None), [])
    if not views and wishes:
        # too little for a share: the most wanted one may have all that is left
        view = _view(desk, state, wishes[0], desk.ledger.left, 0)
        if view is not None and is_worth(wishes[0], look_price(desk, state, view)):
            views.append(view)
    return views


def _shared(
    desk: Desk,
    state: State,
    wishes: Sequence[Wish],
    allowance: int,
    is_worth: Callable[[Wish, int], bool],
) -> list[View] | None:
    """A view of each wish that is worth it, of equal shares of the allowance; None where several
    leave one too little for clear frames."""
    views: list[View] = []
    for place, wish in enumerate(wishes):
        detail = CLEAR if wish["kind"] == "look" and len(wishes) > 1 else None
        share = allowance // (len(wishes) - place)
        view = _view(desk, state, wish, share, len(views), detail)
        if view is None:
            return None
        cost = look_price(desk, state, view)
        if is_worth(wish, cost):
            views.append(view)
            allowance -= cost
    return views


def _reserved(desk: Desk, state: State, views: Sequence[View]) -> list[LookTask]:
    """A task a view whose tokens are reserved; what does not fit any more is left out."""
    tasks: list[LookTask] = []
    for view in views:
        asking = asked_of(state, part(view))
        task = LookTask(asking=asking, run_id=state["run_id"], view=view, reservation="")
        try:
            task["reservation"] = desk.reserve(
                look_at(desk, asking, view, blank_parts(shown_of(view))),
                node="look",
                purpose=f"{view['kind']} {view['id']}",
            )
        except BudgetExceeded:
            break
        tasks.append(task)
    return tasks


def _view(
    desk: Desk,
    state: State,
    wish: Wish,
    allowance: int,
    before: int,
    detail: Detail | None = None,
) -> View | None:
    """The wish as pictures within the allowance of tokens, or None when that is too little.

    Args:
        before: views of the round that come before it.
        detail: in place of what its kind has.
    """
    place = Place(
        number=len(state.get("views") or []) + before + 1,
        round=state.get("round", 0) + 1,
        part=wish.get("part") or part_of(state),
    )

    def price(shown: Shown) -> int:
        return look_price(desk, state, view_of(shown, wish, place))

    fitted = _fitted(desk, wish, allowance, price, detail)
    return fitted_view(fitted, wish, place) if fitted is not None else None


def _fitted(
    desk: Desk,
    wish: Wish,
    allowance: int,
    price: Callable[[Shown], int],
    detail: Detail | None,
) -> Fitted | None:
    video = desk.library.video(wish["video_id"])
    span = Span(wish["start"], wish["end"])
    stamps = desk.library.settings.vlm.stamps
    assert video.width and video.height
    if wish["kind"] == "overview":
        stretch = Stretch(
            video_id=video.id,
            span=span,
            size=(video.width, video.height),
            changes=changes_in(desk.library, video.id, span),
            why=wish["why"],
            stamped=stamps,
        )
        return overview(stretch, allowance, price=price)
    detail = detail or DETAILS[wish["kind"]]
    wanted = zoomed(
        video,
        Zoom(span=span, crop=box_of(wish["crop"]) if wish["crop"] is not None else None),
        per_second=detail.per_second,
        most_frames=detail.most_frames,
        longest=detail.longest_sides[0],
        why=wish["why"],
        stamped=stamps,
    )
    return fit(
        wanted,
        allowance,
        price=price,
        detail=detail,
        times=lambda count: spread_times(span, count),
    )
