"""Decoding against its ceilings: `python -m bench.decode [--quick] [FILE]`.

The ceiling is a null decode of the same file, by the ffmpeg program where there is one, and by
PyAV. Rounds alternate between the sides; every ratio is taken within a round, and the median
counts. Without FILE a 720p video is made: panned textures with grain and cuts, encoded like most
video on the web (x264 medium, crf 23, GOP 250, B-frames).
"""

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal
from unittest import mock

import av
import numpy as np
from numpy.typing import NDArray

from longtake.index.decode import DecodePass, DecodePlan, SampledFrame

WIDTH, HEIGHT, FPS = 1280, 720, 25
SCENE_FRAMES = 110
THREADS = 2
Mode = Literal["nonref", "all"]
MODES: tuple[Mode, Mode] = ("nonref", "all")


@dataclass(kw_only=True)
class Side:
    """One way to go through the file, and what its runs took."""

    run: Callable[[], object]
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def measure(self) -> None:
        """Run once; CPU seconds include child processes."""
        wall, cpu = time.perf_counter(), cpu_seconds()
        self.run()
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(cpu_seconds() - cpu)


def main() -> None:
    """Print the rows of the bench table."""
    parser = argparse.ArgumentParser(description="Decoding against its ceilings.")
    parser.add_argument("file", nargs="?", type=Path, help="a video to measure instead")
    parser.add_argument("--quick", action="store_true", help="15 s of video, three rounds")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.file
        if path is None:
            path = Path(folder) / "input.mp4"
            encode(path, 15 if arguments.quick else 60)
        report(path, measure(path, rounds=3 if arguments.quick else 5))


def measure(path: Path, rounds: int) -> dict[str, Side]:
    """Every side, `rounds` times in turn."""
    sides: dict[str, Side] = {}
    for mode in MODES:
        sides[f"sampled {mode}"] = Side(run=partial(sample, path, mode))
        sides[f"everything {mode}"] = Side(run=partial(feed_everything, path, mode))
        sides[f"pyav {mode}"] = Side(run=partial(decode_null, path, mode))
        if shutil.which("ffmpeg"):
            sides[f"ffmpeg {mode}"] = Side(run=partial(run_ffmpeg, path, mode))
    for _ in range(rounds):
        for side in sides.values():
            side.measure()
    for name, side in sides.items():
        wall, cpu = statistics.median(side.wall), statistics.median(side.cpu)
        say(f"{name:20} {wall:6.2f} s wall {cpu:6.2f} s CPU")
    return sides


def report(path: Path, sides: dict[str, Side]) -> None:
    """The rows, as JSON lines."""
    for mode, limit in zip(MODES, (0.85, 0.95), strict=True):
        ours = sides[f"sampled {mode}"]
        ceiling = "ffmpeg" if f"ffmpeg {mode}" in sides else "pyav"
        row(
            target="1",
            name=f"decode and sample, {mode} / {ceiling} null decode",
            measured=ratio(sides[f"{ceiling} {mode}"].wall, ours.wall),
            limit=limit,
            better="higher",
            note=f"speed; 1 frame a second at 224 px; CPU of PyAV's null decode / ours "
            f"{ratio(sides[f'pyav {mode}'].cpu, ours.cpu):.2f}",
        )
    for mode in MODES:
        row(
            target="1b",
            name=f"one pass for all consumers, {mode} / decode only",
            measured=ratio(sides[f"everything {mode}"].cpu, sides[f"pyav {mode}"].cpu),
            limit=1.15,
            better="lower",
            note="CPU; 48x27 of every frame, 224 px and full size once a second",
        )
    row(
        target="1b",
        name="files opened in one pass",
        measured=count_opens(path),
        limit=1,
        better="lower",
        note="calls of av.open",
    )


def sample(path: Path, mode: Mode) -> None:
    """What an index of frame embeddings alone would need."""
    for event in DecodePass(path, DecodePlan(small=False, audio=None, mode=mode)):
        if isinstance(event, SampledFrame):
            event.rgb(*fit(event, 224))


