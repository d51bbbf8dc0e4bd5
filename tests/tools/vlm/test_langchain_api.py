"""Anthropic and Gemini through LangChain, against servers that speak their protocols and misbehave:
real SDKs, real HTTP."""

import asyncio
import base64
import json
import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from longtake.config import Settings
from longtake.errors import ReplyLost, RequestRefused, UsageError, VlmUnavailable
from longtake.tools.vlm.backends import open_vlm
from longtake.tools.vlm.langchain_api import LangchainVlm
from longtake.tools.vlm.messages import Reply, Usage
from tests.tools.vlm.fault_server import Server, dies, drips, garbles, serving
from tests.tools.vlm.test_openai_api import OK, Seen, request
from tests.tools.vlm.vendors import CLAUDE, GEMINI, Vendor

KEY = "sk-very-secret-key"


@pytest.fixture(params=[CLAUDE, GEMINI], ids=["claude", "gemini"])
def vendor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Vendor:
    chosen: Vendor = request.param
    for vendor in (CLAUDE, GEMINI):
        monkeypatch.delenv(vendor.key, raising=False)
    monkeypatch.setenv(chosen.key, KEY)
    return chosen


def vlm_at(url: str, vendor: Vendor, model: str | None = None, **settings: Any) -> LangchainVlm:
    values: dict[str, Any] = {"timeout_s": 5.0, "retries": 3, **settings}
    return LangchainVlm(model or vendor.model, Settings(vlm=values), base_url=url)


def ask(server: Server, vendor: Vendor, **settings: Any) -> Reply:
    return asyncio.run(vlm_at(server.root, vendor, **settings).ask(request()))


def test_claude_gets_pictures_in_order_with_their_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CLAUDE.key, KEY)
    with serving(CLAUDE.says(OK)) as server:
        assert ask(server, CLAUDE).parsed == Seen(colour="green", sure=0.9)
    assert server.paths == ["/v1/messages"]
    (body,) = server.bodies
    assert (body["system"], body["max_tokens"], body["temperature"]) == ("Look.", 50, 0.0)
    (user,) = body["messages"]
    assert user["role"] == "user"
    assert [part.get("text") for part in user["content"]] == [
        "[0.0 s]", None, "[1.0 s]", None, "Which colour?",
    ]  # fmt: skip
    images = [part["source"] for part in user["content"] if part["type"] == "image"]
    assert {image["media_type"] for image in images} == {"image/jpeg"}
    assert [base64.b64decode(image["data"]) for image in images] == [
        bytes([i]) * 30 for i in (0, 1)
    ]
    form = body["output_config"]["format"]
    assert form["type"] == "json_schema"
    assert form["schema"]["required"] == ["colour", "sure"]


def test_gemini_gets_pictures_in_order_with_their_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(GEMINI.key, KEY)
    with serving(GEMINI.says(OK)) as server:
        assert ask(server, GEMINI).parsed == Seen(colour="green", sure=0.9)
    assert server.paths[0].endswith("/models/gemini-2.5-flash:generateContent")
    assert KEY not in server.paths[0]
    (body,) = server.bodies
    assert body["systemInstruction"] == {"parts": [{"text": "Look."}]}
    config = body["generationConfig"]
    assert (config["maxOutputTokens"], config["temperature"]) == (50, 0.0)
    assert config["responseMimeType"] == "application/json"
    assert config["responseJsonSchema"]["required"] == ["colour", "sure"]
    (user,) = body["contents"]
    assert [part.get("text") for part in user["parts"]] == [
        "[0.0 s]", None, "[1.0 s]", None, "Which colour?",
    ]  # fmt: skip
    images = [part["inlineData"]["data"] for part in user["parts"] if "inlineData" in part]
    assert [base64.b64decode(data) for data in images] == [bytes([i]) * 30 for i in (0, 1)]


def test_cached_tokens_are_part_of_those_in(vendor: Vendor) -> None:
    """Anthropic reports them beside the others, Gemini among them; hidden thoughts are out."""
    with serving(vendor.says(OK, usage=(36, 64, 10))) as server:
        assert ask(server, vendor).usage == Usage(input=100, output=10, cached=64)


def test_tokens_that_make_a_cache_are_tokens_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CLAUDE.key, KEY)
    usage = {
        "input_tokens": 36, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 10,
    }  # fmt: skip
    with serving(CLAUDE.says(OK, usage=usage)) as server:
        assert ask(server, CLAUDE).usage == Usage(input=66, output=10, cached=0)


