"""Words that were said or written in a stretch, for showing beside its frames."""

from longtake.agent.requests import Quote, seconds
from longtake.agent.state import Row
from longtake.timing import Span
from longtake.tools.library import Library

MOST_LINES = 8
MOST_CHARACTERS = 160
"""Of one line; longer ones are cut with an ellipsis."""

KINDS = {"speech": "said", "text": "on screen", "visual": "seen"}


def quotes_in(library: Library, video_id: str, span: Span) -> list[Quote]:
    """What is said and written while the span is shown, in the order of time."""
    said = [
        (s.segment.start, s.segment.end, "said", s.segment.text)
        for s in library.segments(video_id, span)
    ]
    written = [
        (c.cue.start, c.cue.end, "on screen", c.cue.text) for c in library.cues(video_id, span)
    ]
    lines = sorted(dict.fromkeys([*said, *written]))
    return [
        (f"{seconds(start)}-{seconds(end)} s, {kind}", cut(text))
        for start, end, kind, text in _thinned(lines)
    ]


def row_head(label: str, video: str, row: Row) -> str:
    """`E3, V1, 12.0-14.5 s, said`."""
    return moment_head(label, video, row["start"], row["end"], KINDS[row["lane"]])


def moment_head(label: str, video: str, start: float, end: float, kind: str) -> str:
    """`E3, V1, 12.0-14.5 s, seen`."""
    return f"{label}, {video}, {seconds(start)}-{seconds(end)} s, {kind}"


def cut(text: str) -> str:
    """The text in at most `MOST_CHARACTERS`."""
    text = " ".join(text.split())
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


def _thinned(
    lines: list[tuple[float, float, str, str]],
) -> list[tuple[float, float, str, str]]:
    if len(lines) <= MOST_LINES:
        return lines
    step = len(lines) / MOST_LINES
    return [lines[int(i * step)] for i in range(MOST_LINES)]
