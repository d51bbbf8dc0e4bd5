"""How many tokens pictures cost: what every way of counting has in common.

Counts are what the visual part of a prompt adds: placeholders and the family's own delimiters.
The arithmetic of each family is in `tokens_qwen`, `tokens_open` and `tokens_vendors`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

STAMP_TOKENS = 12
"""Bound of the text that a processor itself writes for a frame's time, `<12345.6 seconds>`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A picture or video as its processor writes it: runs of tokens of its own, and words between
    them that are counted like any others."""

    tokens: int
    """Placeholders and marks, each one token in every tokenizer of the family."""
    words: tuple[str, ...] = ("", "")
    """Before the first run, between runs, after the last."""


class Family(ABC):
    """A way of counting pictures."""

    name: str
    takes_video: bool = False
    """Whether frames can be sent as one video."""
    video_exact: bool = False
    """Whether tokens of a video were shown to be those of the real processor; else a bound."""

    @abstractmethod
    def image_tokens(self, width: int, height: int) -> int:
        """Tokens of one picture of that size in pixels."""

    def video_tokens(self, count: int, width: int, height: int) -> int:
        """Tokens of `count` frames sent as one video; images where there is no such thing."""
        return count * self.image_tokens(width, height)

    def image_layout(self, width: int, height: int) -> Layout:
        """One picture as written."""
        return Layout(tokens=self.image_tokens(width, height))

    def video_layout(self, times: Sequence[float], width: int, height: int) -> Layout:
        """Frames at these seconds as written, sent as one video."""
        return Layout(tokens=self.video_tokens(len(times), width, height))


@dataclass(frozen=True, slots=True)
class Largest(Family):
    """A bound for models of unknown family: the most that any of them counts."""

    families: tuple[Family, ...]
    name: str = "unknown"

    def image_tokens(self, width: int, height: int) -> int:
        """The largest count."""
        return max(family.image_tokens(width, height) for family in self.families)

    def video_tokens(self, count: int, width: int, height: int) -> int:
        """The largest count."""
        return max(family.video_tokens(count, width, height) for family in self.families)
