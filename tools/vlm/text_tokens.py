"""How many tokens the words of a request cost: exactly by the model's own tokenizer, else by a
bound that reported usage brings down.

The bound rests on bytes: a token of a byte-level BPE, or of a SentencePiece model with byte
fallback, stands for at least one byte of UTF-8, so a text never has more tokens than bytes. The few
tokens that a chat template writes around each message are counted apart.
"""

from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from longtake.tools.vlm.messages import Message, Picture, Text, laid_out

PER_MESSAGE = 12
"""Bound of the tokens a chat template writes around a message: role, marks, line ends."""
PER_REQUEST = 24
"""Bound of what it writes once: start, default system words, the cue to reply."""
MARGIN = 1.15
"""Above the largest share of tokens to bytes that was reported."""


class TextCounter(Protocol):
    """Counts the words of messages."""

    @property
    def exact(self) -> bool:
        """Whether counts are the model's own."""

    def count(self, messages: tuple[Message, ...], *, as_video: bool) -> int:
        """Tokens of all words, labels of frames and the chat template's own."""

    def learn(self, messages_bytes: int, tokens: int) -> None:
        """What so many bytes of text turned out to cost."""


def text_bytes(messages: tuple[Message, ...], *, as_video: bool) -> int:
    """Bytes of UTF-8 of all words of the messages, labels of frames included."""
    return sum(
        len(part.text.encode())
        for message in messages
        for part in laid_out(message.parts, as_video=as_video)
        if isinstance(part, Text)
    )


class BoundCounter:
    """A proven bound at first; then the largest reported share of tokens to bytes with a margin."""

    exact = False

    def __init__(self) -> None:
        self._share: float | None = None

    def count(self, messages: tuple[Message, ...], *, as_video: bool) -> int:
        """Tokens at most."""
        size = text_bytes(messages, as_video=as_video)
        share = 1.0 if self._share is None else min(1.0, self._share * MARGIN)
        return -int(-size * share // 1) + PER_MESSAGE * len(messages) + PER_REQUEST

    def learn(self, messages_bytes: int, tokens: int) -> None:
        """A reported count, of text alone; only ever raises the share once it is known."""
        if messages_bytes > 0 and tokens > 0:
            self._share = max(self._share or 0.0, tokens / messages_bytes)


class TokenizerCounter:
    """Counts with the chat template and the tokenizer of a model folder. Pictures are left to the
    family: the tokens that the template writes for them are taken off.

    Args:
        folder: with `tokenizer.json` and a chat template.
    """

    exact = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def count(self, messages: tuple[Message, ...], *, as_video: bool) -> int:
        """Tokens without those of pictures and their delimiters."""
        written: list[dict[str, Any]] = []
        pictures = 0
        for message in messages:
            parts = laid_out(message.parts, as_video=as_video)
            if all(isinstance(part, Text) for part in parts):
                words = "\n".join(part.text for part in parts if isinstance(part, Text))
                written.append({"role": message.role, "content": words})
                continue
            content: list[dict[str, Any]] = []
            for part in parts:
                if isinstance(part, Text):
                    content.append({"type": "text", "text": part.text})
                else:
                    pictures += 1
                    kind = "image" if isinstance(part, Picture) else "video"
                    content.append({"type": kind})
            written.append({"role": message.role, "content": content})
        kind = "video" if as_video else "image"
        return self._count(written) - pictures * self._placeholder(kind)

    def learn(self, messages_bytes: int, tokens: int) -> None:
        """Nothing: it is exact."""

    def _count(self, written: list[dict[str, Any]]) -> int:
        text = self._tokenizer.apply_chat_template(
            written, tokenize=False, add_generation_prompt=True
        )
        return len(self._tokenizer.encode(text, add_special_tokens=False))

    def _placeholder(self, kind: str) -> int:
        """Tokens that the template writes for one picture: what a second one adds to a first. Words
        on both sides would not do, since they may be one token where no picture stands between."""
        if kind not in self._placeholders:
            one, two = (
                self._count([{"role": "user", "content": [{"type": kind}] * number}])
                for number in (1, 2)
            )
            self._placeholders[kind] = two - one
        return self._placeholders[kind]

    @cached_property
    def _placeholders(self) -> dict[str, int]:
        return {}

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(self._folder)
