"""Pictures that go to a vLLM once: a server that keeps them by name, forgets, starts anew."""

import asyncio
import hashlib
from typing import Any

import pytest

from longtake.config import Settings
from longtake.errors import RequestRefused
from longtake.tools.vlm.backends import open_vlm
from longtake.tools.vlm.messages import Frames, Message, Picture, Reply, Request, Text
from longtake.tools.vlm.openai_api import OpenAiVlm
from tests.tools.vlm.fault_server import Handler, fails, says, serving


class Keeper:
    """Behaves like vLLM: takes a picture with its name, then the name alone."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def __call__(self, handler: Handler, body: dict[str, Any]) -> None:
        for kind, content, name in sent(body):
            if content is None and name not in self.kept:
                miss = fails(400, f"Cache miss for {kind} at index 0 but data is not provided.")
                return miss(handler, body)
            self.kept[name] = content or self.kept[name]
        return says("seen")(handler, body)


def sent(body: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """(kind, content, name) of each picture of a call."""
    parts = [part for m in body["messages"] for part in m["content"] if isinstance(part, dict)]
    return [(p["type"], p[p["type"]], p.get("uuid")) for p in parts if p["type"] != "text"]


def vlm_at(url: str, *, as_video: bool = False, names_pictures: bool = True) -> OpenAiVlm:
    return OpenAiVlm(
        "Qwen2.5-VL-3B",
        base_url=url,
        api_key="none",
        settings=Settings(vlm={"timeout_s": 5.0, "retries": 0}),
        name="here#qwen",
        as_video=as_video,
        names_pictures=names_pictures,
    )


def request(*shades: int, question: str = "Which colour?") -> Request:
    pictures = tuple(
        Picture(jpeg=bytes([n]) * 30, width=320, height=180, time=float(n), key=f"k{n}")
        for n in shades
    )
    parts = (Frames(pictures=pictures), Text(text=question))
    return Request(messages=(Message(role="user", parts=parts),), max_tokens=50)


def ask_all(vlm: OpenAiVlm, *requests: Request) -> list[Reply]:
    async def one_by_one() -> list[Reply]:
        return [await vlm.ask(request) for request in requests]

    return asyncio.run(one_by_one())


def test_a_picture_goes_once_and_then_by_name() -> None:
    keeper = Keeper()
    with serving(keeper) as server:
        replies = ask_all(vlm_at(server.url), request(1, 2), request(1, 2, 3, question="And now?"))
    assert [reply.outcome for reply in replies] == ["ok", "ok"]
    first, second = (sent(body) for body in server.bodies)
    names = [hashlib.sha256(bytes([n]) * 30).hexdigest() for n in (1, 2, 3)]
    assert [name for _, _, name in first] == names[:2]
    assert all(content is not None for _, content, _ in first)
    assert [name for _, _, name in second] == names
    assert [content is None for _, content, _ in second] == [True, True, False]


def test_frames_as_one_video_go_once() -> None:
    with serving(Keeper()) as server:
        ask_all(vlm_at(server.url, as_video=True), request(1, 2), request(1, 2), request(2, 1))
    kinds = [(kind, content is None) for body in server.bodies for kind, content, _ in sent(body)]
    assert kinds == [("video_url", False), ("video_url", True), ("video_url", False)]


def test_a_server_that_was_started_anew_is_sent_the_bytes() -> None:
    keeper = Keeper()
    with serving(keeper) as server:
        vlm = vlm_at(server.url)
        ask_all(vlm, request(1))
        keeper.kept.clear()
        (reply,) = ask_all(vlm, request(1, question="Again?"))
        ask_all(vlm, request(1, question="And again?"))
    assert reply.outcome == "ok" and reply.attempts == 1
    nulls = [[content is None for _, content, _ in sent(body)] for body in server.bodies]
    assert nulls == [[False], [True], [False], [True]]


def test_a_server_that_keeps_nothing_is_soon_always_sent_bytes() -> None:
    keeper = Keeper()

    def forgetful(handler: Handler, body: dict[str, Any]) -> None:
        keeper(handler, body)
        keeper.kept.clear()

    with serving(forgetful) as server:
        vlm = vlm_at(server.url)
        ask_all(vlm, *[request(1, question=f"{n}?") for n in range(10)])
    calls = [content is None for body in server.bodies for _, content, _ in sent(body)]
    assert calls.count(True) == 3
    assert len(calls) == 13


def test_what_is_refused_with_its_bytes_is_refused() -> None:
    with serving(says("seen"), fails(400, "At most 1 image(s) may be provided")) as server:
        vlm = vlm_at(server.url)
        ask_all(vlm, request(1))
        with pytest.raises(RequestRefused, match="At most 1 image"):
            ask_all(vlm, request(1, 2))
    assert [len(sent(body)) for body in server.bodies] == [1, 2, 2]


def test_other_servers_get_no_names() -> None:
    with serving(says("seen")) as server:
        ask_all(vlm_at(server.url, names_pictures=False), request(1), request(1))
    assert [(c is None, n) for body in server.bodies for _, c, n in sent(body)] == [
        (False, None),
        (False, None),
    ]


@pytest.mark.parametrize(("owner", "named"), [("vllm", True), ("somebody", False)])
def test_a_vllm_is_known_by_its_list_of_models(owner: str, named: bool) -> None:
    with serving(Keeper()) as server:
        server.models = [{"id": "qwen2.5-vl", "object": "model", "owned_by": owner}]
        vlm = open_vlm(Settings(vlm={"model": server.url, "video": False}))
        assert vlm is not None and vlm.name.endswith("#qwen2.5-vl")
        asyncio.run(vlm.ask(request(1)))
    ((_, _, name),) = sent(server.bodies[0])
    assert (name is not None) is named
