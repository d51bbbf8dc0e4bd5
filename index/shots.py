"""Shots from the small frames of the decode pass, and the clips made from shots."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from longtake.config import Settings
from longtake.index.lanes import F32, F64, U8, ShotDetector
from longtake.timing import Span

_NEIGHBOURS = 2
_MAX_FLASH_S = 0.25


def build_detector(settings: Settings) -> ShotDetector:
    """The detector that `settings.shots` names.

    Raises:
        WeightsMissing, WeightsCorrupt: no usable TransNetV2 weights.
    """
    shots = settings.shots
    if shots.engine == "content":
        return ContentDetector(floor=shots.threshold or 12.0)
    if shots.engine == "pyscenedetect":
        return PySceneDetectDetector(threshold=shots.threshold or 3.0)
    from longtake.index.transnet import build_transnet

    return build_transnet(settings)


@dataclass(slots=True)
class _Jump:
    """A large frame-to-frame difference, watched for a while in case the picture returns."""

    frame: int
    time: float
    score: float
    before: U8
    returned: int | None = None
    """First frame that looks like the one before the jump again."""


class ContentDetector:
    """Cuts where neighbouring frames differ much more than the frames around them do.

    The score of a frame is its mean absolute RGB difference (0..255) from the one before. A cut
    needs `floor` and `ratio` times the mean score of the two frames before and the two after it, so
    that motion and slow fades are no cuts (the rule of PySceneDetect's AdaptiveDetector by
    B. Castellano, on RGB and tiny frames). A jump whose picture returns within a quarter of a
    second is a flash, not two cuts. Dissolves are not found.

    Keeps one score and one time a frame; frames may come at irregular times.
    """

    def __init__(self, *, floor: float = 12.0, ratio: float = 3.0) -> None:
        self.floor = floor
        self.ratio = ratio
        self._scores: list[F32] = []
        self._times: list[F64] = []
        self._count = 0
        self._last: U8 | None = None
        self._watched: list[_Jump] = []
        self._flashes: list[tuple[int, int]] = []

    def push(self, times: F64, frames: U8) -> None:
        """Take the next T frames: times [T] ascending, frames u8 [T, 27, 48, 3] RGB."""
        if not len(frames):
            return
        first = frames[:1] if self._last is None else self._last[None]
        previous = np.concatenate([first, frames[:-1]])
        scores = _difference(previous, frames)
        for i in self._frames_to_watch(scores):
            self._watch(self._count + i, float(times[i]), float(scores[i]), previous[i], frames[i])
        self._scores.append(scores)
        self._times.append(np.array(times, np.float64))
        self._count += len(frames)
        self._last = frames[-1].copy()

    def finish(self, duration: float) -> list[Span]:
        """The shots, without gaps, covering [0, duration)."""
        self._flashes += [(j.frame, j.returned) for j in self._watched if j.returned is not None]
        if not self._count:
            return spans_between([], duration)
        times = np.concatenate(self._times)
        cuts = self._cuts(np.concatenate(self._scores))
        return spans_between(times[cuts], duration)

    def _cuts(self, scores: F32) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        reach = _NEIGHBOURS
        sums = np.convolve(scores, np.ones(2 * reach + 1), "full")[reach:-reach] - scores
        # At the edges fewer frames are there to compare with: the first has no score of its own.
        present = np.convolve(np.ones(len(scores)), np.ones(2 * reach + 1), "full")[reach:-reach]
        around = sums / np.maximum(present - 1, 1)
        is_cut = (scores >= self.floor) & (scores >= self.ratio * around)
        for first, returned in self._flashes:
            is_cut[first : returned + 1] = False
        return np.flatnonzero(is_cut)

    def _frames_to_watch(self, scores: F32) -> Iterable[int]:
        """Jumps, and the frames after them while they are still watched; mostly none."""
        if not self._watched and not (scores >= self.floor).any():
            return ()
        return range(len(scores))

    def _watch(self, number: int, time: float, score: float, previous: U8, frame: U8) -> None:
        for jump in self._watched:
            if jump.returned is None and time - jump.time <= _MAX_FLASH_S:
                difference = float(_difference(jump.before[None], frame[None])[0])
                if difference < min(self.floor, jump.score / 2):
                    jump.returned = number
        for jump in [j for j in self._watched if time - j.time > _MAX_FLASH_S]:
            if jump.returned is not None:
                self._flashes.append((jump.frame, jump.returned))
            self._watched.remove(jump)
        if score >= self.floor:
            self._watched.append(
                _Jump(frame=number, time=time, score=score, before=previous.copy())
            )


class PySceneDetectDetector:
    """PySceneDetect's AdaptiveDetector, fed with the small frames.

    Args:
        threshold: its `adaptive_threshold`.
    """

    def __init__(self, *, threshold: float = 3.0) -> None:
        from scenedetect import AdaptiveDetector, FrameTimecode

        # Frames are numbered and times kept here: the decode pass may leave frames out.
        self._detector = AdaptiveDetector(adaptive_threshold=threshold, min_scene_len=5)
        self._timecode = FrameTimecode
        self._times: list[F64] = []
        self._count = 0
        self._cuts: list[int] = []

    def push(self, times: F64, frames: U8) -> None:
        """Take the next T frames: times [T] ascending, frames u8 [T, 27, 48, 3] RGB."""
        for frame in frames:
            position = self._timecode(self._count, fps=25.0)
            bgr = np.ascontiguousarray(frame[:, :, ::-1])
            self._cuts += [cut.frame_num for cut in self._detector.process_frame(position, bgr)]
            self._count += 1
        self._times.append(np.array(times, np.float64))

    def finish(self, duration: float) -> list[Span]:
        """The shots, without gaps, covering [0, duration)."""
        if not self._count:
            return spans_between([], duration)
        return spans_between(np.concatenate(self._times)[self._cuts], duration)


def spans_between(cuts: Iterable[float], duration: float) -> list[Span]:
    """Spans without gaps over [0, duration), parted at the ascending `cuts` that lie inside."""
    if duration <= 0:
        return []
    bounds = [0.0]
    bounds += [float(cut) for cut in cuts if 0 < cut < duration]
    bounds.append(duration)
    return [Span(start, end) for start, end in pairwise(bounds) if end > start]


def split_clips(shots: list[Span], max_s: float) -> list[tuple[int, Span]]:
    """(position of the shot, clip): every shot in equal parts of at most `max_s` seconds."""
    clips = []
    for position, shot in enumerate(shots):
        # A shot that is a rounding error over k * max_s is split in k.
        parts = max(1, math.ceil(shot.duration / max_s - 1e-9))
        bounds = [shot.start + shot.duration * part / parts for part in range(parts)]
        bounds.append(shot.end)
        clips += [(position, Span(a, b)) for a, b in pairwise(bounds)]
    return clips


def _difference(first: U8, second: U8) -> F32:
    """Mean absolute difference of each pair of frames: u8 [T, ...] -> f32 [T]."""
    difference = np.maximum(first, second) - np.minimum(first, second)
    flat = difference.reshape(len(difference), -1)
    mean: F32 = (flat.sum(axis=1, dtype=np.uint32) / flat.shape[1]).astype(np.float32)
    return mean
