"""Upright RGB from decoded frames: all orientations, interlaced, 10-bit, crops."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from longtake.index.decode import DecodePass, DecodePlan, SampledFrame, SmallFrames
from longtake.index.lanes import Box
from longtake.index.picture import (
    MAX_SIDE_PX,
    Orientation,
    crop_pixels,
    display_size,
    frame_size_error,
    rgb,
    thumb,
)

MakeVideo = Callable[..., Path]
Image = NDArray[np.uint8]


class Framed:
    """As much of a frame as `Orientation.of` reads."""

    def __init__(self, a: int, b: int, c: int, d: int) -> None:
        matrix = (a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
        self.side_data = {"DISPLAYMATRIX": struct.pack("9i", *matrix)}


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
@pytest.mark.parametrize("mirror", [False, True])
def test_all_eight_display_matrices(turn: int, mirror: bool) -> None:
    # x' = a x + c y, y' = b x + d y: the matrix moves the points of the decoded picture.
    matrix = np.linalg.matrix_power(np.array([[0, -1], [1, 0]]), turn)
    if mirror:
        matrix = np.array([[-1, 0], [0, 1]]) @ matrix
    (a, c), (b, d) = matrix.tolist()
    decoded = np.arange(6, dtype=np.uint8).reshape(2, 3)
    expected = np.zeros((2, 3) if turn % 2 == 0 else (3, 2), np.uint8)
    places = {}
    for y, x in np.ndindex(decoded.shape):
        places[tuple(matrix @ (x, y))] = decoded[y, x]
    left, top = min(x for x, _ in places), min(y for _, y in places)
    for (x, y), value in places.items():
        expected[y - top, x - left] = value
    orientation = Orientation.of(Framed(a, b, c, d))
    np.testing.assert_array_equal(orientation.apply(decoded), expected)
    assert orientation.decoded_size(*expected.shape[::-1]) == decoded.shape[::-1]


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotation_written_by_a_muxer(
    tmp_path: Path, make_video: MakeVideo, numbered: Any, read_number: Any, degrees: int
) -> None:
    upright = numbered(0b1110_1000_0010_0110, 96, 96)
    lying = [np.ascontiguousarray(np.rot90(upright, -degrees // 90))]
    frame = first_frame(make_video(tmp_path / "a.mp4", frames=lying, rotation=degrees))
    assert read_number(frame.rgb(96, 96)) == 0b1110_1000_0010_0110


def test_colours_survive(tmp_path: Path, make_video: MakeVideo) -> None:
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]], np.uint8)
    image = np.repeat(np.repeat(colours[None], 64, 0), 32, 1)
    for name, codec, pix_fmt in [
        ("a.mp4", "libx264", "yuv444p"),
        ("b.mov", "prores_ks", "yuv444p10le"),
        ("c.mkv", "ffv1", "bgr0"),
        ("d.avi", "mjpeg", "yuvj444p"),
    ]:
        path = make_video(tmp_path / name, frames=[image], codec=codec, pix_fmt=pix_fmt)
        shown = first_frame(path).rgb(128, 64)
        found = shown[32, 16::32].astype(int)
        assert np.abs(found - colours).max() <= 12, (name, found)


def test_interlaced_frames_lose_their_comb(tmp_path: Path, make_video: MakeVideo) -> None:
    smooth = np.full((128, 160, 3), 60, np.uint8)
    comb = smooth.copy()
    comb[1::2] = 200
    path = make_video(tmp_path / "a.mkv", frames=[comb] * 3, interlaced=True, options={"crf": "1"})
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    assert frame.interlaced_frame
    comby = frame.to_ndarray(format="gray").astype(int)
    assert np.abs(np.diff(comby, axis=0)).mean() > 100
    full = rgb(frame, Orientation(), 160, 128).astype(int)
    assert np.abs(np.diff(full, axis=0)).mean() < 5
    half = rgb(frame, Orientation(), 80, 64).astype(int)
    assert np.abs(np.diff(half, axis=0)).mean() < 5
    assert np.ptp(thumb(frame, Orientation())) < 5
    (small,) = (e for e in DecodePass(path) if isinstance(e, SmallFrames))
    assert np.ptp(small.frames) < 5


@pytest.mark.parametrize(
    ("sample_aspect", "transpose", "expected"),
    [(1.0, False, (720, 576)), (64 / 45, False, (1024, 576)), (0.5, False, (720, 1152)),
     (64 / 45, True, (576, 1024)), (16.0, False, (11_520, 576))],
)  # fmt: skip
def test_display_size(sample_aspect: float, transpose: bool, expected: tuple[int, int]) -> None:
    orientation = Orientation(transpose=transpose)
    assert display_size(720, 576, sample_aspect, orientation) == expected


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.floats(1 / 16, 16))
def test_display_size_is_bounded(width: int, height: int, aspect: float) -> None:
    if frame_size_error(width, height) is None:
        shown = display_size(width, height, aspect, Orientation())
        assert min(shown) >= 1
        assert max(shown) <= MAX_SIDE_PX


unit = st.floats(0, 1)


@given(unit, unit, unit, unit, st.integers(1, 5000), st.integers(1, 5000))
def test_crops_hold_whole_pixels_and_are_never_empty(
    x0: float, y0: float, x1: float, y1: float, width: int, height: int
) -> None:
    box = Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
    left, top, right, bottom = crop_pixels(box, width, height)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert left <= box.x0 * width
    assert right >= min(box.x1 * width, width)


def test_absurd_sizes_say_so() -> None:
    assert frame_size_error(16_384, 16_384) is None
    assert frame_size_error(16_385, 1) == (
        "frames of 16385x1 px are too large (at most 16384 px a side and 268435456 px in all)"
    )


def first_frame(path: Path) -> SampledFrame:
    plan = DecodePlan(small=False, audio=None, mode="all")
    return next(event for event in DecodePass(path, plan) if isinstance(event, SampledFrame))
