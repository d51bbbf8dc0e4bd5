"""A transcript or the on-screen text of one video as subtitles."""

from collections.abc import Iterable
from typing import NamedTuple


class Caption(NamedTuple):
    """Text with the seconds it stands."""

    start: float
    end: float
    text: str


def as_srt(captions: Iterable[Caption]) -> str:
    r"""SubRip text.

    >>> print(as_srt([Caption(1.5, 2.25, "Hello")]), end="")
    1
    00:00:01,500 --> 00:00:02,250
    Hello
    """
    return "\n".join(
        f"{number}\n{_clock(caption.start, ',')} --> {_clock(caption.end, ',')}\n"
        f"{_lines(caption.text)}\n"
        for number, caption in enumerate(captions, start=1)
    )


def as_vtt(captions: Iterable[Caption]) -> str:
    """WebVTT text; what looks like markup in a caption is escaped."""
    blocks = [
        f"{_clock(caption.start, '.')} --> {_clock(caption.end, '.')}\n"
        f"{_lines(_escaped(caption.text))}\n"
        for caption in captions
    ]
    return "\n".join(["WEBVTT\n", *blocks])


def _clock(seconds: float, mark: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{milliseconds // 1000:02d}{mark}{milliseconds % 1000:03d}"


def _lines(text: str) -> str:
    """`text` without the empty lines that would end a caption early."""
    return "\n".join(line for line in text.splitlines() if line.strip())


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
