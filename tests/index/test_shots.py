import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.config import Settings, ShotsSettings
from longtake.index.lanes import F64, U8, ShotDetector
from longtake.index.shots import (
    ContentDetector,
    PySceneDetectDetector,
    build_detector,
    spans_between,
    split_clips,
)
from longtake.timing import Span

FPS = 25.0


def picture(seed: int) -> U8:
    """A smooth random picture, [27, 48, 3]."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (4, 6, 3)).astype(float)
    rows, columns = np.linspace(0, 3, 27), np.linspace(0, 5, 48)
    y, x = rows.astype(int).clip(0, 2), columns.astype(int).clip(0, 4)
    fy, fx = (rows - y)[:, None, None], (columns - x)[None, :, None]
    top = coarse[y][:, x] * (1 - fx) + coarse[y][:, x + 1] * fx
    bottom = coarse[y + 1][:, x] * (1 - fx) + coarse[y + 1][:, x + 1] * fx
    blended: U8 = (top * (1 - fy) + bottom * fy).astype(np.uint8)
    return blended


def take(seed: int, count: int) -> U8:
    """A shot: a picture that pans slowly, with a little noise."""
    rng = np.random.default_rng(seed + 1000)
    still = picture(seed).astype(np.int16)
    pan = np.stack([np.roll(still, i // 4, axis=1) for i in range(count)])
    noisy: U8 = (pan + rng.integers(-3, 4, pan.shape)).clip(0, 255).astype(np.uint8)
    return noisy


def clock(count: int) -> F64:
    return np.arange(count) / FPS


def detect(detector: ShotDetector, times: F64, frames: U8, *, chunk: int = 32) -> list[float]:
    """Cut times, frames pushed in chunks."""
    for i in range(0, len(frames), chunk):
        detector.push(times[i : i + chunk], frames[i : i + chunk])
    duration = float(times[-1]) + 1 / FPS
    shots = detector.finish(duration)
    assert shots[0].start == 0 and shots[-1].end == duration
    assert all(a.end == b.start for a, b in pairwise(shots))
    return [shot.start for shot in shots[1:]]


DETECTORS = [ContentDetector, PySceneDetectDetector]


@pytest.mark.parametrize("make", DETECTORS)
@pytest.mark.parametrize("chunk", [1, 7, 500])
def test_hard_cuts_are_found_at_the_first_frame_of_the_new_shot(
    make: type[ContentDetector], chunk: int
) -> None:
    frames = np.concatenate([take(1, 40), take(2, 25), take(3, 60), take(4, 30)])
    cuts = detect(make(), clock(len(frames)), frames, chunk=chunk)
    assert cuts == [40 / FPS, 65 / FPS, 125 / FPS]


def test_hard_cut_recall_over_many_random_shots() -> None:
    lengths = np.random.default_rng(5).integers(8, 60, 80)
    frames = np.concatenate([take(i, int(n)) for i, n in enumerate(lengths)])
    truth = {float(i) / FPS for i in np.cumsum(lengths)[:-1]}
    cuts = set(detect(ContentDetector(), clock(len(frames)), frames))
    assert len(cuts & truth) >= 0.97 * len(truth)
    assert len(cuts - truth) <= 0.03 * len(truth)


def test_cuts_are_found_in_irregular_times() -> None:
    frames = np.concatenate([take(1, 40), take(2, 40)])
    kept = np.array([i for i in range(80) if i % 3 != 1])
    cuts = detect(ContentDetector(), clock(80)[kept], frames[kept])
    assert cuts == [41 / FPS]  # frame 40 was left out of the decode


@pytest.mark.parametrize("length", [1, 2, 4])
def test_flash_is_no_cut(length: int) -> None:
    frames = take(1, 80)
    frames[30 : 30 + length] = 250
    assert detect(ContentDetector(), clock(80), frames) == []


def test_fading_flash_is_no_cut() -> None:
    frames = take(1, 80).astype(float)
    for i, weight in enumerate([1.0, 0.7, 0.4, 0.2, 0.1]):
        frames[30 + i] = frames[30 + i] * (1 - weight) + 255 * weight
    assert detect(ContentDetector(), clock(80), frames.astype(np.uint8)) == []


def test_cut_right_after_a_flash_is_found() -> None:
    frames = np.concatenate([take(1, 40), take(2, 40)])
    frames[33:35] = 250
    assert detect(ContentDetector(), clock(80), frames) == [40 / FPS]


def test_short_shot_between_two_others_keeps_both_cuts() -> None:
    frames = np.concatenate([take(1, 40), take(2, 10), take(1, 40)])
    assert detect(ContentDetector(), clock(90), frames) == [40 / FPS, 50 / FPS]


def test_fade_to_black_is_no_cut() -> None:
    weights = np.concatenate([np.ones(20), np.linspace(1, 0, 25), np.zeros(20)])
    frames = (take(1, 65) * weights[:, None, None, None]).astype(np.uint8)
    assert detect(ContentDetector(), clock(65), frames) == []


def test_steady_motion_is_no_cut() -> None:
    still = picture(3)
    frames = np.stack([np.roll(still, 3 * i, axis=1) for i in range(60)])
    assert detect(ContentDetector(), clock(60), frames) == []


def test_first_frame_is_no_cut_even_when_the_video_starts_late() -> None:
    assert detect(ContentDetector(), clock(30) + 2.0, take(1, 30)) == []


def test_memory_is_scores_and_times_only() -> None:
    detector = ContentDetector()
    for i in range(50):
        detector.push(clock(20) + i * 0.8, take(i, 20))
    detector.push(clock(20) + 40, take(49, 20))
    kept = sum(a.nbytes for a in detector._scores) + sum(a.nbytes for a in detector._times)
    assert kept == 51 * 20 * 12
    assert len(detector._watched) <= 1


@pytest.mark.parametrize("make", DETECTORS)
def test_no_frames_is_one_shot(make: type[ContentDetector]) -> None:
    assert make().finish(3.5) == [Span(0, 3.5)]
    assert make().finish(0.0) == []


def test_engine_and_threshold_come_from_the_settings() -> None:
    settings = Settings(shots=ShotsSettings(engine="content", threshold=30))
    detector = build_detector(settings)
    assert isinstance(detector, ContentDetector) and detector.floor == 30
    other = build_detector(Settings(shots=ShotsSettings(engine="pyscenedetect")))
    assert isinstance(other, PySceneDetectDetector)


def test_cuts_outside_the_video_are_ignored() -> None:
    assert spans_between([0.0, 1.0, 1.0, 5.0, 6.0], 5.0) == [Span(0, 1), Span(1, 5)]


def test_long_shots_are_split_evenly() -> None:
    clips = split_clips([Span(0, 4), Span(4, 29)], 10)
    assert clips == [
        (0, Span(0, 4)),
        (1, Span(4, 4 + 25 / 3)),
        (1, Span(4 + 25 / 3, 4 + 50 / 3)),
        (1, Span(4 + 50 / 3, 29)),
    ]


def test_shot_of_exactly_a_multiple_is_not_split_further() -> None:
    assert split_clips([Span(0.1, 20.1)], 10) == [(0, Span(0.1, 10.1)), (0, Span(10.1, 20.1))]


@given(
    st.lists(st.floats(0.01, 5000), min_size=1, max_size=20, unique=True).map(sorted),
    st.floats(1, 60),
)
def test_clips_cover_their_shots_exactly_and_never_cross_a_cut(
    bounds: list[float], max_s: float
) -> None:
    shots = spans_between(bounds, bounds[-1] + 1)
    clips = split_clips(shots, max_s)
    for position, shot in enumerate(shots):
        parts = [clip for where, clip in clips if where == position]
        assert parts[0].start == shot.start and parts[-1].end == shot.end
        assert all(a.end == b.start for a, b in pairwise(parts))
        assert all(0 < part.duration <= max_s + 1e-6 for part in parts)
        assert len(parts) == max(1, math.ceil(shot.duration / max_s - 1e-9))
    assert [where for where, _ in clips] == sorted(where for where, _ in clips)
