"""How `love_zoom` shares out the tokens of a question.

The paper gives a dense view 12,288 tokens and every zoom 4,096. Here they have the same shares,
three to one, of what the question may cost: every call shows all over again, so that

    (zooms + 1) * dense + (1 + 2 + ... + zooms) * zoom

and the words of every call fit in what is left. The last of these calls is the answer's: its tokens
are set aside before the first is made.
"""

from collections.abc import Sequence
from dataclasses import replace

from longtake.agent.candidates import bounds
from longtake.agent.desk import Desk
from longtake.agent.policies.conversation import (
    FramesOf,
    Memory,
    Step,
    after,
    likeliest,
    steps_of,
    view_of,
    words_of_run,
)
from longtake.agent.policies.dense import LARGEST_PX, Stretch, dense_shapes, longest_side, sides
from longtake.agent.policies.zoom_request import zoom_request
from longtake.agent.state import State, View
from longtake.agent.views import shape_of
from longtake.index.records import VideoRecord
from longtake.timing import Span
from longtake.tools.fit import Detail, fit
from longtake.tools.view import Shape, blank_frames, fitted_size, spread_times
from longtake.tools.view import View as Shown
from longtake.tools.vlm.messages import Request

MOST_ZOOMS = 2
VIDEOS = 3
"""Videos that are shown densely, of a library."""
DENSE_PARTS = 3
"""A dense view may cost this many times what a zoom may."""
ZOOM_FRAMES = 32
LEAST_FRAMES = 4
PER_SECOND = 2.0
LONGEST_REASON = 160
"""Characters of a refusal, for which prices leave room."""


def first_step(desk: Desk, state: State) -> Step | None:
    """The dense view of the likeliest videos, with as many zooms as the tokens allow for."""
    videos = likeliest(desk, state, VIDEOS)
    words = words_of_run(desk, state)
    for zooms in range(MOST_ZOOMS, -1, -1):
        for count in range(len(videos), 0, -1):
            step = shared_out(desk, state, videos[:count], zooms, words)
            if step is not None:
                return step
    return None


def shared_out(
    desk: Desk, state: State, stretches: Sequence[Stretch], zooms: int, words: Memory
) -> Step | None:
    """The first step if that many zooms fit, each with its share of the tokens; else None."""
    room = desk.ledger.available(answer=True)
    later = zooms * (zooms - 1) // 2 + max(zooms, 1)
    memory: Memory = {"last": zooms == 0, "reason": "", "zooms": zooms, "share": 0, **words}

    def dense(shapes: Sequence[Shape]) -> tuple[View, ...]:
        return tuple(
            view_of(
                state,
                video,
                span,
                shape,
                kind="overview",
                why="all of it, densely and small",
                place=place,
            )
            for place, ((video, span), shape) in enumerate(zip(stretches, shapes, strict=False))
        )

    def price(shapes: Sequence[Shape]) -> int:
        return _priciest(desk, state, Step(views=dense(shapes), memory=memory))

    bare = price(())
    unit = (room - (zooms + 1) * bare) // (DENSE_PARTS * (zooms + 1) + later)
    if unit <= 0:
        return None
    shapes = dense_shapes(stretches, allowance=bare + DENSE_PARTS * unit, price=price)
    if shapes is None:
        return None
    spent = price(shapes)
    share = (room - (zooms + 1) * spent) // later
    step = Step(views=dense(shapes), memory={**memory, "share": share})
    if zooms == 0:
        return _at_once(desk, state, step)
    video, span = stretches[0]
    least = zoom_view(desk, after(state, step), video, span, allowance=spent + share, why="")
    if least is None:
        return None
    return replace(step, keep=spent + max(zooms, 1) * share)


def _at_once(desk: Desk, state: State, step: Step) -> Step:
    """An answer from one call, with a zoom of the whole video where that fits too."""
    keep = desk.ledger.available(answer=True)
    now = after(state, step)
    view = whole_view(desk, now, allowance=keep)
    views = step.views if view is None else (*step.views, view)
    return replace(step, views=views, answering=True)


def whole_view(desk: Desk, state: State, *, allowance: int) -> View | None:
    """A zoom of the whole of the likeliest video."""
    video = desk.library.video(state["views"][0]["video_id"])
    why = "all of it, closer, because no zoom was made"
    return zoom_view(desk, state, video, bounds(video, state), allowance=allowance, why=why)


def zoom_view(
    desk: Desk, state: State, video: VideoRecord, span: Span, *, allowance: int, why: str
) -> View | None:
    """A zoom as finely as the allowance lets the whole call be, or None.

    Args:
        state: that of the call, without the zoom.
    """

    def as_view(shown: Shown) -> View:
        width, height = shown.pictures[0].pixels
        shape = Shape(times=shown.times, width=width, height=height)
        return view_of(state, video, span, shape, kind="zoom", why=why)

    def price(shown: Shown) -> int:
        return price_of(desk, {**state, "views": [*state["views"], as_view(shown)]})

    best = longest_side(video, LARGEST_PX)
    detail = Detail(
        most_frames=ZOOM_FRAMES,
        least_frames=LEAST_FRAMES,
        longest_sides=(best, best * 3 // 4, best // 2, best * 3 // 8),
        per_second=PER_SECOND,
    )
    width, height = fitted_size(*sides(video), best)
    wanted = Shape(times=spread_times(span, detail.frames(span)), width=width, height=height)
    fitted = fit(
        Shown(items=wanted.items(video.id)),
        allowance,
        price=price,
        detail=detail,
        times=lambda count: spread_times(span, count),
    )
    return None if fitted is None else as_view(fitted.view)


def request_of(desk: Desk, state: State, frames: FramesOf) -> Request:
    """The call of the step that the state ends with."""
    made = steps_of(state["talk"])
    return zoom_request(
        desk,
        state,
        frames,
        words=made[0],
        last=made[-1]["last"],
        reason=made[-1]["reason"],
    )


def price_of(desk: Desk, state: State) -> int:
    """What that call costs at most."""
    request = request_of(desk, state, lambda view: blank_frames(shape_of(view)))
    return desk.calls.price(request).total


def _priciest(desk: Desk, state: State, step: Step) -> int:
    """The most that any call with these views and no others costs: while deciding, and at the
    end with a reason."""
    last = {**step.memory, "last": True, "reason": "x" * LONGEST_REASON}
    made = [{**step.memory, "last": False}, last]
    return max(price_of(desk, after(state, replace(step, memory=memory))) for memory in made)