def feed_everything(path: Path, mode: Mode) -> None:
    """What shots, embeddings and text need together."""
    for event in DecodePass(path, DecodePlan(audio=None, mode=mode)):
        if isinstance(event, SampledFrame):
            event.rgb(*fit(event, 224))
            event.rgb(event.width, event.height)


def fit(frame: SampledFrame, short_px: int) -> tuple[int, int]:
    """The size at which the shorter side has this many pixels."""
    scale = short_px / min(frame.width, frame.height)
    return round(frame.width * scale), round(frame.height * scale)


def decode_null(path: Path, mode: Mode) -> None:
    """Nothing but PyAV's decoder."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        if mode == "nonref":
            stream.codec_context.skip_frame = "NONREF"
        for packet in container.demux(stream):
            packet.decode()


def run_ffmpeg(path: Path, mode: Mode) -> None:
    """Nothing but the ffmpeg program's decoder."""
    skip = ["-skip_frame", "noref"] if mode == "nonref" else []
    command = ["ffmpeg", "-v", "error", "-nostdin", "-threads", str(THREADS), *skip]
    command += ["-i", str(path), "-an", "-sn", "-f", "null", "-"]
    subprocess.run(command, check=True)


def count_opens(path: Path) -> int:
    """How often a pass that wants everything opens the file."""
    with mock.patch("av.open", wraps=av.open) as opened:
        for _ in DecodePass(path, DecodePlan()):
            pass
    return opened.call_count


def encode(path: Path, seconds: int) -> None:
    """A video that costs about as much to decode as filmed ones."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        context: Any = stream.codec_context
        context.gop_size = 250
        context.options = {"preset": "medium", "crf": "23"}
        for number, image in enumerate(pictures(seconds * FPS)):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    say(f"{seconds} s at {path.stat().st_size * 8 / seconds / 1e6:.2f} Mbit/s")


def pictures(count: int) -> Iterator[NDArray[np.uint8]]:
    """A camera panning over a textured scene, before it an object with a path of its own; grain."""
    random = np.random.default_rng(7)
    grain = random.normal(0, 1.5, (HEIGHT + 64, WIDTH + 64, 1)).astype(np.float32)
    for number in range(count):
        step = number % SCENE_FRAMES
        if step == 0:
            scene = texture(random, HEIGHT + 256, WIDTH + 512)
            thing = texture(random, 240, 200)
            pan = random.uniform(-2, 2, 2)
            path = random.uniform(-4, 4, 2)
        y, x = (np.array([128, 256]) + pan * step * (0.5, 1)).astype(int)
        image = scene[y : y + HEIGHT, x : x + WIDTH].copy()
        y, x = (np.array([240, 540]) + path * step * (0.5, 1)).astype(int)
        image[y : y + 240, x : x + 200] = thing
        y, x = random.integers(0, 64, 2)
        image += grain[y : y + HEIGHT, x : x + WIDTH]
        yield np.clip(image, 0, 255).astype(np.uint8)


def texture(random: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """Noise with the spectrum of natural images (1/f), in muted colours: f32 [height, width, 3]."""
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    falloff = 1 / np.maximum(np.hypot(rows, columns), 1 / width) ** 1.2
    planes = []
    for _ in range(3):
        plane = np.fft.irfft2(np.fft.rfft2(random.normal(size=(height, width))) * falloff)
        plane = np.resize(plane, (height, width)) if plane.shape[1] != width else plane
        planes.append((plane - plane.mean()) / plane.std())
    luma = planes[0][..., None] * 45 + 120
    colour = np.stack([planes[1], -planes[1] / 2, planes[2]], -1) * 15
    picture: NDArray[np.float32] = (luma + colour).astype(np.float32)
    return picture


def ratio(over: list[float], under: list[float]) -> float:
    """Median of the ratios of the rounds."""
    return statistics.median(a / b for a, b in zip(over, under, strict=True))


def cpu_seconds() -> float:
    """CPU time of this process and of its children that have ended."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def row(**values: str | float) -> None:
    """One line of the bench table."""
    values["measured"] = round(float(values["measured"]), 3)
    print(json.dumps({**values, "unit": "ratio"}), flush=True)


def say(text: str) -> None:
    """A line for people."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