def test_a_report_above_the_price_raises_later_prices(
    vendor: Vendor, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(vendor.says(OK, usage=(40_000, 10_000, 10))) as server:
        vlm = vlm_at(server.root, vendor)
        before = vlm.price(request()).input
        asyncio.run(vlm.ask(request()))
        after = vlm.price(request()).input
    assert before < 50_000 <= after
    assert "50000 tokens in were reported" in caplog.text


@pytest.mark.parametrize("schema", [Seen, None])
def test_replies_that_do_not_parse_keep_their_tokens(vendor: Vendor, schema: Any) -> None:
    with serving(vendor.says("I would say it is green.")) as server:
        reply = asyncio.run(vlm_at(server.root, vendor).ask(request(schema=schema)))
    assert reply.outcome == ("ok" if schema is None else "unparsed")
    assert (reply.parsed, reply.text) == (None, "I would say it is green.")
    assert reply.usage == Usage(input=100, output=10, cached=64)


@pytest.mark.parametrize(
    ("text", "ending", "outcome"),
    [
        (f"<think>red? no</think>```json\n{OK}\n```", None, "ok"),
        ('{"colour": "gre', "truncated", "ok"),
        ("Well, the picture", "truncated", "truncated"),
        (None, "truncated", "truncated"),
        ("   ", None, "empty"),
        (None, None, "empty"),
        (None, "refused", "refused"),
        (OK, "refused", "refused"),
    ],
)
def test_every_ending_is_its_own_outcome(
    vendor: Vendor, text: str | None, ending: str | None, outcome: str
) -> None:
    stop = {"stop": vendor.stops[ending]} if ending is not None else {}
    with serving(vendor.says(text, **stop)) as server:
        reply = ask(server, vendor)
    assert reply.outcome == outcome
    assert (reply.parsed is not None) is (outcome == "ok")
    assert reply.usage is not None and reply.usage.total == 110


def test_a_prompt_that_gemini_blocks_is_refused(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(GEMINI.key, KEY)
    with serving(GEMINI.says(None, stop="blocked")) as server:
        reply = ask(server, GEMINI)
    assert (reply.outcome, reply.usage) == ("refused", None)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        {"input_tokens": 0, "output_tokens": 0, "promptTokenCount": 0},
        {"input_tokens": -5, "output_tokens": 3, "promptTokenCount": -5, "totalTokenCount": 9},
    ],
)
def test_usage_that_cannot_be_is_unknown(vendor: Vendor, usage: Any) -> None:
    with serving(vendor.says(OK, usage=usage)) as server:
        reply = ask(server, vendor)
    assert (reply.outcome, reply.usage) == ("ok", None)


def test_429_waits_as_long_as_the_server_asks(vendor: Vendor) -> None:
    with serving(vendor.fails(429, "slow down", Retry_After="0.7"), vendor.says(OK)) as server:
        assert ask(server, vendor).attempts == 2
    assert server.at[1] - server.at[0] >= 0.7


