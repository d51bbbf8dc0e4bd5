"""The adapter against a real vLLM with the tiny model: what only a real server can show."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from longtake import Agent, Library
from longtake.agent.replies import LookReply
from longtake.agent.requests import answer_request, repair_request
from longtake.config import Settings
from longtake.errors import RequestRefused
from longtake.tools.vlm.backends import open_vlm
from longtake.tools.vlm.messages import Frames, Message, Reply, Request, Text
from longtake.tools.vlm.openai_api import OpenAiVlm
from tests.peers.conftest import CONTEXT, MOST_IMAGES
from tests.tools.vlm.test_prefixes import asked_else
from tests.tools.vlm.test_tiny_vlm import looks

pytestmark = pytest.mark.peer

BLOCK = 128
"""Tokens of a block of vLLM's prefix cache on CPUs: only whole ones are found again."""
MOST_VISUAL = 2048
"""Tokens of pictures in one call, as this server is started."""


def settings(address: str, processor: Path, **more: Any) -> Settings:
    vlm = {"model": address, "processor": str(processor), **more}
    return Settings(offline=True, vlm=vlm)


def served(address: str, processor: Path, **more: Any) -> OpenAiVlm:
    made = open_vlm(settings(address, processor, **more))
    assert isinstance(made, OpenAiVlm)
    return made


def ask_all(model: Any, requests: Sequence[Request]) -> list[Reply]:
    async def one_by_one() -> list[Reply]:
        return [await model.ask(request) for request in requests]

    return asyncio.run(one_by_one())


def fitting(model: OpenAiVlm, requests: Sequence[Request]) -> list[Request]:
    """Those whose pictures the server can take."""
    return [request for request in requests if model.price(request).visual <= MOST_VISUAL]


def ask(model: Any, request: Request) -> Reply:
    (reply,) = ask_all(model, [request])
    return reply


class Mauve(BaseModel):
    """What the model was trained to reply, but for a colour it never saw and for what is missing
    at the end."""

    relevant: bool
    claim: Literal["The screen is mauve."]
    confidence: float


def test_the_server_holds_replies_to_a_schema(vllm: str, tiny_vlm: Path) -> None:
    model = served(vllm, tiny_vlm, video=False)
    (look,) = looks(1)
    free = ask(model, replace(look, schema=None))
    assert "The screen is" in free.text and "mauve" not in free.text
    reply = ask(model, replace(look, schema=Mauve))
    assert '"claim": "The screen is mauve."' in reply.text  # spaces without end may follow


def test_prices_are_what_the_server_reports(vllm: str, tiny_vlm: Path) -> None:
    evidence = [("E1, V1, 2.0-4.5 s, seen", "The screen is green. Füße 漢字 🙂")]
    answer = answer_request(question="When?", options=["a", "b"], evidence=evidence)
    requests = [*looks(12), answer, repair_request(answer, "nonsense", "it is no JSON")]
    for as_video in (False, True):
        model = served(vllm, tiny_vlm, video=as_video)
        sent = fitting(model, requests)
        assert len(sent) >= 6
        for request, reply in zip(sent, ask_all(model, sent), strict=True):
            price = model.price(request)
            assert price.exact
            assert reply.usage is not None
            assert reply.usage.input == price.input
            assert reply.usage.output <= price.output


def test_frames_go_as_one_video_where_the_family_takes_it(
    vllm: str, tiny_vlm: Path, bodies: list[dict[str, Any]]
) -> None:
    model = served(vllm, tiny_vlm)
    several = [r for r in fitting(model, looks(12)) if len(_frames(r).pictures) > 1]
    ask(model, several[0])
    kinds = [part["type"] for part in bodies[-1]["messages"][1]["content"]]
    assert kinds == ["text", "video_url", "text"]


def test_frames_first_and_question_last_hits_the_prefix_cache(vllm: str, tiny_vlm: Path) -> None:
    model = served(vllm, tiny_vlm)
    look = max(fitting(model, looks(12, seed=21)), key=lambda r: model.price(r).visual)
    first = ask(model, look).usage
    second = ask(model, asked_else(look, "Which colours does the screen have?")).usage
    assert first is not None and second is not None
    assert first.cached <= BLOCK  # the system's words alone
    shared = model.price(look).visual
    assert second.cached >= shared // BLOCK * BLOCK > BLOCK
    swapped = [
        _turned(replace(look, seed=1), question) for question in ("Is it red?", "What is it like?")
    ]
    ask(model, swapped[0])
    turned = ask(model, swapped[1]).usage
    assert turned is not None and turned.cached <= BLOCK


