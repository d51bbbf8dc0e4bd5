"""A model that sees colours by arithmetic: it decodes the frames it is sent and answers in the
product's JSON. Exact, instant and deterministic, so that tests of the graph can state what a run
must do; the trained model of tests/data goes through the same loop in test_tiny_vlm.py."""

import io
import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from longtake.agent.replies import AnswerReply, LookReply, PlanReply, ReflectReply
from longtake.tools.vlm.messages import Frames, Price, Reply, Request, Text, Usage, words_of

COLOURS = {
    "red": (200, 30, 30),
    "green": (30, 170, 40),
    "blue": (30, 50, 200),
    "yellow": (220, 210, 40),
    "black": (15, 15, 15),
    "white": (240, 240, 240),
}
"""As in tests/data/colours.py."""
PATCH = 28


def colour_of(jpeg: bytes) -> str:
    """Name of the nearest colour to the mean of a picture."""
    mean = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")).reshape(-1, 3).mean(0)
    return min(COLOURS, key=lambda name: float(np.abs(mean - COLOURS[name]).sum()))


class Eyes:
    """Sees colours. `replies` overrides what it says to requests of a schema."""

    name = "eyes"
    identity = "eyes/1"

    def __init__(self, replies: dict[type, Callable[[Request], str]] | None = None) -> None:
        self._replies = replies or {}
        self.asked: list[Request] = []

    def price(self, request: Request) -> Price:
        return Price(
            visual=sum(
                -(-p.width // PATCH) * -(-p.height // PATCH)
                for frames in _frames(request)
                for p in frames.pictures
            ),
            text=len(words_of(request.messages).encode()) // 3 + 10 * len(request.messages),
            output=request.max_tokens,
            exact=True,
        )

    async def ask(self, request: Request) -> Reply:
        self.asked.append(request)
        assert request.schema is not None
        say = self._replies.get(request.schema, _SAY[request.schema])
        text = say(request)
        price = self.price(request)
        try:
            parsed = request.schema.model_validate_json(text)
        except ValueError:
            parsed = None
        return Reply(
            text=text,
            parsed=parsed,
            outcome="ok" if parsed is not None else "unparsed",
            usage=Usage(input=price.input, output=min(request.max_tokens, len(text) // 3)),
            seconds=0.0,
        )

    async def close(self) -> None:
        pass


def _frames(request: Request) -> list[Frames]:
    return [p for m in request.messages for p in m.parts if isinstance(p, Frames)]


def _question(request: Request) -> str:
    words = [p.text for p in request.messages[-1].parts if isinstance(p, Text)][-1]
    match = re.search(r"^Question: (.*)$", words, re.M)
    return match[1] if match else ""


def asked_colour(question: str) -> str | None:
    """The colour a question names."""
    found = re.search("|".join(COLOURS), question)
    return found[0] if found else None


def look_at_colours(request: Request, wanted: str | None = None) -> str:
    """What is seen of a colour; of the one the question names when None."""
    pictures = _frames(request)[0].pictures
    wanted = wanted or asked_colour(_question(request))
    seen = [(p.time, colour_of(p.jpeg)) for p in pictures]
    gap = (pictures[-1].time - pictures[0].time) / max(1, len(pictures) - 1) / 2
    shown = [name == wanted for _, name in seen]
    spans = [(seen[begin][0] - gap, seen[end - 1][0] + gap) for begin, end in _runs(shown)]
    reply: dict[str, Any] = {
        "relevant": bool(spans),
        "claim": f"The screen is {wanted if spans else seen[0][1]}.",
        "confidence": 0.9 if spans else 0.1,
        "closer": None,
    }
    if '"more"' in words_of(request.messages):
        reply["more"] = spans[1:]
        spans = spans[:1]
    if spans:
        reply |= {"from": spans[0][0], "to": spans[-1][1]}
    return json.dumps(reply)


def _runs(shown: list[bool]) -> list[tuple[int, int]]:
    """[begin, end) of every run of True."""
    edges = [
        i
        for i in range(len(shown) + 1)
        if (i < len(shown) and shown[i]) != (i > 0 and shown[i - 1])
    ]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _answer(request: Request) -> str:
    words = words_of(request.messages[1:2])
    wanted = asked_colour(_question(request)) or "?"
    for label, start, end, text in re.findall(
        r'^\[(E\d+), V\d+, ([\d.]+)-([\d.]+) s, seen\] "(.*)"$', words, re.M
    ):
        if f"is {wanted}" in text:
            option = re.search(rf"([A-Z])\) [^)]*{wanted}", words)
            return json.dumps(
                {
                    "answer": f"The screen is {wanted} from {start} s to {end} s.",
                    "option": option[1] if option else None,
                    "confidence": 0.9,
                    "evidence": [{"label": label, "from": float(start), "to": float(end)}],
                    "missing": None,
                }
            )
    missing = f"no frame showed {wanted}"
    return json.dumps({"answer": "", "confidence": 0.1, "evidence": [], "missing": missing})


def _plan(request: Request) -> str:
    return json.dumps({"sub_queries": [{"text": _question(request), "lanes": ["visual"]}]})


def _reflect(request: Request) -> str:
    return json.dumps({"enough": False, "action": "look", "why": "no idea"})


_SAY: dict[type, Callable[[Request], str]] = {
    LookReply: look_at_colours,
    AnswerReply: _answer,
    PlanReply: _plan,
    ReflectReply: _reflect,
}
