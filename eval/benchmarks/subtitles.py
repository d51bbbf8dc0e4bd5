"""Subtitles as benchmarks give them to models: those at the times of the frames shown."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from longtake.index.captions import Caption, file_captions
from longtake.index.subtitles import FORMATS


def from_file(path: Path) -> list[Caption]:
    """Captions of a SubRip, WebVTT or ASS file, by time, without markup such as `<font ...>`.

    Raises:
        MediaError: the file cannot be read as subtitles.
    """
    found = file_captions(path, FORMATS.get(path.suffix.lower(), "srt"))
    return sorted((caption for caption in found if caption.lines), key=lambda c: c.start)


def text(caption: Caption) -> str:
    """The lines of a caption as one."""
    return " ".join(caption.lines)


def standing(captions: Sequence[Caption], times_s: Iterable[float]) -> list[str]:
    """Texts that stand on screen at one of the times, in their order, each caption once."""
    times = sorted(times_s)
    return [
        text(caption)
        for caption in captions
        if any(caption.start <= time < caption.end for time in times)
    ]


def write_srt(captions: Sequence[Caption], path: Path) -> None:
    """Write captions as SubRip, so that they can be indexed with a video."""
    blocks = [
        f"{number}\n{_stamp(caption.start)} --> {_stamp(caption.end)}\n" + "\n".join(caption.lines)
        for number, caption in enumerate(captions, 1)
    ]
    path.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


def _stamp(seconds: float) -> str:
    millis = round(seconds * 1000)
    hours, millis = divmod(millis, 3_600_000)
    minutes, millis = divmod(millis, 60_000)
    return f"{hours:02d}:{minutes:02d}:{millis // 1000:02d},{millis % 1000:03d}"
