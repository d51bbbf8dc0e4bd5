"""Generated footage with a known truth: stretches of one colour, as frames and as videos."""

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

COLOURS = {
    "red": (200, 30, 30),
    "green": (30, 170, 40),
    "blue": (30, 50, 200),
    "yellow": (220, 210, 40),
    "black": (15, 15, 15),
    "white": (240, 240, 240),
}

SIGNAL = (("red", 60.0), ("blue", 47.5), ("green", 6.0), ("red", 40.5), ("white", 30.0))
GREEN = (107.5, 113.5)
"""When `SIGNAL` is green."""
OTHER = (("black", 40.0), ("yellow", 20.0))

NOISES = 16

U8 = npt.NDArray[np.uint8]


def frame(rng: np.random.Generator, colour: str, width: int, height: int) -> U8:
    """u8 [height, width, 3]: the colour, a little lighter or darker, noisy, sometimes banded."""
    picture = np.array(COLOURS[colour])[None, None] + rng.normal(0, 18, (height, width, 3))
    picture += rng.integers(-20, 20)
    if rng.random() < 0.3:
        top, thick = int(rng.integers(0, height)), max(1, height // 10)
        picture[top : top + thick] = rng.integers(0, 255, 3)
    return picture.clip(0, 255).astype(np.uint8)


def write_colours(
    path: Path,
    stretches: Sequence[tuple[str, float]],
    *,
    width: int = 320,
    height: int = 180,
    fps: int = 8,
    seed: int = 0,
) -> Path:
    """An H.264 video of (colour, seconds) after one another, without sound. Its noise comes back
    every `NOISES` frames, and x264 takes little time: most of a test's cost would be here."""
    rng = np.random.default_rng(seed)
    noises = [rng.normal(0, 8, (height, width, 1)) for _ in range(NOISES)]
    number = 0
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"g": str(2 * fps), "preset": "ultrafast"}
        for colour, seconds in stretches:
            for _ in range(round(seconds * fps)):
                noise = noises[number % NOISES]
                picture = (np.array(COLOURS[colour])[None, None] + noise).clip(0, 255)
                number += 1
                made = av.VideoFrame.from_ndarray(picture.astype(np.uint8), format="rgb24")
                container.mux(stream.encode(made))
        container.mux(stream.encode())
    return path


def write_colour_videos(folder: Path) -> list[Path]:
    """`signal.mp4` and `other.mp4`."""
    return [
        write_colours(folder / "signal.mp4", SIGNAL),
        write_colours(folder / "other.mp4", OTHER),
    ]
