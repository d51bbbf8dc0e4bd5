"""What is said and written in a stretch of a video, as few words as are needed: whole sentences,
every on-screen text once, in the order of time, under a cap of tokens.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from longtake.index.lanes import Segment
from longtake.index.records import CueRecord
from longtake.timing import Span
from longtake.tools.library import Library

PAUSE_S = 1.0
"""Speech that goes on within this much of a piece without an end belongs to its sentence."""
LONGEST_SENTENCE_S = 30.0

_ENDS = re.compile("[.!?\u2026][\"')\\]\u201d\u2019]*$")
_JOINERS = "\u200c\u200d"
_UNSEEN = frozenset({"Cc", "Cf", "Cs"})
_KINDS = {"speech": "said", "text": "on screen"}

Count = Callable[[str], int]
"""Tokens of a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextItem:
    """Words found in a video."""

    text: str
    span: Span
    """When they are said or stand on the screen."""
    lane: Literal["speech", "text"]

    @property
    def head(self) -> str:
        """`12.0-14.5 s, said`."""
        return f"{self.span.start:.1f}-{self.span.end:.1f} s, {_KINDS[self.lane]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Words under a cap."""

    items: tuple[TextItem, ...]
    """In the order of time."""
    tokens: int
    """Of `text`."""
    left_out: int
    """Items for which there was no room."""

    @property
    def text(self) -> str:
        """One line an item, as models are shown it."""
        return as_text(self.items)


def text_line(item: TextItem) -> str:
    """`[12.0-14.5 s, said] "words"`: data, not instructions."""
    return f"[{item.head}] {quoted(item.text)}"


def as_text(items: Iterable[TextItem]) -> str:
    """One line an item."""
    return "\n".join(text_line(item) for item in items)


def quoted(words: str) -> str:
    """A JSON string of what can be seen, without angle brackets: `</data>` inside cannot close the
    data, and what people would not see no model reads."""
    text = json.dumps(" ".join(visible(words).split()), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e")


def visible(words: str) -> str:
    """The words without control characters, format characters (directions, tags, zero widths, but
    not the joiners of scripts and emoji), supplementary variation selectors and surrogates."""
    return "".join(
        character
        for character in words
        if character.isspace()
        or character in _JOINERS
        or not (
            unicodedata.category(character) in _UNSEEN or "\U000e0100" <= character <= "\U000e01ef"
        )
    )


def byte_count(text: str) -> int:
    """Tokens at most, for any tokenizer: none has more tokens than bytes."""
    return len(text.encode())


def items_in(library: Library, video_id: str, span: Span) -> list[TextItem]:
    """Sentences and on-screen text that overlap a span, whole, in the order of time. Text that
    only repeats what is said at that time (subtitles in the picture) is left out."""
    near = Span(max(0.0, span.start - LONGEST_SENTENCE_S), span.end + LONGEST_SENTENCE_S)
    said = sentences(record.segment for record in library.segments(video_id, near))
    said = [item for item in said if item.span.overlap(span) > 0]
    written = [
        item for item in unique_cues(library.cues(video_id, span)) if not _spoken(item, said)
    ]
    return sorted([*said, *written], key=in_time)


def sentences(segments: Iterable[Segment]) -> list[TextItem]:
    """Segments in the order of time, put together to whole sentences of at most
    `LONGEST_SENTENCE_S`."""
    made: list[TextItem] = []
    for segment in segments:
        last = made[-1] if made else None
        words = " ".join(segment.text.split())
        if (
            last is not None
            and not _ENDS.search(last.text)
            and segment.start - last.span.end <= PAUSE_S
            and segment.end - last.span.start <= LONGEST_SENTENCE_S
        ):
            span = last.span.union(segment.span)
            made[-1] = replace(last, text=f"{last.text} {words}", span=span)
        elif words:
            made.append(TextItem(text=words, span=segment.span, lane="speech"))
    return made


def unique_cues(cues: Iterable[CueRecord]) -> list[TextItem]:
    """On-screen text, each wording once, from its first to its last appearance. Of two that stand
    together the one that only repeats a part of the other is left out."""
    made: dict[str, TextItem] = {}
    for record in cues:
        cue = record.cue
        key = plain(cue.text)
        if not key:
            continue
        known = made.get(key)
        span = cue.span if known is None else known.span.union(cue.span)
        text = " ".join(cue.text.split()) if known is None else known.text
        made[key] = TextItem(text=text, span=span, lane="text")
    return [
        item
        for key, item in made.items()
        if not any(
            f" {key} " in f" {other} " and _within(item.span, longer.span)
            for other, longer in made.items()
            if other != key
        )
    ]


def plain(text: str) -> str:
    """Words alone, in lower case."""
    return " ".join(re.findall(r"\w+", text.lower()))


def _within(span: Span, other: Span) -> bool:
    return other.start <= span.start and span.end <= other.end


def _spoken(item: TextItem, said: Sequence[TextItem]) -> bool:
    words = f" {plain(item.text)} "
    return any(
        words in f" {plain(other.text)} " and other.span.overlap(item.span) > 0
        for other in said
        if len(words.split()) > 2
    )


def _length(item: TextItem) -> int:
    return len(item.text)


def in_time(item: TextItem) -> tuple[float, float, str, str]:
    """Sorts items by time."""
    return item.span.start, item.span.end, item.lane, item.text


def capped(
    items: Sequence[TextItem],
    most_tokens: int,
    *,
    count: Count = byte_count,
    scores: Sequence[float] | None = None,
) -> Reading:
    """As many whole items as fit under the cap.

    Args:
        items: in the order of time.
        count: tokens of a text; by default the bound by bytes.
        scores: what is kept first; None keeps items spread evenly over the list.
    """
    order = np.argsort(-np.asarray(scores), kind="stable") if scores is not None else None

    def chosen(number: int) -> list[TextItem]:
        if order is not None:
            return [items[i] for i in sorted(order[:number].tolist())]
        return [items[(2 * i + 1) * len(items) // (2 * number)] for i in range(number)]

    low, high = 0, len(items)
    while low < high:
        middle = (low + high + 1) // 2
        if count(as_text(chosen(middle))) <= most_tokens:
            low = middle
        else:
            high = middle - 1
    kept = chosen(low)
    if not kept:
        # the first choice alone is too long: the next one that fits stands for all
        tried = [items[i] for i in order] if order is not None else sorted(items, key=_length)
        kept = [item for item in tried if count(text_line(item)) <= most_tokens][:1]
    tokens = count(as_text(kept)) if kept else 0
    return Reading(items=tuple(kept), tokens=tokens, left_out=len(items) - len(kept))


def read_span(
    library: Library, video_id: str, span: Span, most_tokens: int, *, count: Count = byte_count
) -> Reading:
    """What is said and written in a span, under a cap."""
    return capped(items_in(library, video_id, span), most_tokens, count=count)
