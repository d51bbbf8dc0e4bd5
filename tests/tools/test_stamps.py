"""Seconds drawn into pictures: an OCR engine reads them back from the JPEG that models get."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from longtake.index.lanes import U8
from longtake.index.ocr_engines import RapidReader
from longtake.tools.library import Library
from longtake.tools.stamps import stamped
from longtake.tools.view import Shape, blank_frames
from longtake.tools.viewer import Viewer, encode
from longtake.tools.vlm.messages import Picture, Text, laid_out


@pytest.fixture(scope="module")
def reader() -> RapidReader:
    return RapidReader("openvino", threads=1)


@pytest.fixture(scope="module")
def library(lecture_library: Path) -> Iterator[Library]:
    with Library.open(lecture_library) as opened:
        yield opened


def noise(width: int, height: int) -> U8:
    return np.random.default_rng(width).integers(0, 255, (height, width, 3)).astype(np.uint8)


def as_sent(image: U8) -> U8:
    return np.asarray(Image.open(io.BytesIO(encode(image))).convert("RGB"))


@pytest.mark.parametrize("time", [0.0, 9.5, 75.3, 1234.5, 86399.9])
@pytest.mark.parametrize("size", [(168, 94), (224, 126), (448, 252), (1280, 720)])
def test_a_stamp_is_read_back_from_the_jpeg(
    reader: RapidReader, size: tuple[int, int], time: float
) -> None:
    width, height = size
    sent = as_sent(stamped(noise(width, height), time))
    corner = sent[-max(16, height // 5) :, -max(64, width // 2) :]
    corner = np.asarray(Image.fromarray(corner).resize((corner.shape[1] * 3, corner.shape[0] * 3)))
    found = "".join(line.text for line in reader.recognise(corner, reader.detect(corner)))
    assert f"{time:.1f}" in found.replace(" ", "")


@pytest.mark.parametrize("size", [(2, 2), (30, 400), (48, 28), (640, 360)])
def test_a_stamp_changes_only_its_corner(size: tuple[int, int]) -> None:
    width, height = size
    plain = noise(width, height)
    made = stamped(plain, 12.5)
    assert made.shape == plain.shape and made.dtype == np.uint8
    changed = np.argwhere((made != plain).any(2))
    if width >= 30:
        assert changed[:, 0].min() >= height - 34 and changed[:, 1].max() == width - 1
    if width == 640:
        assert changed[:, 1].min() > width * 0.8


def test_stamped_frames_have_bytes_and_keys_of_their_own(library: Library) -> None:
    video = library.videos()[0].id
    plain = Shape(times=(12.0, 60.0), width=320, height=180)
    marked = Shape(times=(12.0, 60.0), width=320, height=180, stamped=True)
    viewer = Viewer(library)
    first, second = viewer.frames(video, plain), viewer.frames(video, marked)
    again = Viewer(library).frames(video, marked)
    assert [p.jpeg for p in again.pictures] == [p.jpeg for p in second.pictures]
    for one, other in zip(first.pictures, second.pictures, strict=True):
        assert one.key != other.key and one.jpeg != other.jpeg
        assert other.stamped and not one.stamped


@pytest.mark.parametrize("as_video", [False, True])
def test_no_words_tell_what_a_stamp_shows(as_video: bool) -> None:
    shape = Shape(times=(1.0, 2.0), width=64, height=64)
    told = laid_out([blank_frames(shape)], as_video=as_video)
    marked = Shape(times=(1.0, 2.0), width=64, height=64, stamped=True)
    untold = laid_out([blank_frames(marked)], as_video=as_video)
    assert [part for part in told if isinstance(part, Text)]
    assert not [part for part in untold if isinstance(part, Text)]
    assert sum(isinstance(part, Picture) for part in untold) == (0 if as_video else 2)