def test_gemini_asks_to_wait_in_its_body(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(GEMINI.key, KEY)

    def busy(handler: Any, body: Any) -> None:
        info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3600s"}
        error = {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED", "details": [info]}
        handler.send_json({"error": error}, 429)

    with serving(busy) as server:
        with pytest.raises(VlmUnavailable, match=r"asks to wait 3[67]\d\d s"):
            ask(server, GEMINI)
        assert len(server.bodies) == 1


@pytest.mark.parametrize("status", [429, 500, 503, 529])
def test_failures_that_nobody_bills_are_tried_again(vendor: Vendor, status: int) -> None:
    quick = {"Retry_After": "0"}
    with serving(
        vendor.fails(status, **quick), vendor.fails(status, **quick), vendor.says(OK)
    ) as s:
        assert ask(s, vendor).attempts == 3
    with serving(vendor.fails(status, "overloaded", **quick)) as server:
        with pytest.raises(VlmUnavailable, match=r"overloaded.*2 attempts"):
            ask(server, vendor, retries=1)
        assert len(server.bodies) == 2


@pytest.mark.parametrize("status", [400, 404, 413])
def test_a_refused_request_is_not_tried_again(vendor: Vendor, status: int) -> None:
    with serving(vendor.fails(status, "image too large: 9000 px")) as server:
        with pytest.raises(RequestRefused, match=f"HTTP {status}.*image too large"):
            ask(server, vendor)
        assert len(server.bodies) == 1


def test_a_reply_that_breaks_off_is_not_asked_for_again(vendor: Vendor) -> None:
    with serving(dies) as server:
        with pytest.raises(ReplyLost, match="the reply was lost"):
            ask(server, vendor)
        assert len(server.bodies) == 1


def test_a_slow_drip_ends_at_the_time_limit(vendor: Vendor) -> None:
    with serving(drips) as server:
        with pytest.raises(ReplyLost, match=r"within 0\.6 s"):
            ask(server, vendor, timeout_s=0.6)
        assert len(server.bodies) == 1


def test_a_body_that_is_not_json_is_lost(vendor: Vendor) -> None:
    with serving(garbles) as server:
        with pytest.raises(ReplyLost):
            ask(server, vendor)
        assert len(server.bodies) == 1


def test_nobody_there_is_told_at_once(vendor: Vendor) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(VlmUnavailable, match="cannot reach"):
            asyncio.run(vlm_at(url, vendor, retries=0).ask(request()))


def test_keys_are_nowhere(vendor: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with serving(
        vendor.fails(429, f"{KEY} is over its quota", Retry_After="0"),
        vendor.fails(401, f"Incorrect API key provided: {KEY}"),
    ) as server:
        vlm = vlm_at(server.root, vendor)
        with pytest.raises(RequestRefused, match=f"set {vendor.key}") as caught:
            asyncio.run(vlm.ask(request()))
    told = [str(caught.value), vlm.name, vlm.identity, repr(vlm), caplog.text]
    assert not any(KEY in text for text in told)
    assert "trying again" in caplog.text
    assert "***" in str(caught.value)


def test_without_a_key_nothing_is_asked(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(vendor.key)
    with pytest.raises(UsageError, match=f"needs a key: set {vendor.key}"):
        open_vlm(Settings(vlm={"model": vendor.model}))


def test_one_object_serves_several_event_loops(vendor: Vendor) -> None:
    with serving(vendor.says(OK)) as server:
        vlm = vlm_at(server.root, vendor)

        async def several(seed: int) -> list[str]:
            asked = [vlm.ask(request(seed=seed + i)) for i in range(3)]
            made: list[str] = [reply.outcome for reply in await asyncio.gather(*asked)]
            await vlm.close()
            return made

        for seed in range(3):
            assert asyncio.run(several(seed)) == ["ok"] * 3
        with ThreadPoolExecutor(4) as pool:
            side_by_side = pool.map(lambda seed: asyncio.run(several(seed)), range(8))
            assert list(side_by_side) == [["ok"] * 3] * 8


def test_a_model_without_schemas_is_asked_by_words_and_remembered(vendor: Vendor) -> None:
    refusal = vendor.fails(400, "output_config.format: responseJsonSchema is not supported")
    with serving(refusal, vendor.says(OK)) as server:
        vlm = vlm_at(server.root, vendor)
        first = asyncio.run(vlm.ask(request()))
        second = asyncio.run(vlm.ask(request(seed=1)))
    assert (first.attempts, first.outcome, second.outcome) == (1, "ok", "ok")
    asked = ["schema" in json.dumps(body).lower() for body in server.bodies]
    assert asked == [True, False, False]


def test_a_model_without_temperatures_is_asked_without(vendor: Vendor) -> None:
    with serving(vendor.fails(400, "`temperature` is deprecated"), vendor.says(OK)) as server:
        assert ask(server, vendor).outcome == "ok"
    assert ["0.0" in json.dumps(b) for b in server.bodies] == [True, True]  # the frame's time
    asked = ['"temperature": 0.0' in json.dumps(body) for body in server.bodies]
    assert asked == [True, False]


def test_a_temperature_that_langchain_refuses_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CLAUDE.key, KEY)
    with serving(CLAUDE.says(OK)) as server:
        vlm = vlm_at(server.root, CLAUDE, "anthropic:claude-sonnet-5-5")
        assert asyncio.run(vlm.ask(request())).outcome == "ok"
    assert "temperature" not in server.bodies[0]


def test_a_cancelled_call_frees_its_slot(vendor: Vendor) -> None:
    async def go(vlm: LangchainVlm) -> Reply:
        task = asyncio.create_task(vlm.ask(request()))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await asyncio.wait_for(vlm.ask(request(seed=1)), 3)

    with serving(drips, vendor.says(OK)) as server:
        assert asyncio.run(go(vlm_at(server.root, vendor, concurrency=1))).outcome == "ok"


def test_tokens_that_were_not_used_are_given_back_to_the_rate(vendor: Vendor) -> None:
    """A failed try and a reply that cost less than its price leave room for the next."""

    async def go(vlm: LangchainVlm) -> list[str]:
        asked = [vlm.ask(request(seed=seed)) for seed in range(3)]
        return [(await asyncio.wait_for(one, 5)).outcome for one in asked]

    probe = vlm_at("http://127.0.0.1:9", vendor).price(request()).total
    failure = vendor.fails(503, Retry_After="0")
    with serving(failure, failure, vendor.says(OK, usage=(2, 0, 4))) as server:
        vlm = vlm_at(server.root, vendor, tokens_per_minute=probe + 100)
        assert asyncio.run(go(vlm)) == ["ok"] * 3
    assert len(server.bodies) == 5
