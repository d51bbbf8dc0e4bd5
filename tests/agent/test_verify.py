"""The check of an answer: what counts as looked at."""

from collections.abc import Iterator

import pytest

from longtake import Agent, Library, Settings
from longtake.agent.answer import Answer
from longtake.agent.look import blank
from longtake.agent.plan import make_plan
from longtake.agent.state import State, View
from longtake.agent.verify import verified_answer
from longtake.errors import VlmError
from longtake.index.lanes import StageName
from longtake.tools.vlm.messages import Reply, Request
from tests.agent.seeing import Eyes
from tests.data.colours import write_colours

QUESTION = "When is the screen green?"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """One video of 8 s, nothing said or written in it."""
    place = tmp_path_factory.mktemp("verify")
    video = write_colours(
        place / "light.mp4", [("red", 4.0), ("green", 4.0)], width=128, height=72, fps=4
    )
    with Library.open(place / "library", Settings(offline=True), create=True) as opened:
        assert opened.index([video], only={StageName.SHOTS}).ok
        yield opened


def _view(library: Library, number: int) -> View:
    return {
        "id": f"L{number}",
        "video_id": library.videos()[0].id,
        "start": float(number),
        "end": number + 1.0,
        "times": [number + 0.5],
        "width": 128,
        "height": 72,
        "crop": None,
        "kind": "look",
        "why": "",
        "round": 1,
    }


def _checked(library: Library, *outcomes: str | None) -> Answer:
    """An abstention after views with these outcomes; None had no observation when the run ended."""
    views = [_view(library, number) for number in range(len(outcomes))]
    state: State = {
        "question": QUESTION,
        "plan": make_plan(QUESTION),
        "rows": [],
        "searched": {},
        "views": views,
        "observations": [
            blank(view, outcome)
            for view, outcome in zip(views, outcomes, strict=True)
            if outcome is not None
        ],
        "draft": {
            "citations": [],
            "leads": [],
            "option": None,
            "option_scores": {},
            "confidence": 0.0,
            "abstained": True,
            "reason": "nothing was found",
        },
    }
    return verified_answer(state, library.store)


def test_only_views_that_were_replied_to_were_looked_at(library: Library) -> None:
    answer = _checked(
        library, "ok", "failed", "unparsed", "no budget", "truncated", None, "refused", "empty"
    )
    assert [looked.start for looked in answer.searched.looked] == [0.0, 2.0, 4.0, 6.0, 7.0]
    assert answer.mode == "looked"
    assert "Looked at 0:00.0-0:01.0, 0:02.0-0:03.0" in answer.text


def test_a_run_that_no_reply_came_to_looked_at_nothing(library: Library) -> None:
    answer = _checked(library, "failed", "no budget", None)
    assert answer.searched.looked == () and answer.mode == "evidence"
    assert "Looked at" not in answer.text


class Gone(Eyes):
    """Cannot be reached."""

    async def ask(self, request: Request) -> Reply:
        raise VlmError("the server is gone")


@pytest.mark.parametrize("policy", ["default", "love_zoom", "spotlight"])
def test_a_model_that_is_gone_has_looked_at_nothing(library: Library, policy: str) -> None:
    answer = Agent(library, vlm=Gone(), policy=policy).ask_sync(QUESTION)
    trace = library.store.run(answer.run_id).trace
    assert any(event["event"] == "selected" and event["views"] for event in trace)
    assert answer.searched.looked == () and answer.mode == "evidence"
