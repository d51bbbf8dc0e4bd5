"""A day as a video file, streamed to the encoder: memory does not grow with its length."""

import hashlib
import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from longtake.eval.haystack.acts import Day
from longtake.eval.haystack.config import WorldConfig
from longtake.eval.haystack.draw import Painter
from longtake.eval.haystack.novelty import Ranked, Watcher, act_keys
from longtake.eval.haystack.sound import Placed, Speaker, Track
from longtake.eval.haystack.stamps import Stamps, stamps_of

MTIME_S = 946_684_800
"""Of every file: the first second of 2000."""
BLOCK_BYTES = 256 * 1024
"""File sizes are multiples of it, so that they tell nothing."""
X264 = {"preset": "veryfast", "crf": "25", "threads": "1", "sc_threshold": "0", "bf": "2"}
"""One thread and no key frames at cuts: nothing to see in the container. x264's rate control (its
macroblock tree) does not give the same bytes twice, so what went into it is what is hashed."""

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
    scores: Ranked
    """How much each act stands out."""


def make_film(
    day: Day,
    config: WorldConfig,
    folder: Path,
    speaker: Speaker | None,
    progress: Progress | None,
) -> Film:
    """Draw, encode and measure a day."""
    painter = Painter(day, config.width, config.height)
    track = Track(day.lines, speaker, seconds=config.seconds, seed=int(day.video[:8], 16))
    watchers = (Watcher(act_keys(day)),)
    return record(day, config, folder, painter.frame, track, watchers, progress)


def record(
    day: Day,
    config: WorldConfig,
    folder: Path,
    picture: Callable[[int], NDArray[np.uint8]],
    track: Track | None,
    watchers: Sequence[Watcher],
    progress: Progress | None,
) -> Film:
    """Encode a day and measure it.

    Args:
        picture: what is to be seen at a frame, u8 [H, W, 3]; asked for once each, in order.
        track: None for a video without sound.
    """
    stamps = stamps_of(day, config)
    hashed = hashlib.sha256()
    path = folder / f"{day.video}.mp4"
    fresh = folder / f"{day.video}.partial"
    gop = round(config.gop_s * config.fps)
    with av.open(str(fresh), "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        video = container.add_stream("libx264", rate=config.fps)
        video.options = {**X264, "g": str(gop)}
        video.width, video.height, video.pix_fmt = config.width, config.height, "yuv420p"
        video.codec_context.flags |= av.codec.context.Flags.bitexact.value
        if config.irregular:
            video.codec_context.time_base = stamps.base
        sound = _Sound(container, track) if track else None
        for number in range(day.frames):
            if stamps.kept[number]:
                pixels = picture(number)
                hashed.update(pixels.tobytes())
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                frame.pts, frame.time_base = int(stamps.ticks[number]), stamps.base
                if config.irregular and number % gop == 0:
                    frame.pict_type = av.video.frame.PictureType.I
                container.mux(video.encode(frame))
            for watcher in watchers:
                watcher.see(number, pixels)
            if sound:
                sound.fill((number + 1) / config.fps)
            if progress:
                progress(number + 1, day.frames)
        container.mux(video.encode(None))
        if sound:
            sound.finish()
    _pad(fresh)
    os.utime(fresh, (MTIME_S, MTIME_S))
    fresh.replace(path)
    return Film(
        path=path,
        times_s=times_of(path, stamps),
        frames_sha256=hashed.hexdigest(),
        lines=tuple(track.placed) if track else (),
        scores={key: told for one in watchers for key, told in one.scores().items()},
    )


class _Sound:
    """The sound stream of a file."""

    def __init__(self, container: Any, track: Track) -> None:
        self._container, self._track, self._sent = container, track, 0
        self._stream = container.add_stream("aac", rate=track.rate)
        self._stream.layout, self._stream.bit_rate = "mono", 64_000
        self._stream.codec_context.flags |= av.codec.context.Flags.bitexact.value

    def fill(self, until_s: float) -> None:
        """Encode what is to be heard until then."""
        rate = self._track.rate
        upto = round(until_s * rate)
        sound = self._track.read(upto)
        block = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
        block.sample_rate, block.pts, block.time_base = rate, self._sent, Fraction(1, rate)
        self._container.mux(self._stream.encode(block))
        self._sent = upto

    def finish(self) -> None:
        """Encode what the encoder still holds."""
        self._container.mux(self._stream.encode(None))


def _pad(path: Path) -> None:
    """A `free` box up to the next multiple of `BLOCK_BYTES`; players skip it."""
    size = path.stat().st_size
    padding = -(size + 8) % BLOCK_BYTES
    with path.open("ab") as file:
        file.write(struct.pack(">I4s", padding + 8, b"free") + bytes(padding))


def times_of(path: Path, stamps: Stamps) -> NDArray[np.float64]:
    """Presentation times from the file's packets, in order, and where the last frame ends; [frames
    + 1]. A frame that was left out has the time at which the next one comes on.

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
    frames = int(stamps.kept.sum())
    if len(found) != frames:
        raise RuntimeError(f"{path.name} holds {len(found)} frames, {frames} were encoded")
    found.sort()
    last, duration = found[-1]
    shown: NDArray[np.float64] = np.array(
        [float(time) for time, _ in found] + [float(last + duration)]
    )
    before = np.concatenate([[0], np.cumsum(stamps.kept)])
    times: NDArray[np.float64] = shown[before]
    return times


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