def test_a_picture_is_sent_once(vllm: str, tiny_vlm: Path, bodies: list[dict[str, Any]]) -> None:
    for as_video in (False, True):
        model = served(vllm, tiny_vlm, video=as_video)
        look = fitting(model, looks(12, seed=31))[0]
        other = asked_else(look, "Which colours does the screen have?")
        replies = ask_all(model, [look, other])
        assert [_left_out(body) for body in bodies[-2:]] == [False, True]
        assert replies[1].text == ask(served(vllm, tiny_vlm, video=as_video), other).text
        usage = replies[1].usage
        assert usage is not None and usage.input == model.price(other).input


def test_a_server_that_has_not_got_a_picture_is_sent_it(
    vllm: str, tiny_vlm: Path, bodies: list[dict[str, Any]]
) -> None:
    model = served(vllm, tiny_vlm, video=False)
    (look,) = looks(1, seed=41)
    # as if the server had been started anew since
    model._wire.arrived(model._wire.write(look.messages, whole=True))
    reply = ask(model, look)
    assert reply.outcome == "ok" and reply.attempts == 1
    assert [_left_out(body) for body in bodies][:2] == [True, False]


def test_refusals_are_ours(vllm: str, tiny_vlm: Path) -> None:
    (look,) = looks(1)
    with pytest.raises(RequestRefused, match=r"HTTP 404.*`nobody` does not exist"):
        ask(served(f"{vllm}#nobody", tiny_vlm), look)
    frames = _frames(look).pictures[:1] * (MOST_IMAGES + 1)
    many = Message(role="user", parts=(Frames(pictures=frames), Text(text="What is it?")))
    with pytest.raises(RequestRefused, match=rf"HTTP 400.*At most {MOST_IMAGES} image"):
        ask(served(vllm, tiny_vlm, video=False), replace(look, messages=(many,)))
    long = Message(role="user", parts=(Text(text="green " * 2 * CONTEXT),))
    with pytest.raises(RequestRefused, match=rf"HTTP 400.*context length is {CONTEXT}"):
        ask(served(vllm, tiny_vlm), Request(messages=(long,), max_tokens=10))


def test_served_and_local_agree(vllm: str, tiny_vlm: Path) -> None:
    requests = looks(12)
    local = open_vlm(Settings(offline=True, vlm={"model": str(tiny_vlm)}))
    here = [_seen(reply) for reply in ask_all(local, requests)]
    there = [_seen(reply) for reply in ask_all(served(vllm, tiny_vlm, video=False), requests)]
    assert there == here


def test_the_agent_answers_with_an_exact_receipt(vllm: str, tiny_vlm: Path, colours: Path) -> None:
    with Library.open(colours, settings(vllm, tiny_vlm, video=False)) as library:
        answer = Agent(library, budget=6000).ask_sync("When is the screen green?")
    assert answer.mode == "looked" and answer.receipt is not None
    assert 0 < answer.receipt.spent <= 6000
    assert "look" in {line.node for line in answer.receipt.lines}
    for line in answer.receipt.lines:
        assert line.exact
        assert line.input == line.planned_visual + line.planned_text
    assert sum(line.charged for line in answer.receipt.lines) == answer.receipt.spent


@pytest.fixture
def bodies(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Every call as it went over the wire."""
    sent: list[dict[str, Any]] = []
    write = OpenAiVlm._body

    def remembering(self: OpenAiVlm, *args: Any) -> dict[str, Any]:
        sent.append(write(self, *args))
        return sent[-1]

    monkeypatch.setattr(OpenAiVlm, "_body", remembering)
    return sent


def _frames(request: Request) -> Frames:
    frames = request.messages[1].parts[0]
    assert isinstance(frames, Frames)
    return frames


def _turned(request: Request, question: str) -> Request:
    """The question before the frames: what the product does not do."""
    parts = (Text(text=question), _frames(request))
    return replace(request, messages=(request.messages[0], Message(role="user", parts=parts)))


def _left_out(body: dict[str, Any]) -> bool:
    parts = [p for m in body["messages"] for p in m["content"] if isinstance(p, dict)]
    contents = [p[p["type"]] for p in parts if p["type"] != "text"]
    assert contents and len({content is None for content in contents}) == 1
    return contents[0] is None


def _seen(reply: Reply) -> tuple[bool, str]:
    assert isinstance(reply.parsed, LookReply)
    return reply.parsed.relevant, reply.parsed.claim
