"""What is sent to a model that sees, what comes back, and what both cost."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import BaseModel

Role = Literal["system", "user", "assistant"]

Outcome = Literal["ok", "unparsed", "truncated", "refused", "empty"]
"""How a reply ended: `ok` has text (and, with a schema, a parsed value); the others have no parsed
value: it did not fit the schema, was cut at `max_tokens`, was withheld by the model or its
provider, or was blank."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Words."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One encoded frame. The same frame at the same size has the same bytes every time, so that
    caches of prompts and of image encoders hit."""

    jpeg: bytes = field(repr=False)
    width: int
    """Pixels."""
    height: int
    time: float
    """Second of its video."""
    key: str
    """Names video, time, crop, size and stamp; equal keys have equal bytes."""
    stamped: bool = False
    """The second is drawn into the picture, so that no words need to tell it."""

    @property
    def digest(self) -> str:
        """SHA-256 of its bytes, in hexadecimal."""
        return hashlib.sha256(self.jpeg).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """Frames of one video in the order of time, all of one size.

    A backend sends them as one video where it can, else as images with their seconds before each.
    """

    pictures: tuple[Picture, ...]

    def __post_init__(self) -> None:
        sizes = {(picture.width, picture.height) for picture in self.pictures}
        if len(sizes) != 1:
            raise ValueError(f"frames must be one or more of one size, got sizes {sorted(sizes)}")


Part = Text | Frames | Picture
"""A picture by itself, such as a contact sheet, is always sent as an image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One turn."""

    role: Role
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call of a model, complete."""

    messages: tuple[Message, ...]
    max_tokens: int
    """Most tokens of the reply."""
    schema: type[BaseModel] | None = None
    """What the reply must be, as JSON; None is free text."""
    temperature: float = 0.0
    seed: int = 0
    """Also tells apart calls that are meant to differ though they say the same."""

    def key(self, model: str) -> str:
        """SHA-256 of everything that decides the reply, pictures included."""
        parts: list[Any] = [model, self.max_tokens, self.temperature, self.seed]
        parts.append(self.schema.model_json_schema() if self.schema is not None else None)
        for message in self.messages:
            parts.append(message.role)
            for part in message.parts:
                if isinstance(part, Text):
                    parts.append(part.text)
                    continue
                for picture in part.pictures if isinstance(part, Frames) else (part,):
                    size = [picture.width, picture.height]
                    parts.append([picture.time, *size, picture.digest])
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Tokens that a request may cost at most."""

    visual: int
    text: int
    """Text in, chat template included."""
    output: int
    exact: bool
    """`visual + text` is what the model's own processor would count, not a bound."""

    @property
    def input(self) -> int:
        """Visual and text tokens."""
        return self.visual + self.text

    @property
    def total(self) -> int:
        """All of it."""
        return self.visual + self.text + self.output


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens that a provider reported for one call."""

    input: int
    """All tokens in, those from a prompt cache included."""
    output: int
    """All tokens out, hidden reasoning included."""
    cached: int = 0
    """Of `input`, those the provider had in its prompt cache."""

    @property
    def total(self) -> int:
        """In and out."""
        return self.input + self.output


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a model answered."""

    text: str
    parsed: BaseModel | None
    """An instance of the request's schema; None unless `outcome` is `ok` and there is a schema."""
    outcome: Outcome
    usage: Usage | None
    """None where the provider reports nothing: unknown stays unknown."""
    seconds: float
    """From sending to the last byte, the last attempt alone."""
    attempts: int = 1
    """Calls made, those that failed unbilled included."""


class Prices(Protocol):
    """Knows what requests cost."""

    def price(self, request: Request) -> Price:
        """What a request may cost at most; spends nothing."""


class Vlm(Protocol):
    """A model that sees."""

    @property
    def name(self) -> str:
        """For people and receipts, such as `openai:gpt-5.1`; holds no secret."""

    @property
    def identity(self) -> str:
        """Everything beside the request that decides a reply: endpoint, model, revision."""

    def price(self, request: Request) -> Price:
        """What a request may cost at most; spends nothing."""

    async def ask(self, request: Request) -> Reply:
        """Send it. Failures that no provider bills (refused connection, 429, 5xx with a reply) are
        tried again here; one that may have been billed is not.

        Raises:
            ReplyLost: the connection broke or time ran out after the request had been sent.
            VlmUnavailable: the server could not be reached or kept failing.
            RequestRefused: the server refuses this request (too long, bad image, no such model).
        """

    async def close(self) -> None:
        """Let go of connections and memory."""


def laid_out(parts: Sequence[Part], *, as_video: bool) -> list[Text | Picture | Frames]:
    """Parts as they go over the wire: every image after a text with its second, or each run of
    frames as one video after a text with all their seconds; a frame alone is no video (Qwen3-VL's
    processor refuses one), and frames that carry their second need no text. Prices and backends
    both use this."""
    wire: list[Text | Picture | Frames] = []
    for part in parts:
        if isinstance(part, Text):
            wire.append(part)
        elif isinstance(part, Frames) and as_video and len(part.pictures) > 1:
            unsaid = [f"{picture.time:.1f}" for picture in part.pictures if not picture.stamped]
            if unsaid:
                wire.append(Text(text=f"Frames at {', '.join(unsaid)} s:"))
            wire.append(part)
        else:
            for picture in part.pictures if isinstance(part, Frames) else (part,):
                if not picture.stamped:
                    wire.append(Text(text=f"[{picture.time:.1f} s]"))
                wire.append(picture)
    return wire


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoClock:
    """How frames sent as a video are numbered, for processors that write their times."""

    fps: float
    indices: tuple[int, ...]
    """Number of each frame in a video of that rate."""
    duration: float
    """Seconds."""

    @classmethod
    def of(cls, times: Sequence[float]) -> "VideoClock":
        """The clock of frames at these seconds, ascending."""
        gap = (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 1.0
        fps = 1 / gap if gap > 0 else 1.0
        return cls(
            fps=fps,
            indices=tuple(round(time * fps) for time in times),
            duration=times[-1] - times[0] + gap,
        )

    @property
    def seconds(self) -> list[float]:
        """What processors take for the frames' times."""
        return [index / self.fps for index in self.indices]


def words_of(messages: Sequence[Message]) -> str:
    """All text of the messages, for people."""
    texts = [part.text for m in messages for part in m.parts if isinstance(part, Text)]
    return "\n\n".join(texts)
