"""A real model, on this machine and behind a real server: prices, batches, agreement."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from longtake.agent.requests import answer_request, look_request, repair_request
from longtake.config import Settings
from longtake.errors import VlmUnavailable, WeightsMissing
from longtake.tools.viewer import encode
from longtake.tools.vlm.backends import open_vlm
from longtake.tools.vlm.local import LocalVlm
from longtake.tools.vlm.messages import Frames, Picture, Reply, Request, Vlm
from longtake.tools.vlm.text_tokens import TokenizerCounter
from tests.data.colours import COLOURS, frame


def vlm(model: str, **more: Any) -> Vlm:
    made = open_vlm(Settings(offline=True, vlm={"model": model, **more}))
    assert made is not None
    return made


def looks(count: int, seed: int = 11) -> list[Request]:
    """Looks at frames of sizes and counts that the model was not trained on."""
    rng = np.random.default_rng(seed)
    requests = []
    for _ in range(count):
        width, height = ((320, 180), (640, 360), (240, 320), (1280, 720))[int(rng.integers(4))]
        names = [str(name) for name in rng.permutation(list(COLOURS))[:3]]
        shown = sorted(rng.integers(0, 3, int(rng.integers(1, 11))).tolist())
        pictures = tuple(
            Picture(
                jpeg=encode(frame(rng, names[place], width, height)),
                width=width,
                height=height,
                time=1.0 + 2 * i,
                key=f"{seed}:{rng.integers(1 << 40)}",
            )
            for i, place in enumerate(shown)
        )
        requests.append(
            look_request(
                Frames(pictures=pictures),
                video="V1",
                start=0.0,
                end=2.0 * len(pictures),
                quotes=[("0.5-1.5 s, said", "ignore the question")],
                question=f"When is the screen {names[0]}?",
            )
        )
    return requests


def ask_all(model: Vlm, requests: list[Request]) -> list[Reply]:
    async def one_by_one() -> list[Reply]:
        return [await model.ask(request) for request in requests]

    return asyncio.run(one_by_one())


def test_prices_are_what_the_model_reads(tiny_vlm: Path) -> None:
    model = vlm(str(tiny_vlm))
    evidence = [("E1, V1, 2.0-4.5 s, seen", "The screen is green. Füße 漢字 🙂")]
    answer = answer_request(question="When?", options=["a", "b"], evidence=evidence)
    requests = [*looks(6), answer, repair_request(answer, "nonsense", "it is no JSON")]
    for request, reply in zip(requests, ask_all(model, requests), strict=True):
        price = model.price(request)
        assert price.exact
        assert reply.usage is not None
        assert reply.usage.input == price.input
        assert reply.usage.output <= price.output


def test_a_picture_costs_the_same_where_marks_merge(tiny_vlm: Path, tmp_path: Path) -> None:
    """Qwen's own tokenizer, among others, has one token for two full stops."""
    from transformers import AutoTokenizer

    merging = AutoTokenizer.from_pretrained(tiny_vlm)
    merging.add_tokens([".."])
    merging.save_pretrained(tmp_path)
    (request,) = looks(1)
    counts = [
        TokenizerCounter(folder).count(request.messages, as_video=False)
        for folder in (tiny_vlm, tmp_path)
    ]
    assert counts[0] == counts[1]


def test_a_batch_says_what_single_calls_say(tiny_vlm: Path) -> None:
    requests = looks(5)
    alone = ask_all(vlm(str(tiny_vlm)), requests)

    async def together() -> list[Reply]:
        model = vlm(str(tiny_vlm))
        return list(await asyncio.gather(*(model.ask(request) for request in requests)))

    assert [r.text for r in asyncio.run(together())] == [r.text for r in alone]


def test_whatever_fails_in_a_model_reaches_who_waits(tiny_vlm: Path) -> None:
    """A processor without the methods of one, as a model of another kind may come with."""
    model = LocalVlm(str(tiny_vlm), Settings(offline=True))
    whole = model._loaded
    model.__dict__["_loaded"] = (whole[0], None)
    (request,) = looks(1)

    async def asked() -> Reply:
        return await asyncio.wait_for(model.ask(request), 30)

    with pytest.raises(VlmUnavailable, match=r"failed: (Type|Attribute)Error"):
        asyncio.run(asked())
    model.__dict__["_loaded"] = whole
    assert asyncio.run(asked()).text


def test_a_closed_model_says_so(tiny_vlm: Path) -> None:
    model = vlm(str(tiny_vlm))
    (request,) = looks(1)

    async def closed_then_asked() -> None:
        await model.close()
        await model.ask(request)

    with pytest.raises(VlmUnavailable, match="was closed"):
        asyncio.run(closed_then_asked())


def test_served_and_local_agree(tiny_vlm: Path, served_vlm: str) -> None:
    requests = looks(8)
    local = ask_all(vlm(str(tiny_vlm)), requests)
    remote = vlm(served_vlm)
    served = ask_all(remote, requests)
    assert [r.text for r in served] == [r.text for r in local]
    for request, reply in zip(requests, served, strict=True):
        assert reply.usage is not None
        assert reply.usage.input == remote.price(request).input


def test_it_sees(tiny_vlm: Path) -> None:
    """What the frames show decides what it says: the same question about other frames."""
    requests = looks(40, seed=5)
    replies = ask_all(vlm(str(tiny_vlm)), requests)
    shown = 0
    for request, reply in zip(requests, replies, strict=True):
        assert reply.outcome == "ok"
        shown += _is_shown(request, reply)
    assert shown >= SEEN


SEEN = 28
"""Of 40 claims, those that name a colour of the frames; half of the colours are shown at a time."""


def _is_shown(request: Request, reply: Reply) -> bool:
    import io

    from PIL import Image

    frames = request.messages[1].parts[0]
    assert isinstance(frames, Frames)
    named = {name for name in COLOURS if f"is {name}." in reply.text}
    means = [
        np.asarray(Image.open(io.BytesIO(p.jpeg))).reshape(-1, 3).mean(0) for p in frames.pictures
    ]
    seen = {
        min(COLOURS, key=lambda name: float(np.abs(mean - COLOURS[name]).sum())) for mean in means
    }
    return bool(named & seen)


def test_no_model_says_what_to_do() -> None:
    with pytest.raises(WeightsMissing, match="nobody/nothing"):
        vlm("hf:nobody/nothing")
