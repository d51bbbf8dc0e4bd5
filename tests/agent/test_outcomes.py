"""Looks that no reply came for: their stretches are tried again, but not for ever."""

from typing import Any

import pytest

from longtake import Agent, Library
from longtake.agent.candidates import candidates
from longtake.agent.decide import checked
from longtake.agent.look import blank
from longtake.agent.outcomes import shown_views
from longtake.agent.plan import make_plan
from longtake.agent.replies import LookReply, ReflectReply
from longtake.agent.state import State, View
from longtake.errors import VlmError
from longtake.tools.vlm.messages import Frames, Reply, Request
from tests.agent.seeing import Eyes
from tests.agent.talking import desk_for

STRETCH = (160.0, 170.0)


def view(number: int, video_id: str, start: float, end: float) -> View:
    return {
        "id": f"L{number}",
        "video_id": video_id,
        "start": start,
        "end": end,
        "times": [start + 0.5 + i for i in range(int(end - start))],
        "width": 320,
        "height": 180,
        "crop": None,
        "kind": "look",
        "why": "",
        "round": 1,
    }


def looked_at(library: Library, *outcomes: str) -> State:
    """A state after the same stretch was looked at with these outcomes."""
    video = next(video for video in library.videos() if video.title == "signal")
    views = [view(number, video.id, *STRETCH) for number in range(1, len(outcomes) + 1)]
    return {
        "question": "When?",
        "plan": make_plan("When is the screen white?"),
        "rows": [],
        "views": views,
        "observations": [blank(v, o) for v, o in zip(views, outcomes, strict=True)],
    }


@pytest.mark.parametrize(
    ("outcomes", "shown"),
    [
        (("ok",), ["L1"]),
        (("unparsed",), ["L1"]),
        (("failed",), []),
        (("no budget",), []),
        (("failed", "ok"), ["L2"]),
        (("failed", "no budget"), ["L2"]),
    ],
)
def test_a_stretch_without_a_reply_is_not_shown_until_it_was_tried_twice(
    colours: Library, outcomes: tuple[str, ...], shown: list[str]
) -> None:
    state = looked_at(colours, *outcomes)
    assert [found["id"] for found in shown_views(state)] == shown
    video_id = state["views"][0]["video_id"]
    inside = [
        c
        for c in candidates(colours, state)
        if c.video_id == video_id and STRETCH[0] <= c.span.middle <= STRETCH[1]
    ]
    assert bool(inside) is not bool(shown)
    said: dict[str, Any] = {"action": "look", "from": STRETCH[0], "to": STRETCH[1]}
    with desk_for(colours, Eyes(), "default", 16_000) as desk:
        reply = ReflectReply(**said, video=desk.label(video_id))
        decision = checked(desk, state, reply).decision
    assert (decision is None) is bool(shown)


class Failing(Eyes):
    """Fails at looks that hold a second, so many times."""

    def __init__(self, second: float, times: int) -> None:
        super().__init__()
        self._second = second
        self._times = times

    async def ask(self, request: Request) -> Reply:
        parts = [part for message in request.messages for part in message.parts]
        times = [p.time for part in parts if isinstance(part, Frames) for p in part.pictures]
        inside = bool(times) and min(times) <= self._second <= max(times)
        if request.schema is LookReply and inside and self._times > 0:
            self._times -= 1
            raise VlmError("the server hiccuped")
        return await super().ask(request)


@pytest.mark.parametrize("times", [1, 1000])
def test_a_run_ends_however_often_a_look_fails(colours: Library, times: int) -> None:
    question = "When is the screen white?"
    answer = Agent(colours, vlm=Failing(165.0, times), budget=40_000).ask_sync(question)
    assert answer.supported is (times == 1)
