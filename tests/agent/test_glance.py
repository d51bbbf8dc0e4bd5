"""Budgets with no room for a look before the answer: the frames go into the call that answers."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from longtake import Agent, Library
from longtake.agent.candidates import candidates
from longtake.agent.plan import make_plan
from longtake.agent.replies import AnswerReply
from longtake.agent.state import State
from longtake.timing import Span
from longtake.tools.vlm.messages import Frames, Request, Text
from tests.agent.seeing import Eyes, asked_colour, colour_of
from tests.data.colours import GREEN

WITHIN = Span(GREEN[0] - 2, GREEN[1] + 2)
QUESTION = "When is the screen green?"
TIGHT = 700
"""Tokens that pay for an answer with frames, and not for a look and an answer."""


@pytest.fixture
def library(colours_library: Path) -> Iterator[Library]:
    for file in colours_library.glob("c*.db*"):
        file.unlink()
    with Library.open(colours_library) as opened:
        yield opened


def from_frames(request: Request) -> str:
    """The first frame of the colour that is asked for, cited by the label before it."""
    words = [p.text for p in request.messages[-1].parts if isinstance(p, Text)]
    wanted = asked_colour(words[-1])
    label = ""
    for part in request.messages[-1].parts:
        if isinstance(part, Text) and (match := re.match(r"\[(E\d+), .* s, shown\]", part.text)):
            label = match[1]
        if isinstance(part, Frames):
            times = [p.time for p in part.pictures if colour_of(p.jpeg) == wanted]
            if times:
                cited = {"label": label, "from": times[0], "to": times[-1]}
                told = {"answer": f"At {times[0]:.0f} s.", "confidence": 0.9, "evidence": [cited]}
                return json.dumps(told)
    return json.dumps({"answer": "", "confidence": 0.1, "evidence": []})


def test_frames_go_with_the_question_where_a_look_leaves_no_answer(library: Library) -> None:
    eyes = Eyes({AnswerReply: from_frames})
    agent = Agent(library, vlm=eyes, budget=TIGHT)
    answer = agent.ask_sync(QUESTION, between=WITHIN)
    assert [request.schema for request in eyes.asked] == [AnswerReply]
    (piece,) = answer.evidence
    assert answer.mode == "looked" and answer.supported
    assert GREEN[0] <= piece.start <= piece.end <= GREEN[1]
    assert piece.view == "L1" and piece.lane == "visual" and piece.claim is None
    assert answer.receipt is not None and answer.receipt.spent <= TIGHT
    assert [(line.node, line.purpose) for line in answer.receipt.lines] == [("answer", "answer")]
    assert answer.searched.looked[0].video_id == piece.video_id


def test_frames_of_a_file_that_is_gone_are_not_said_to_have_been_looked_at(
    library: Library,
) -> None:
    moved = [(video.path, video.path.with_suffix(".away")) for video in library.videos()]
    for path, away in moved:
        path.rename(away)
    try:
        eyes = Eyes({AnswerReply: from_frames})
        agent = Agent(library, vlm=eyes, budget=TIGHT)
        answer = agent.ask_sync(QUESTION, ["green", "white"], between=WITHIN)
    finally:
        for path, away in moved:
            away.rename(path)
    (request,) = eyes.asked
    assert not any(isinstance(part, Frames) for part in request.messages[-1].parts)
    assert answer.searched.looked == () and answer.mode == "evidence"
    assert "a moment could not be shown" in answer.notes


def test_a_forecast_tells_what_is_shown_with_the_question(library: Library) -> None:
    eyes = Eyes({AnswerReply: from_frames})
    agent = Agent(library, vlm=eyes, budget=TIGHT)
    made = asyncio.run(agent.forecast(QUESTION))
    assert [view["kind"] for view, _ in made.views] == ["glance"] * len(made.views) != []
    agent.ask_sync(QUESTION)
    (request,) = eyes.asked
    shown = [part for part in request.messages[-1].parts if isinstance(part, Frames)]
    times = [picture.time for frames in shown for picture in frames.pictures]
    assert sorted(times) == sorted(time for view, _ in made.views for time in view["times"])
    assert eyes.price(request).total == made.first_round + made.answer


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(1, 1600))
def test_no_budget_is_exceeded(library: Library, budget: int) -> None:
    eyes = Eyes({AnswerReply: from_frames})
    answer = Agent(library, vlm=eyes, budget=budget).ask_sync(QUESTION)
    assert answer.receipt is not None and answer.receipt.spent <= budget
    assert sum(eyes.price(request).total for request in eyes.asked) <= budget


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.floats(0, 170), st.floats(0.5, 60), st.floats(0, 1))
def test_a_clip_is_looked_at_around_the_frame_that_fits_best(
    library: Library, start: float, length: float, share: float
) -> None:
    video = next(video for video in library.videos() if video.title == "signal")
    end = min(start + length, video.duration)
    peak = start + share * (end - start)
    state: State = {
        "question": QUESTION,
        "plan": make_plan(QUESTION),
        "rows": [
            {
                "lane": "visual",
                "id": 1,
                "video_id": video.id,
                "start": start,
                "end": end,
                "text": None,
                "frame_time": peak,
                "score": 1.0,
                "query": 0,
                "beside": False,
            }
        ],
    }
    (found,) = (one for one in candidates(library, state) if one.why.startswith("visual"))
    assert found.span.start - 1e-6 <= peak <= found.span.end + 1e-6
    assert found.span.duration <= 4.0 + 1e-6
    if end - start >= 4:
        assert found.span.duration == pytest.approx(4.0)
        assert start - 1e-6 <= found.span.start and found.span.end <= end + 1e-6
    if start + 2 <= peak <= end - 2:
        assert found.span.middle == pytest.approx(peak)
