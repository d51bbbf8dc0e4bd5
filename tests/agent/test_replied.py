"""What a run whose process was killed does with the replies that it has: the same requests are
made, and found, though less is left."""

import asyncio
from dataclasses import replace
from typing import Any

from longtake import Library
from longtake.agent.calls import Calls
from longtake.agent.decide import by_model
from longtake.agent.desk import Desk
from longtake.agent.evidence import answer_with, pieces
from longtake.agent.look import blank
from longtake.agent.plan import make_plan
from longtake.agent.replies import AnswerReply, ReflectReply
from longtake.agent.requests import answer_request, repair_request
from longtake.agent.respond import respond
from longtake.agent.state import Observation, State, View
from longtake.tools.vlm.journal import Journal
from longtake.tools.vlm.messages import Reply, Request
from tests.agent.seeing import Eyes

QUESTION = "When is the screen green?"


def calls(eyes: Eyes, journal: Journal, limit: int) -> Calls:
    """Those of one process."""
    return Calls.restore(
        eyes, journal, "run", limit=limit, use_cache=False, on_call=lambda event: None
    )


def desk(library: Library, eyes: Eyes, journal: Journal, limit: int) -> Desk:
    made = calls(eyes, journal, limit)
    return Desk(library, made, policy="default", preset="moments", journal=journal)


def after_a_look(library: Library, *, left: int) -> State:
    video = next(video for video in library.videos() if video.title == "signal")
    view: View = {
        "id": "L1",
        "video_id": video.id,
        "start": 100.0,
        "end": 120.0,
        "times": [105.0, 115.0],
        "width": 320,
        "height": 180,
        "crop": None,
        "kind": "look",
        "why": "",
        "round": 1,
    }
    seen: Observation = {
        **blank(view, "ok"),
        "claim": "The screen is green.",
        "relevant": True,
        "confidence": 0.6,
    }
    return {
        "run_id": "run",
        "question": QUESTION,
        "plan": make_plan(QUESTION),
        "rows": [],
        "views": [view],
        "observations": [seen],
        "round": 1,
        "trace": [{"event": "selected", "left": left}],
    }


def test_a_decision_is_found_again(colours: Library) -> None:
    eyes, journal = Eyes(), Journal.open(None)
    price = eyes.price
    state = after_a_look(colours, left=9000)
    said: list[Any] = []
    for _ in range(2):
        # the second process has less left than ten times the price
        limit = 10 * price(eyes.asked[0]).total + 5 if said else 9000
        said.append(asyncio.run(by_model(desk(colours, eyes, journal, limit), state)))
    assert [request.schema for request in eyes.asked] == [ReflectReply]
    assert said[0] == said[1] and said[0].refused


def test_an_answer_is_found_again_with_all_its_evidence(colours: Library) -> None:
    eyes, journal = Eyes(), Journal.open(None)
    state = after_a_look(colours, left=9000)
    found = pieces(desk(colours, eyes, journal, 9000), state)
    limit = eyes.price(answer_with(state, found)).total
    drafts = []
    for _ in range(2):
        made = desk(colours, eyes, journal, limit)
        drafts.append(asyncio.run(respond(made, state)))
        assert made.ledger.spent <= limit
    assert [request.schema for request in eyes.asked] == [AnswerReply]
    assert drafts[0] == drafts[1] and drafts[0]["by"] == "model"


class Cut(Eyes):
    """Its replies are cut off, and it does not say what they cost."""

    async def ask(self, request: Request) -> Reply:
        reply = await super().ask(request)
        text = f"{request.max_tokens} tokens"
        return replace(reply, text=text, outcome="truncated", parsed=None, usage=None)


def test_a_longer_second_try_is_found_again() -> None:
    eyes, journal = Cut(), Journal.open(None)
    request = answer_request(question=QUESTION, options=[], evidence=[])
    limit = 3 * eyes.price(request).total  # of which the first process uses most
    for _ in range(2):
        made = calls(eyes, journal, limit)
        asking = made.structured(request, node="answer", purpose="answer", repair=repair_request)
        assert asyncio.run(asking).text == "512 tokens"
    assert [request.max_tokens for request in eyes.asked] == [256, 512]
