"""Going on from prompts that were read: the same replies as without, and how much is kept."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from longtake.agent.requests import answer_request, repair_request
from longtake.config import Settings
from longtake.tools.vlm import local
from longtake.tools.vlm.local import LocalVlm
from longtake.tools.vlm.local_inputs import tensors
from longtake.tools.vlm.messages import Frames, Message, Reply, Request, Text
from longtake.tools.vlm.prefixes import Prefixes, reusable, spell
from tests.tools.vlm.test_tiny_vlm import looks


def open_tiny(folder: Path) -> LocalVlm:
    return LocalVlm(str(folder), Settings(offline=True))


def ask_all(model: LocalVlm, requests: Sequence[Request]) -> list[Reply]:
    async def one_by_one() -> list[Reply]:
        return [await model.ask(request) for request in requests]

    return asyncio.run(one_by_one())


def asked_else(request: Request, question: str) -> Request:
    """Another question about the same frames."""
    system, user = request.messages
    words = user.parts[-1]
    assert isinstance(words, Text)
    head, mark, tail = words.text.partition("Question: ")
    assert mark
    text = head + mark + question + tail[tail.index("\n") :]
    return replace(
        request, messages=(system, replace(user, parts=(user.parts[0], Text(text=text))))
    )


def shown_else(request: Request, other: Request) -> Request:
    """The same words about the frames of another request, as many and as large."""
    system, user = request.messages
    frames, instead = user.parts[0], other.messages[1].parts[0]
    assert isinstance(frames, Frames) and isinstance(instead, Frames)
    first = instead.pictures[0]
    pictures = tuple(replace(p, jpeg=first.jpeg) for p in frames.pictures)
    parts = (Frames(pictures=pictures), *user.parts[1:])
    return replace(request, messages=(system, replace(user, parts=parts)))


def logits(model: Any, processor: Any, prefixes: Prefixes, requests: Sequence[Request]) -> Any:
    """(token ids, logits of every step, tokens not read again) of one batch."""
    import torch

    batch = tensors(processor, requests, as_video=False)
    with torch.inference_mode():
        spelled = [spell(request, as_video=False) for request in requests]
        reading = prefixes.begin(model, batch, spelled)
        made = model.generate(
            **reading.inputs,
            max_new_tokens=24,
            do_sample=False,
            return_dict_in_generate=True,
            output_logits=True,
        )
        prefixes.end(reading)
    return made.sequences, torch.stack(made.logits), reading.known


def test_tokens_and_logits_are_those_of_reading_anew(tiny_vlm: Path) -> None:
    model, processor = open_tiny(tiny_vlm)._loaded
    assert reusable(model)
    shared = Prefixes()
    batch = looks(3)
    logits(model, processor, shared, batch)  # left-padded: prompts of different lengths
    for first in batch:
        other = asked_else(first, "What colour does it have at the end, and why?")
        again = repair_request(first, "nonsense", "it is no JSON")
        for request in (other, again, first):
            ids, scores, known = logits(model, processor, shared, [request])
            bare_ids, bare_scores, none = logits(model, processor, Prefixes(), [request])
            assert none == 0
            assert known > ids.shape[1] / 3
            assert ids.tolist() == bare_ids.tolist()
            assert float((scores - bare_scores).abs().max()) < 1e-3


def test_other_pictures_of_the_same_size_are_read_anew(tiny_vlm: Path) -> None:
    first, other = looks(2)
    same_words = shown_else(first, other)
    warm = open_tiny(tiny_vlm)
    replies = ask_all(warm, [first, same_words, first])
    assert [bool(r.usage and r.usage.cached) for r in replies] == [False, False, True]
    assert replies[1].text == ask_all(open_tiny(tiny_vlm), [same_words])[0].text
    assert replies[2].text == replies[0].text


def test_usage_tells_what_was_not_read_again(tiny_vlm: Path) -> None:
    (look,) = looks(1)
    answer = answer_request(question="When is it green?", options=[], evidence=[("E1", "green")])
    requests = [look, repair_request(look, "no", "no JSON"), answer, asked_else(look, "Is it red?")]
    model = open_tiny(tiny_vlm)
    usages = [reply.usage for reply in ask_all(model, requests)]
    for request, usage in zip(requests, usages, strict=True):
        assert usage is not None
        assert usage.input == model.price(request).input
    cached = [usage.cached for usage in usages if usage is not None]
    assert cached[0] == 0
    assert cached[1] == model.price(look).input  # goes on after the cue to reply
    assert cached[2] < 20  # the words that all system prompts begin with
    assert model.price(look).visual < cached[3] < model.price(look).input


def test_what_is_kept_is_bounded(tiny_vlm: Path) -> None:
    model, processor = open_tiny(tiny_vlm)._loaded
    requests = looks(4)
    config = model.config.text_config
    head = config.hidden_size // config.num_attention_heads
    per_token = 2 * 4 * config.num_key_value_heads * head * config.num_hidden_layers
    sizes = [tensors(processor, [r], as_video=False)["input_ids"].shape[1] for r in requests]
    prefixes = Prefixes(most_bytes=per_token * (sizes[2] + sizes[3]))
    for request in requests:
        logits(model, processor, prefixes, [request])
    assert prefixes.size == per_token * (sizes[2] + sizes[3])
    known = [prefixes.knows(spell(request, as_video=False)) for request in requests]
    assert known == [False, False, True, True]
    small = Prefixes(most_bytes=per_token)
    logits(model, processor, small, requests[:1])
    assert small.size == 0


class Sizes:
    """Wraps a model's `generate`; remembers the shape of each batch."""

    def __init__(self, model: Any) -> None:
        self.shapes: list[tuple[int, int]] = []
        self._generate = model.generate
        model.generate = self

    def __call__(self, **inputs: Any) -> Any:
        rows, length = inputs["input_ids"].shape
        self.shapes.append((rows, length + inputs["max_new_tokens"]))
        return self._generate(**inputs)


def test_batches_are_bounded_in_tokens(tiny_vlm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "BATCH_TOKENS", 1000)
    words = ["Tell. " * n for n in (5, 20, 40, 300, 5, 20, 5, 5, 5)]
    requests = [
        Request(messages=(Message(role="user", parts=(Text(text=f"{i}: {text}"),)),), max_tokens=16)
        for i, text in enumerate(words)
    ]
    model = open_tiny(tiny_vlm)
    seen = Sizes(model._loaded[0])

    async def together() -> list[Reply]:
        return list(await asyncio.gather(*(model.ask(request) for request in requests)))

    replies = asyncio.run(together())
    assert sum(rows for rows, _ in seen.shapes) == len(requests)
    assert all(rows == 1 or rows * length <= 1000 for rows, length in seen.shapes)
    assert any(rows > 1 for rows, _ in seen.shapes)
    alone = ask_all(open_tiny(tiny_vlm), requests)
    assert [r.text for r in replies] == [r.text for r in alone]
