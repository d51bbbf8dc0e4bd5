from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.index.encoders import TorchEncoder
from longtake.index.gate import ChangeGate
from longtake.index.lanes import F32, U8, FrameVectors, StageState
from longtake.index.visual import FrameEmbedder, pool_clips
from longtake.models import resolve
from longtake.timing import Span


class Still:
    """A frame of an array, scaled by repetition."""

    def __init__(self, time: float, picture: U8) -> None:
        self.time = time
        self._picture = picture

    def thumb(self) -> U8:
        luma: U8 = self.rgb(32, 32).mean(axis=2).astype(np.uint8)
        return luma

    def rgb(self, width: int, height: int) -> U8:
        side = self._picture.shape[0]
        rows = np.arange(height) * side // height
        columns = np.arange(width) * side // width
        scaled: U8 = self._picture[rows][:, columns]
        return scaled


class CountingEncoder:
    """Embeds the mean colour; remembers its batches."""

    dimension = 3
    identity = "mean colour"
    input_size = (16, 16)

    def __init__(self) -> None:
        self.batches: list[int] = []

    def images(self, frames: U8) -> F32:
        self.batches.append(len(frames))
        colours = frames.mean(axis=(1, 2), dtype=np.float32) + 1
        unit: F32 = colours / np.linalg.norm(colours, axis=1, keepdims=True)
        return unit

    def texts(self, texts: list[str]) -> F32:
        raise NotImplementedError


def noise(seed: int) -> U8:
    return np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def encoder(clip_folder: Path) -> TorchEncoder:
    return TorchEncoder("open_clip", resolve("open_clip", str(clip_folder)))


def test_every_changed_frame_has_its_own_embedding(encoder: TorchEncoder) -> None:
    embedder = FrameEmbedder(encoder)
    stills = [Still(i * 0.5, noise(i)) for i in range(19)]
    for still in stills:
        embedder.push(still)
    vectors, result = embedder.finish()
    assert result.state is StageState.DONE
    assert result.stats == {"frames": 19, "embedded": 19}
    assert vectors.vectors.dtype == np.float16
    np.testing.assert_array_equal(vectors.times, np.arange(19) * 0.5)
    direct = encoder.images(np.stack([still.rgb(64, 64) for still in stills]))
    np.testing.assert_allclose(vectors.expand(), direct, atol=1e-3)


def test_unchanged_frames_share_a_row() -> None:
    encoder = CountingEncoder()
    embedder = FrameEmbedder(encoder)
    for time, seed in enumerate([1, 1, 1, 2, 2, 1, 3]):
        embedder.push(Still(time, noise(seed)))
    vectors, result = embedder.finish()
    assert vectors.rows.tolist() == [0, 0, 0, 1, 1, 2, 3]
    assert len(vectors.vectors) == 4
    assert result.stats == {"frames": 7, "embedded": 4}
    np.testing.assert_array_equal(vectors.vectors[0], vectors.vectors[2])


def test_batches_are_of_eight_and_the_rest_comes_at_the_end() -> None:
    encoder = CountingEncoder()
    embedder = FrameEmbedder(encoder)
    for time in range(19):
        embedder.push(Still(time, noise(time)))
    assert encoder.batches == [8, 8]
    embedder.finish()
    assert encoder.batches == [8, 8, 3]


def test_still_video_is_refreshed_by_the_drift_bound() -> None:
    embedder = FrameEmbedder(CountingEncoder(), ChangeGate(max_held=4))
    for time in range(11):
        embedder.push(Still(time, noise(0)))
    assert embedder.finish()[0].rows.tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2]


