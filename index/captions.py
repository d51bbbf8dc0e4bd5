"""Captions in subtitle files and streams: text with the time it stands, without markup."""

import html
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pysubs2

from longtake.errors import MediaError
from longtake.index.media import open_media, timeline_start

_MAX_BYTES = 32 * 2**20
REPEAT_GAP_S = 0.25
"""A line that comes again this soon after it went is the same line still standing."""

_TAG = re.compile(r"</?[A-Za-z][^<>]*>|</>|<\d[\d:.]*>")
_COMMAND = re.compile(r"\{\\[^}]*\}")


class Caption(NamedTuple):
    """Lines of text that stand from `start` to `end`, in seconds."""

    start: float
    end: float
    lines: tuple[str, ...]


def file_captions(path: Path, claimed: str) -> Iterator[Caption]:
    """Captions of a subtitle file, in its order; `claimed` is the format its name tells.

    Raises:
        MediaError: the file is missing, too large or not subtitles.
    """
    text = _text(path)
    if not text.strip():
        return
    form = _format(text, claimed)
    markup = form in ("srt", "vtt")
    if markup:  # before pysubs2 does, which takes any "<" for the start of a tag
        text = _TAG.sub("", text)
    try:
        parsed = pysubs2.SSAFile.from_string(text, format_=form)
    except (pysubs2.Pysubs2Error, ValueError, IndexError, KeyError, OverflowError) as exc:
        raise MediaError(f"{str(path)!r} cannot be read as subtitles: {exc}") from exc
    if not parsed.events and not text.lstrip().startswith(("WEBVTT", "[Script Info]")):
        raise MediaError(f"{str(path)!r} holds no subtitles")
    for event in parsed.events:
        if not event.is_comment and not event.is_drawing:
            plain = _plain(event.text) if markup else event.plaintext
            yield Caption(event.start / 1000, event.end / 1000, _lines(plain, markup=markup))


def _plain(text: str) -> str:
    r"""Text of SubRip and WebVTT, where braces are text unless they hold a `{\command}`."""
    return _COMMAND.sub("", text).replace(r"\N", "\n")


def _format(text: str, claimed: str) -> str:
    """The format by the text's first line where it tells, else by the file's name."""
    head = text.lstrip()
    if head.startswith("WEBVTT"):
        return "vtt"
    if head.startswith("[Script Info]"):
        return "ass" if "V4+" in text else "ssa"
    return "srt" if claimed in ("srt", "vtt") else claimed


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise MediaError(f"{str(path)!r} is too large for subtitles (over 32 MiB)")
        data = path.read_bytes()
    except OSError as exc:
        raise MediaError(f"{str(path)!r} cannot be read: {exc.strerror}") from exc
    return _decoded(data).replace("\0", "")


def _decoded(data: bytes) -> str:
    """Text by its byte order mark; else UTF-16 by its zero bytes, UTF-8, or a Western code page."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    head = data[:200]
    if head.count(0) > len(head) // 4:
        little = head[1::2].count(0) >= head[::2].count(0)
        return data.decode("utf-16-le" if little else "utf-16-be", errors="replace")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def stream_captions(path: Path, index: int) -> Iterator[Caption]:
    """Captions of a text stream in a video, on the video's timeline.

    Raises:
        MediaError: the video cannot be read.
    """
    with open_media(path) as container:
        stream = container.streams[index]
        start = timeline_start(container)
        for packet in container.demux(stream):
            if packet.pts is None or packet.duration is None:
                continue
            begin = float(packet.pts * packet.time_base) - start
            lines = _packet_lines(stream, packet)
            yield Caption(begin, begin + float(packet.duration * packet.time_base), lines)


def _packet_lines(stream: Any, packet: Any) -> tuple[str, ...]:
    found = stream.codec_context.decode2(packet)
    lines: list[str] = []
    for rect in found or ():
        # FFmpeg turns every text codec into ASS: eight fields, then the text.
        fields = rect.ass.decode("utf-8", errors="replace").split(",", 8)
        event = pysubs2.SSAEvent(text=fields[-1].replace("\r\n", r"\N"))
        if not event.is_drawing:
            lines += _lines(event.plaintext, markup=stream.codec_context.name not in ("ass", "ssa"))
    return tuple(lines)


def _lines(text: str, *, markup: bool) -> tuple[str, ...]:
    if markup:
        text = html.unescape(_TAG.sub("", text))
    stripped = (" ".join(line.split()) for line in text.splitlines())
    return tuple(line for line in stripped if line)


def without_repeats(captions: Iterable[Caption]) -> Iterator[Caption]:
    """Captions with only the lines that are new; one that says nothing new extends the last."""
    standing: dict[str, float] = {}  # line -> when it was last seen to go
    last: Caption | None = None
    for caption in captions:
        gone = caption.start - REPEAT_GAP_S
        standing = {line: end for line, end in standing.items() if end >= gone}
        fresh = tuple(line for line in caption.lines if line not in standing)
        standing |= {line: max(caption.end, standing.get(line, 0)) for line in caption.lines}
        if fresh:
            if last is not None:
                yield last
            last = caption._replace(lines=fresh)
        elif last is not None and set(last.lines) <= set(caption.lines):
            last = last._replace(end=max(last.end, caption.end))
    if last is not None:
        yield last
