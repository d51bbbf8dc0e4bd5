"""The first frames of `spotlight`: how many, and how large.

The source shows 8 frames of up to 640x360, or 12 of up to 448x252 of videos longer than five
minutes. Here that is the most: frames are as large as lets `TURNS_PLANNED` turns of an attempt fit
beside the last attempt, whose tokens are set aside before the first call.
"""

from collections.abc import Sequence
from dataclasses import replace

from longtake.agent.desk import Desk
from longtake.agent.policies.conversation import (
    Memory,
    Step,
    after,
    likeliest,
    view_of,
    words_of_run,
)
from longtake.agent.policies.dense import Stretch, sides
from longtake.agent.policies.numbering import Numbers
from longtake.agent.policies.spotlight_request import spotlight_request
from longtake.agent.state import State, View, ViewKind
from longtake.agent.views import shape_of
from longtake.index.records import VideoRecord
from longtake.timing import Span
from longtake.tools.view import Shape, blank_frames, fitted_size

ATTEMPTS = 3
TURNS_PLANNED = 3
"""Turns of an attempt that the size of frames is chosen for; more are made when they fit."""
SHORT = (8, (640, 560, 448, 336, 280, 224, 168))
"""Frames shown at a time and the longer sides to try."""
LONG = (12, (448, 392, 336, 280, 224, 168))
LONG_S = 300.0
VIDEOS = 2
"""Videos that the first frames are of, of a library; half of the frames each."""
FEWER = (4, 2, 1)
"""Frames where not even one turn fits with the usual number."""
LONGEST_TOLD = 200
"""Characters of what a model is told of its last attempt, for which prices leave room."""
TALK_TOKENS = 320
"""A reply and the words of the turn after it, for planning."""


def first_step(desk: Desk, state: State) -> Step | None:
    """The first frames; only the answer is offered where the tokens allow no more."""
    videos = likeliest(desk, state, VIDEOS)
    if not videos:
        return None
    count, longest = LONG if sum(span.duration for _, span in videos) > LONG_S else SHORT
    words = words_of_run(desk, state)
    for turns in range(TURNS_PLANNED, 1, -1):
        for side in longest:
            step = _planned(desk, state, _begun(state, videos, count, side, words), turns)
            if step is not None:
                return step
    for fewer in (count, *FEWER):
        step = _only_answer(desk, state, _begun(state, videos, fewer, longest[-1], words))
        if step is not None:
            return step
    return None


def price_of(desk: Desk, state: State) -> int:
    """Tokens that the call costs at most whose step the state ends with."""
    request = spotlight_request(desk, state, lambda view: blank_frames(shape_of(view)))
    return desk.calls.price(request).total


def frames_view(
    state: State,
    video: VideoRecord,
    frames: Sequence[int],
    side: int,
    *,
    why: str,
    within: Span | None = None,
    place: int = 0,
) -> View:
    """Frames by their numbers; they stand for `within`, or for the stretch that they span."""
    numbers = Numbers.of(video, Span(0.0, video.duration))
    width, height = fitted_size(*sides(video), side)
    times = tuple(numbers.seconds(frame) for frame in frames)
    span = within or numbers.span(frames[0], frames[-1]).clamp(video.duration)
    shape = Shape(times=times, width=width, height=height)
    kind: ViewKind = "overview" if within is not None else "zoom"
    return view_of(state, video, span, shape, kind=kind, why=why, place=place)


def _begun(state: State, videos: Sequence[Stretch], count: int, side: int, words: Memory) -> Step:
    """The step that shows frames spread over all of the videos."""
    videos = videos[: max(1, count // 4)]
    views: list[View] = []
    for video, span in videos:
        frames = Numbers.of(video, span).spread(count // len(videos))
        why = "a few frames of all of it"
        view = frames_view(state, video, frames, side, why=why, within=span, place=len(views))
        views.append(view)
    memory: Memory = {
        "attempt": 1,
        "turn": 1,
        "only_answer": False,
        "told": "",
        "view": None,
        "frames": count,
        "side": side,
        "first": len(views),
        **words,
    }
    return Step(views=tuple(views), memory=memory)


def _planned(desk: Desk, state: State, step: Step, turns: int) -> Step | None:
    """The step, if that many turns and the last attempt fit."""
    told = "x" * LONGEST_TOLD
    alone = {**step.memory, "attempt": ATTEMPTS, "only_answer": True, "told": told}
    keep = price_of(desk, after(state, replace(step, memory=alone)))
    one = price_of(desk, after(state, step))
    bare = {**step.memory, "first": 0}
    more = one - price_of(desk, after(state, replace(step, views=(), memory=bare))) + TALK_TOKENS
    needed = turns * one + more * (turns * (turns - 1) // 2)
    fits = keep + needed <= desk.ledger.available(answer=True)
    return replace(step, keep=keep) if fits else None


def _only_answer(desk: Desk, state: State, step: Step) -> Step | None:
    memory = {**step.memory, "attempt": ATTEMPTS, "only_answer": True}
    step = replace(step, memory=memory, answering=True)
    fits = price_of(desk, after(state, step)) <= desk.ledger.available(answer=True)
    return step if fits else None
