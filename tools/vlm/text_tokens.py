"""How many tokens the words of a request cost: exactly by the model's own tokenizer, else by a
bound that reported usage brings down.

The bound rests on bytes: a token of a byte-level BPE, or of a SentencePiece model with byte
fallback, stands for at least one byte of UTF-8, so a text never has more tokens than bytes. The few
tokens that a chat template writes around each message are counted apart.
"""

from collections.abc import Sequence
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


Words = tuple[str, ...]
"""What a processor writes before, between and after the runs of tokens of one picture or video."""


class TextCounter(Protocol):
    """Counts the words of messages."""

    @property
    def exact(self) -> bool:
        """Whether counts are the model's own."""

    def count(
        self, messages: tuple[Message, ...], *, as_video: bool, words: Sequence[Words] = ()
    ) -> int:
        """Tokens of all words, labels of frames and the chat template's own.

        Args:
            words: for each picture or video, in order, what its processor writes around and between
                its runs of tokens (`Layout.words`); bounds leave it to the family.
        """

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

    def count(
        self, messages: tuple[Message, ...], *, as_video: bool, words: Sequence[Words] = ()
    ) -> int:
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

    def count(
        self, messages: tuple[Message, ...], *, as_video: bool, words: Sequence[Words] = ()
    ) -> int:
        """Tokens without those of pictures and their delimiters."""
        written: list[dict[str, Any]] = []
        kinds: list[str] = []
        for message in messages:
            parts = laid_out(message.parts, as_video=as_video)
            if all(isinstance(part, Text) for part in parts):
                told = "\n".join(part.text for part in parts if isinstance(part, Text))
                written.append({"role": message.role, "content": told})
                continue
            content: list[dict[str, Any]] = []
            for part in parts:
                if isinstance(part, Text):
                    content.append({"type": "text", "text": part.text})
                else:
                    kinds.append("image" if isinstance(part, Picture) else "video")
                    content.append({"type": kinds[-1]})
            written.append({"role": message.role, "content": content})
        # a special token ends words on either side of it, as a run of a picture's tokens does
        mark = self._tokenizer.all_special_tokens[0]
        text, rest, marks = "", self._templated(written), 0
        for kind, own in zip(kinds, words or [("", "")] * len(kinds), strict=True):
            before, _, rest = rest.partition(self._placeholder(kind))
            text += before + mark.join(own)
            marks += len(own) - 1
        return len(self._tokenizer.encode(text + rest, add_special_tokens=False)) - marks

    def learn(self, messages_bytes: int, tokens: int) -> None:
        """Nothing: it is exact."""

    def _templated(self, written: list[dict[str, Any]]) -> str:
        text: str = self._tokenizer.apply_chat_template(
            written, tokenize=False, add_generation_prompt=True
        )
        return text

    def _placeholder(self, kind: str) -> str:
        """What the template writes for one picture."""
        if kind not in self._placeholders:
            before, after = "<<before>>", "<<after>>"
            content = [
                {"type": "text", "text": before},
                {"type": kind},
                {"type": "text", "text": after},
            ]
            text = self._templated([{"role": "user", "content": content}])
            self._placeholders[kind] = text.partition(before)[2].partition(after)[0]
        return self._placeholders[kind]

    @cached_property
    def _placeholders(self) -> dict[str, str]:
        return {}

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(self._folder)
