"""The adapter for OpenAI-compatible servers, against a real server that misbehaves."""

import asyncio
import logging
import socket
import time
from typing import Any

import pytest
from pydantic import BaseModel

from longtake.config import Settings
from longtake.errors import ReplyLost, RequestRefused, VlmUnavailable
from longtake.tools.vlm.messages import Frames, Message, Picture, Reply, Request, Text
from longtake.tools.vlm.openai_api import OpenAiVlm
from tests.tools.vlm.fault_server import Server, dies, drips, fails, garbles, says, serving

KEY = "sk-very-secret-key"


class Seen(BaseModel):
    colour: str
    sure: float = 0.5


OK = '{"colour": "green", "sure": 0.9}'


def vlm_at(url: str, **settings: Any) -> OpenAiVlm:
    values: dict[str, Any] = {"timeout_s": 5.0, "retries": 3, **settings}
    made = Settings(vlm=values)
    return OpenAiVlm(
        "Qwen2.5-VL-3B", base_url=url, api_key=KEY, settings=made, name="127.0.0.1#qwen"
    )


def request(*, schema: type[BaseModel] | None = Seen, seed: int = 0) -> Request:
    pictures = tuple(
        Picture(jpeg=bytes([i]) * 30, width=320, height=180, time=float(i), key=f"k{i}")
        for i in range(2)
    )
    parts = (Frames(pictures=pictures), Text(text="Which colour?"))
    return Request(
        messages=(
            Message(role="system", parts=(Text(text="Look."),)),
            Message(role="user", parts=parts),
        ),
        max_tokens=50,
        schema=schema,
        seed=seed,
    )


def ask(server: Server, **settings: Any) -> Reply:
    return asyncio.run(vlm_at(server.url, **settings).ask(request()))


def test_frames_go_as_images_with_their_seconds_and_the_question_last() -> None:
    with serving(says(OK)) as server:
        reply = ask(server)
    assert reply.parsed == Seen(colour="green", sure=0.9)
    assert reply.usage is not None
    assert (reply.usage.input, reply.usage.output, reply.usage.cached) == (100, 10, 64)
    system, user = server.bodies[0]["messages"]
    assert system == {"role": "system", "content": "Look."}
    kinds = [part["type"] for part in user["content"]]
    assert kinds == ["text", "image_url", "text", "image_url", "text"]
    assert [p["text"] for p in user["content"] if p["type"] == "text"] == [
        "[0.0 s]",
        "[1.0 s]",
        "Which colour?",
    ]
    assert server.bodies[0]["max_tokens"] == 50
    schema = server.bodies[0]["response_format"]["json_schema"]
    assert schema["strict"] and schema["schema"]["required"] == ["colour", "sure"]
    assert schema["schema"]["additionalProperties"] is False


def test_one_object_serves_several_event_loops() -> None:
    with serving(says(OK)) as server:
        vlm = vlm_at(server.url)
        for _ in range(3):
            assert asyncio.run(vlm.ask(request())).outcome == "ok"


def test_a_server_without_schemas_is_asked_by_words_and_remembered() -> None:
    refusal = fails(400, "response_format of type json_schema is not supported")
    with serving(refusal, fails(422, "unknown field response_format"), says(OK)) as server:
        vlm = vlm_at(server.url)
        assert asyncio.run(vlm.ask(request())).attempts == 1
        asyncio.run(vlm.ask(request(seed=1)))
    formats = [body.get("response_format", {}).get("type") for body in server.bodies]
    assert formats == ["json_schema", "json_object", None, None]


def test_newer_models_get_the_names_they_want() -> None:
    with serving(
        fails(400, "Unsupported parameter: use 'max_completion_tokens' instead"),
        fails(400, "'temperature' does not support 0 with this model"),
        says(OK),
    ) as server:
        assert ask(server).outcome == "ok"
    last = server.bodies[-1]
    assert last["max_completion_tokens"] == 50
    assert "max_tokens" not in last and "temperature" not in last


def test_429_waits_as_long_as_the_server_asks() -> None:
    with serving(fails(429, "slow down", Retry_After="1"), says(OK)) as server:
        reply = ask(server)
    assert reply.attempts == 2
    assert server.at[1] - server.at[0] >= 1.0


def test_a_wait_of_an_hour_is_not_waited_for() -> None:
    with serving(fails(429, "quota", Retry_After="3600")) as server:
        with pytest.raises(VlmUnavailable, match=r"asks to wait 3[67]\d\d s"):
            ask(server)
        assert len(server.bodies) == 1


def test_500s_pass_or_are_given_up() -> None:
    with serving(says(OK), fails(500), fails(500), says(OK)) as server:
        vlm = vlm_at(server.url)
        asyncio.run(vlm.ask(request()))
        assert asyncio.run(vlm.ask(request(seed=1))).attempts == 3
    assert all("response_format" in body for body in server.bodies)
    with (
        serving(fails(503, "overloaded")) as server,
        pytest.raises(VlmUnavailable, match=r"overloaded.*2 attempts"),
    ):
        ask(server, retries=1)


