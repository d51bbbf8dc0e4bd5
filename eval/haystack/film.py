"""A day as a video file, streamed to the encoder: memory does not grow with its length."""

import hashlib
import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from longtake.eval.haystack.acts import Day
from longtake.eval.haystack.config import WorldConfig
from longtake.eval.haystack.draw import Painter
from longtake.eval.haystack.novelty import Watcher
from longtake.eval.haystack.sound import Placed, Speaker, Track

MTIME_S = 946_684_800
"""Of every file: the first second of 2000."""
BLOCK_BYTES = 256 * 1024
"""File sizes are multiples of it, so that they tell nothing."""
X264 = {"preset": "veryfast", "crf": "25", "threads": "1", "sc_threshold": "0", "bf": "2"}
"""One thread and no key frames at cuts: the same bytes for the same frames, nothing to see in
the container."""

Progress = Callable[[int, int], None]
"""Frames done, frames in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """A finished video, measured from its file."""

    path: Path
    times_s: NDArray[np.float64]
    """[frames + 1]: when each frame comes on, as the file says, and the end of the last."""
    frames_sha256: str
    """Over all pictures as they went to the encoder."""
    lines: tuple[Placed, ...]
    watcher: Watcher


def make_film(
    day: Day,
    config: WorldConfig,
    folder: Path,
    speaker: Speaker | None,
    progress: Progress | None = None,
) -> Film:
    """Draw, encode and measure a day."""
    painter = Painter(day, config.width, config.height)
    track = Track(day.lines, speaker, seconds=config.seconds, seed=int(day.video[:8], 16))
    watcher = Watcher(day, config.fps)
    hashed = hashlib.sha256()
    path = folder / f"{day.video}.mp4"
    fresh = folder / f"{day.video}.partial"
    with av.open(str(fresh), "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        video = container.add_stream("libx264", rate=config.fps)
        video.options = {**X264, "g": str(round(config.gop_s * config.fps))}
        video.width, video.height, video.pix_fmt = config.width, config.height, "yuv420p"
        audio = container.add_stream("aac", rate=track.rate)
        audio.layout, audio.bit_rate = "mono", 64_000
        for stream in (video, audio):
            stream.codec_context.flags |= av.codec.context.Flags.bitexact.value
        sent = 0
        for number in range(day.frames):
            pixels = painter.frame(number)
            hashed.update(pixels.tobytes())
            watcher.see(number, pixels)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, config.fps)
            container.mux(video.encode(frame))
            upto = round((number + 1) * track.rate / config.fps)
            sound = track.read(upto)
            block = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
            block.sample_rate, block.pts, block.time_base = (
                track.rate,
                sent,
                Fraction(1, track.rate),
            )
            container.mux(audio.encode(block))
            sent = upto
            if progress:
                progress(number + 1, day.frames)
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    _pad(fresh)
    os.utime(fresh, (MTIME_S, MTIME_S))
    fresh.replace(path)
    return Film(
        path=path,
        times_s=_times(path, day.frames),
        frames_sha256=hashed.hexdigest(),
        lines=tuple(track.placed),
        watcher=watcher,
    )


def _pad(path: Path) -> None:
    """A `free` box up to the next multiple of `BLOCK_BYTES`; players skip it."""
    size = path.stat().st_size
    padding = -(size + 8) % BLOCK_BYTES
    with path.open("ab") as file:
        file.write(struct.pack(">I4s", padding + 8, b"free") + bytes(padding))


def _times(path: Path, frames: int) -> NDArray[np.float64]:
    """Presentation times from the file's packets, in order, and where the last frame ends.

    Raises:
        RuntimeError: the file does not hold the frames that were encoded.
    """
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        found = [
            (packet.pts * packet.time_base, (packet.duration or 0) * packet.time_base)
            for packet in container.demux(stream)
            if packet.pts is not None
        ]
    if len(found) != frames:
        raise RuntimeError(f"{path.name} holds {len(found)} frames, {frames} were encoded")
    found.sort()
    last, duration = found[-1]
    return np.array([float(time) for time, _ in found] + [float(last + duration)])


def subtitle_text(lines: Sequence[Placed]) -> str:
    """The transcript as SubRip, for videos whose speech is not to be heard."""
    cues = []
    for i, placed in enumerate(lines, 1):
        start, end = _stamp(placed.start_s), _stamp(placed.end_s)
        cues.append(f"{i}\n{start} --> {end}\n{placed.line.text}\n")
    return "\n".join(cues)


def _stamp(seconds: float) -> str:
    whole = round(seconds * 1000)
    return (
        f"{whole // 3_600_000:02d}:{whole // 60_000 % 60:02d}:"
        f"{whole // 1000 % 60:02d},{whole % 1000:03d}"
    )
