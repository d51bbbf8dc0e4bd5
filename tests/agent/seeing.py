"""A model that sees colours by arithmetic: it decodes the frames it is sent and answers in the
product's JSON. Exact, instant and deterministic, so that tests of the graph can state what a run
must do; the trained model of tests/data goes through the same loop in test_tiny_vlm.py."""

import io
import json
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from PIL import Image

from longtake.agent.policies.replies import (
    SpotlightAnswer,
    SpotlightReply,
    ZoomAnswer,
    ZoomReply,
)
from longtake.agent.replies import AnswerReply, LookReply, PlanReply, ReflectReply, YesReply
from longtake.tools.vlm.messages import (
    Frames,
    Picture,
    Price,
    Reply,
    Request,
    Text,
    Usage,
    words_of,
)
from longtake.tools.vlm.parsing import parse_reply

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
            visual=sum(-(-p.width // PATCH) * -(-p.height // PATCH) for p in _pictures(request)),
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
        parsed, _ = parse_reply(text, request.schema)
        return Reply(
            text=text,
            parsed=parsed,
            outcome="ok" if parsed is not None else "unparsed",
            usage=Usage(input=price.input, output=min(request.max_tokens, len(text) // 3)),
            seconds=0.0,
        )

    async def close(self) -> None:
        pass


def _pictures(request: Request) -> list[Picture]:
    """Every picture that is sent, contact sheets included."""
    parts = [part for message in request.messages for part in message.parts]
    frames = [p for part in parts if isinstance(part, Frames) for p in part.pictures]
    return [*frames, *(part for part in parts if isinstance(part, Picture))]


def _frames(request: Request) -> list[Picture]:
    """Single frames in the order of time; contact sheets are beyond these eyes."""
    parts = [part for message in request.messages for part in message.parts]
    frames = [p for part in parts if isinstance(part, Frames) for p in part.pictures]
    return sorted(frames, key=lambda picture: picture.time)


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
    pictures = _frames(request)
    if not pictures:
        return json.dumps({"relevant": False, "claim": "Too small.", "confidence": 0.1})
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


def say_yes(request: Request) -> str:
    """1 for each picture of the colour that the question names, 0 for the others."""
    words = words_of(request.messages)
    match = re.search(r"^Question about a video: (.*)$", words, re.M)
    wanted = asked_colour(match[1]) if match else None
    return json.dumps({"yes": [int(colour_of(p.jpeg) == wanted) for p in _pictures(request)]})


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


SEEN_WELL = 3
"""Frames of one colour after another that are needed to be sure of it."""


def _zoom(request: Request) -> str:
    """Zooms into where the colour flashes up; answers once a zoom, or enough frames, show it."""
    wanted = asked_colour(_question(request))
    offered = request.schema is ZoomReply
    shown = _shown(request)
    zooms = [(label, frames) for head, label, frames in shown if head.startswith("Zoom")]
    for sure, views in ((True, zooms), (False, [(label, frames) for _, label, frames in shown])):
        for label, frames in views:
            found = _run_of(frames, wanted)
            if found is None:
                continue
            start, end, count = found
            if offered and not sure and count < SEEN_WELL:
                thought = f"{wanted} flashes up near {start:.1f} s"
                return _said(thought, "zoom", label, start, end)
            claim = f"The screen is {wanted}."
            return _said(claim, "answer", label, start, end, answer=claim, confidence=0.9)
    return _said(f"no frame shows {wanted}", "answer", None, None, None)


def _said(thought: str, action: str, video: str | None, start: Any, end: Any, **more: Any) -> str:
    said = {"thought": thought, "action": action, "video": video, "from": start, "to": end}
    return json.dumps({"answer": "", "confidence": 0.1, **said, **more})


def _shown(request: Request) -> list[tuple[str, str, Frames]]:
    """The text before each run of frames, the video that it names, and the frames."""
    shown = []
    for message in request.messages:
        for before, part in pairwise(message.parts):
            if isinstance(before, Text) and isinstance(part, Frames):
                label = re.search(r"V\d+", before.text)
                assert label is not None
                shown.append((before.text, label[0], part))
    return shown


def _run_of(frames: Frames, wanted: str | None) -> tuple[float, float, int] | None:
    """When a colour is seen, half a gap around its frames, and in how many of them."""
    pictures = frames.pictures
    times = [p.time for p in pictures if colour_of(p.jpeg) == wanted]
    if not times:
        return None
    gap = (pictures[-1].time - pictures[0].time) / max(1, len(pictures) - 1) / 2
    return max(0.0, times[0] - gap), times[-1] + gap, len(times)


def _spot(request: Request) -> str:
    """Looks between frames of different colours until one shows what is asked for, then on both
    sides of it, and answers."""
    wanted = asked_colour(_question(request))
    seen: dict[str, dict[int, str]] = {}
    for head, label, frames in _shown(request):
        numbers = re.findall(r"\d+", head.partition("order: ")[2].partition("(")[0])
        for number, picture in zip(numbers, frames.pictures, strict=True):
            seen.setdefault(label, {})[int(number)] = colour_of(picture.jpeg)
    asked = [
        (said["video"], said["from"], said["to"])
        for message in request.messages
        if message.role == "assistant"
        for said in [json.loads(words_of([message]))]
    ]
    edges: list[tuple[str, int, int]] = []
    for label, colours in seen.items():
        ordered = sorted(colours.items())
        for (low, one), (high, other) in pairwise(ordered):
            if one != other and high - low > 12 and (label, low, high) not in asked:
                edges.append((label, low, high))
    found = next(
        (
            (label, sorted(n for n, c in colours.items() if c == wanted))
            for label, colours in seen.items()
            if wanted in colours.values()
        ),
        None,
    )
    if found is not None:
        label, numbers_found = found
        edges = [e for e in edges if e[0] == label and {e[1], e[2]} & set(numbers_found)]
    if edges and request.schema is SpotlightReply:
        label, low, high = edges[0]
        return _said(f"between frames {low} and {high}", "choose", label, low, high)
    if found is None:
        return _said(f"no frame shows {wanted}", "answer", None, None, None)
    claim = f"The screen is {wanted}."
    first, last = numbers_found[0], numbers_found[-1]
    return _said(claim, "answer", label, first, last, answer=claim, confidence=0.9)


_SAY: dict[type, Callable[[Request], str]] = {
    LookReply: look_at_colours,
    YesReply: say_yes,
    AnswerReply: _answer,
    PlanReply: _plan,
    ReflectReply: _reflect,
    ZoomReply: _zoom,
    ZoomAnswer: _zoom,
    SpotlightReply: _spot,
    SpotlightAnswer: _spot,
}