def test_a_reply_that_breaks_off_is_not_asked_for_again() -> None:
    with serving(dies) as server:
        with pytest.raises(ReplyLost, match="broke while the reply was under way"):
            ask(server)
        assert len(server.bodies) == 1


def test_a_slow_drip_ends_at_the_time_limit() -> None:
    with serving(drips) as server:
        with pytest.raises(ReplyLost, match=r"within 0\.6 s"):
            ask(server, timeout_s=0.6)
        assert len(server.bodies) == 1


def test_a_body_that_is_not_json_is_lost() -> None:
    with serving(garbles) as server, pytest.raises(ReplyLost):
        ask(server)


def test_nobody_there_is_told_at_once() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        with pytest.raises(VlmUnavailable, match="cannot reach"):
            asyncio.run(vlm_at(url, retries=0).ask(request()))


@pytest.mark.parametrize("status", [400, 404, 413])
def test_a_refused_request_is_not_tried_again(status: int) -> None:
    with serving(fails(status, "image too large: 9000 px")) as server:
        with pytest.raises(RequestRefused, match=f"HTTP {status}.*image too large"):
            ask(server)
        assert len(server.bodies) == 1


def test_a_wrong_key_names_the_variable_and_not_the_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(fails(401, f"Incorrect API key provided: {KEY}")) as server:
        vlm = vlm_at(server.url)
        with pytest.raises(RequestRefused, match="set LONGTAKE_VLM_API_KEY") as caught:
            asyncio.run(vlm.ask(request()))
    told = [str(caught.value), vlm.name, vlm.identity, repr(vlm)]
    told += [record.getMessage() for record in caplog.records if "longtake" in record.name]
    assert not any(KEY in text for text in told)


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        (says("I would say it is green."), "unparsed"),
        (says('{"colour": "gre', finish="length"), "ok"),
        (says("Well, the picture", finish="length"), "truncated"),
        (says("   "), "empty"),
        (says(None), "empty"),
        (says("", refusal="I cannot help with that."), "refused"),
        (says("", finish="content_filter"), "refused"),
        (says(None, reasoning_content=OK), "ok"),
        (says(f"<think>red? no</think>```json\n{OK}\n```"), "ok"),
    ],
)
def test_every_ending_is_its_own_outcome(behaviour: Any, outcome: str) -> None:
    with serving(behaviour) as server:
        reply = ask(server)
    assert reply.outcome == outcome
    assert (reply.parsed is not None) is (outcome == "ok")
    assert reply.usage is not None and reply.usage.total == 110


def test_unknown_usage_stays_unknown() -> None:
    with serving(says(OK, usage=None)) as server:
        assert ask(server).usage is None


def test_usage_above_the_price_raises_later_prices(caplog: pytest.LogCaptureFixture) -> None:
    with serving(says(OK, usage=(50_000, 10))) as server:
        vlm = vlm_at(server.url)
        before = vlm.price(request()).input
        asyncio.run(vlm.ask(request()))
        after = vlm.price(request()).input
    assert before < 50_000 <= after
    assert "50000 tokens in were reported" in caplog.text


def test_text_becomes_cheaper_once_it_was_reported() -> None:
    with serving(says(OK, usage=(151, 10))) as server:
        vlm = vlm_at(server.url)
        before = vlm.price(request()).text
        asyncio.run(vlm.ask(request()))
        assert vlm.price(request()).text < before


def test_no_more_calls_at_a_time_than_allowed() -> None:
    running, most = 0, 0

    def slow(handler: Any, body: Any) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.15)
        running -= 1
        says(OK)(handler, body)

    async def many(vlm: OpenAiVlm) -> None:
        await asyncio.gather(*(vlm.ask(request(seed=i)) for i in range(6)))

    with serving(slow) as server:
        asyncio.run(many(vlm_at(server.url, concurrency=2)))
    assert most == 2


def test_a_cancelled_call_frees_its_slot() -> None:
    async def go(vlm: OpenAiVlm) -> Reply:
        task = asyncio.create_task(vlm.ask(request()))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await asyncio.wait_for(vlm.ask(request(seed=1)), 3)

    with serving(drips, says(OK)) as server:
        assert asyncio.run(go(vlm_at(server.url, concurrency=1))).outcome == "ok"


def test_tokens_that_were_not_used_are_given_back_to_the_rate() -> None:
    """A failed try and a reply that cost less than its price leave room for the next."""

    async def go(vlm: OpenAiVlm) -> list[str]:
        asked = [vlm.ask(request(seed=seed)) for seed in range(3)]
        return [(await asyncio.wait_for(one, 5)).outcome for one in asked]

    probe = vlm_at("http://127.0.0.1:9").price(request()).total
    failure = fails(503, Retry_After="0")
    with serving(failure, failure, says(OK, usage=(2, 4))) as server:
        vlm = vlm_at(server.url, tokens_per_minute=probe + 100)
        assert asyncio.run(go(vlm)) == ["ok"] * 3
    assert len(server.bodies) == 5