def test_no_frames_is_empty_with_a_reason() -> None:
    vectors, result = FrameEmbedder(CountingEncoder()).finish()
    assert (result.state, result.reason) == (StageState.EMPTY, "no frames were decoded")
    assert vectors.vectors.shape == (0, 3) and len(vectors.times) == 0


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40))
def test_a_frame_stands_for_its_own_picture_whatever_is_shared(seeds: list[int]) -> None:
    encoder = CountingEncoder()
    embedder = FrameEmbedder(encoder)
    for time, seed in enumerate(seeds):
        embedder.push(Still(time, noise(seed)))
    vectors, _ = embedder.finish()
    for row, seed in zip(vectors.expand(), seeds, strict=True):
        truth = encoder.images(Still(0, noise(seed)).rgb(16, 16)[None])[0]
        np.testing.assert_allclose(row, truth, atol=2e-3)
    assert (np.diff(vectors.rows) >= 0).all() and vectors.rows[0] == 0
    assert vectors.rows[-1] == len(vectors.vectors) - 1


def frame_vectors(times: list[float], rows: list[int], vectors: list[list[float]]) -> FrameVectors:
    return FrameVectors(
        times=np.array(times, np.float64),
        rows=np.array(rows, np.int32),
        vectors=np.array(vectors, np.float16),
    )


def test_clip_is_the_mean_of_its_distinct_frames() -> None:
    vectors = frame_vectors([0, 1, 2, 3, 4], [0, 0, 0, 1, 2], [[1, 0], [0, 1], [0, 1]])
    pooled = pool_clips(vectors, [Span(0, 3), Span(0, 4), Span(3, 9)])
    half = np.sqrt(0.5)
    np.testing.assert_allclose(pooled, [[1, 0], [half, half], [0, 1]], atol=1e-3)


def test_clip_bounds_are_half_open() -> None:
    vectors = frame_vectors([0, 1], [0, 1], [[1, 0], [0, 1]])
    np.testing.assert_array_equal(
        pool_clips(vectors, [Span(0, 1), Span(1, 2)]), np.array([[1, 0], [0, 1]])
    )


@pytest.mark.parametrize(
    ("clip", "row"),
    [
        (Span(0, 0.5), 0),
        (Span(1.1, 1.2), 0),
        (Span(1.8, 1.9), 1),
        (Span(5, 6), 1),
    ],
    ids=["before all", "after one", "before another", "after all"],
)
def test_clip_without_a_frame_takes_the_nearest(clip: Span, row: int) -> None:
    vectors = frame_vectors([1, 2], [0, 1], [[1, 0], [0, 1]])
    np.testing.assert_array_equal(pool_clips(vectors, [clip])[0], vectors.vectors[row])


def test_clips_without_any_frames_are_an_error() -> None:
    nothing = FrameVectors(
        times=np.zeros(0), rows=np.zeros(0, np.int32), vectors=np.zeros((0, 2), np.float16)
    )
    assert pool_clips(nothing, []).shape == (0, 2)
    with pytest.raises(ValueError, match="no frame vectors"):
        pool_clips(nothing, [Span(0, 1)])


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=30, unique=True).map(sorted),
    st.lists(st.floats(0.5, 120), min_size=1, max_size=8, unique=True).map(sorted),
    st.integers(0, 2**32 - 1),
)
def test_clip_vectors_are_unit_and_lie_among_their_frames(
    times: list[float], bounds: list[float], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = np.arange(len(times)) // 2
    kept = np.abs(rng.normal(size=(int(rows.max()) + 1, 6))) + 0.01
    kept /= np.linalg.norm(kept, axis=1, keepdims=True)
    vectors = frame_vectors(times, rows.tolist(), kept.tolist())
    edges = [0.0, *bounds]
    clips = [Span(a, b) for a, b in zip(edges, bounds, strict=False)]
    pooled = pool_clips(vectors, clips).astype(np.float32)
    np.testing.assert_allclose(np.linalg.norm(pooled, axis=1), 1, atol=2e-3)
    for clip, vector in zip(clips, pooled, strict=True):
        inside = [i for i, time in enumerate(times) if clip.start <= time < clip.end]
        if len({vectors.rows[i] for i in inside}) == 1:
            expected = vectors.vectors[vectors.rows[inside[0]]]
            np.testing.assert_allclose(vector, expected, atol=2e-3)
        for i in inside:
            assert vector @ vectors.vectors[vectors.rows[i]].astype(np.float32) > 0
