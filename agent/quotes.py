"""Words that were said or written in a stretch, for showing beside its frames."""

from dataclasses import replace

from longtake.agent.requests import Quote, seconds
from longtake.timing import Span
from longtake.tools.library import Library
from longtake.tools.read import capped, items_in

MOST_TOKENS = 1000
"""Of the words beside the frames of a look, counted as bytes, which no tokenizer exceeds."""
MOST_CHARACTERS = 160
"""Of one line; longer ones are cut with an ellipsis."""

KINDS = {"speech": "said", "text": "on screen", "visual": "seen"}


def quotes_in(library: Library, video_id: str, span: Span) -> list[Quote]:
    """What is said and written while the span is shown, in the order of time, at most
    `MOST_TOKENS`. No line takes all the room, whatever somebody has written into a video."""
    found = [replace(item, text=cut(item.text)) for item in items_in(library, video_id, span)]
    return [(item.head, item.text) for item in capped(found, MOST_TOKENS).items]


def moment_head(label: str, video: str, start: float, end: float, kind: str) -> str:
    """`E3, V1, 12.0-14.5 s, seen`."""
    return f"{label}, {video}, {seconds(start)}-{seconds(end)} s, {kind}"


def cut(text: str) -> str:
    """The text in at most `MOST_CHARACTERS`."""
    text = " ".join(text.split())
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"
