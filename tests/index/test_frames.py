"""Exact seeking, checked against a full decode of the same file."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from longtake.errors import MediaError, UsageError
from longtake.index.decode import DecodePass, DecodePlan, SampledFrame, SmallFrames
from longtake.index.frames import FrameReader, frames_at
from longtake.index.lanes import Box

MakeVideo = Callable[..., Path]
ReadNumber = Callable[[NDArray[np.uint8]], int]

VFR = [0.0, 0.04, 0.08, 0.5, 0.54, 2.0, 2.033, 2.067, 4.0, 7.5, 7.54, 7.58, 9.0, 12.0, 12.04]
OPEN_GOP = {"open_gop": "1", "x264-params": "open-gop=1:bframes=3:b-adapt=0:scenecut=0"}

FILES: list[Any] = [
    pytest.param("a.mp4", {"gop": 250, "bframes": 3, "frames": 400}, id="long-gop"),
    pytest.param("a.mkv", {"gop": 250, "bframes": 3, "frames": 400}, id="long-gop-mkv"),
    pytest.param("a.mp4", {"gop": 20, "options": OPEN_GOP, "frames": 200}, id="open-gop"),
    pytest.param("a.mp4", {"times": VFR, "frames": 15, "bframes": 2}, id="vfr-mp4"),
    pytest.param("a.mkv", {"times": VFR, "frames": 15, "gop": 4}, id="vfr-mkv"),
    pytest.param("a.ts", {"bframes": 2, "frames": 200, "gop": 50}, id="mpegts"),
    pytest.param("a.mp4", {"start": 3.0, "bframes": 2, "frames": 100}, id="start-offset"),
    pytest.param("a.mkv", {"start": 100.0, "frames": 100}, id="start-offset-mkv"),
    pytest.param("a.avi", {"codec": "mpeg4", "frames": 100}, id="avi"),
    pytest.param("a.webm", {"codec": "libvpx-vp9", "frames": 60, "gop": 30}, id="vp9"),
    pytest.param("a.h264", {"bframes": 2, "frames": 50}, id="elementary"),
    pytest.param("a.ts", {"codec": "mpeg2video", "bframes": 2, "frames": 100}, id="mpeg2"),
    pytest.param("a.mkv", {"fps": 1000, "frames": 500}, id="1000-fps"),
]


def full_decode(path: Path) -> list[float]:
    plan = DecodePlan(frames=False, audio=None, mode="all")
    batches = (event for event in DecodePass(path, plan) if isinstance(event, SmallFrames))
    return [float(time) for batch in batches for time in batch.times]


@pytest.mark.parametrize(("name", "recipe"), FILES)
def test_the_frame_shown_is_that_of_a_full_decode(
    tmp_path: Path, make_video: MakeVideo, read_number: ReadNumber, name: str, recipe: Any
) -> None:
    path = make_video(tmp_path / name, **recipe)
    times = full_decode(path)
    assert len(times) == recipe["frames"]
    dice = random.Random(name)
    wanted = [dice.uniform(times[0], times[-1]) for _ in range(20)] + [times[0], times[-1]]
    edge = 5e-4 if recipe.get("fps") == 1000 else 1e-3  # half a frame, a millisecond at most
    expected = [max(n for n, t in enumerate(times) if t <= time + edge) for time in wanted]
    with FrameReader(path) as reader:
        # One after the other, in disorder, and then all at once by another reader.
        singly = [reader.at([time])[0] for time in wanted]
    assert [read_number(frame.rgb) for frame in singly] == expected
    assert [frame.time for frame in singly] == [times[n] for n in expected]
    together = frames_at(path, wanted)
    assert [read_number(frame.rgb) for frame in together] == expected


def test_every_frame_of_a_long_gop_by_its_own_time(
    tmp_path: Path, make_video: MakeVideo, read_number: ReadNumber
) -> None:
    path = make_video(tmp_path / "a.mp4", frames=120, fps=30, gop=250, bframes=3)
    frames = frames_at(path, [n / 30 for n in range(120)])
    assert [read_number(frame.rgb) for frame in frames] == list(range(120))


def test_times_outside_the_video_give_its_ends(
    tmp_path: Path, make_video: MakeVideo, read_number: ReadNumber
) -> None:
    path = make_video(tmp_path / "a.mp4", frames=50, bframes=2)
    frames = frames_at(path, [-5.0, 1e9, 2.0, 1.96])
    assert [read_number(frame.rgb) for frame in frames] == [0, 49, 49, 49]
    assert [frame.time for frame in frames] == [0.0, 1.96, 1.96, 1.96]


def test_samples_of_the_decode_pass_are_found_again(tmp_path: Path, make_video: MakeVideo) -> None:
    path = make_video(tmp_path / "a.mp4", frames=100, bframes=3, gop=30)
    sampled = [e for e in DecodePass(path, DecodePlan(fps=3)) if isinstance(e, SampledFrame)]
    found = frames_at(path, [frame.time for frame in sampled])
    assert [frame.time for frame in found] == [frame.time for frame in sampled]
    for one, other in zip(found, sampled, strict=True):
        np.testing.assert_array_equal(one.rgb, other.rgb(160, 120))


def test_repeated_looks_decode_nothing(tmp_path: Path, make_video: MakeVideo) -> None:
    path = make_video(tmp_path / "a.mp4", frames=100, gop=250)
    with FrameReader(path) as reader:
        first = reader.at([1.0, 3.0, 2.0])
        decoded = reader.decoded
        again = reader.at([2.01, 1.0])
        reader.at([3.0], crop=Box(0, 0, 0.5, 0.5))
        assert reader.decoded == decoded
    assert again[0].rgb is first[2].rgb
    assert again[1].rgb is first[0].rgb
    assert not first[0].rgb.flags.writeable


def test_the_cache_is_bounded_in_bytes(tmp_path: Path, make_video: MakeVideo) -> None:
    path = make_video(tmp_path / "a.mp4", frames=50, gop=1)
    with FrameReader(path, cache_bytes=4 * 160 * 120 * 3) as reader:
        reader.at([n / 25 for n in range(50)])
        decoded = reader.decoded
        reader.at([49 / 25])
        assert reader.decoded == decoded
        reader.at([0.0])
        assert reader.decoded > decoded


def test_near_times_share_one_seek(tmp_path: Path, make_video: MakeVideo) -> None:
    path = make_video(tmp_path / "a.mp4", frames=500, gop=25)
    with FrameReader(path) as reader:
        reader.at([15.2, 15.6, 15.4, 15.0])
        assert reader.decoded <= 25 + 16  # what decoder threads take in ahead


@pytest.mark.parametrize(
    ("size", "crop", "expected"),
    [
        (None, None, (120, 160)),
        (80, None, (60, 80)),
        (1000, None, (120, 160)),
        ((32, 64), None, (64, 32)),
        (None, Box(0.25, 0.5, 0.75, 1.0), (60, 80)),
        (40, Box(0.25, 0.5, 0.75, 1.0), (30, 40)),
        ((50, 50), Box(0, 0, 1, 1), (50, 50)),
        (None, Box(0.999, 0.999, 1, 1), (1, 1)),
    ],
)
def test_sizes(
    tmp_path: Path, make_video: MakeVideo, size: Any, crop: Box | None, expected: tuple[int, int]
) -> None:
    path = make_video(tmp_path / "a.mp4", frames=3)
    (frame,) = frames_at(path, [0.0], size=size, crop=crop)
    assert frame.rgb.shape == (*expected, 3)


def test_crop_is_a_part_of_the_upright_picture(
    tmp_path: Path, make_video: MakeVideo, numbered: Any
) -> None:
    upright = numbered(0b1000_0100_0010_0001, 96, 128)
    lying = [np.ascontiguousarray(np.rot90(upright, -1))]
    path = make_video(
        tmp_path / "a.mov", frames=lying, rotation=90, codec="prores_ks", pix_fmt="yuv444p10le"
    )
    (whole,) = frames_at(path, [0.0])
    (part,) = frames_at(path, [0.0], crop=Box(0.25, 0.25, 0.5, 0.5))
    np.testing.assert_array_equal(part.rgb, whole.rgb[32:64, 24:48])
    assert part.rgb[8:-8, 6:-6].min() > 200
    (dark,) = frames_at(path, [0.0], crop=Box(0.25, 0.0, 0.5, 0.25))
    assert dark.rgb[8:-8, 6:-6].max() < 60


@pytest.mark.parametrize("container", ["ts", "mkv"])
def test_files_whose_timestamps_jump_back(
    tmp_path: Path, make_video: MakeVideo, read_number: ReadNumber, container: str
) -> None:
    if container == "ts":
        one = make_video(tmp_path / "one.ts", frames=50, bframes=2).read_bytes()
        path = tmp_path / "two.ts"
        path.write_bytes(one + one)
    else:
        options = {"cluster_time_limit": "2000", "write_crc32": "0"}
        path = make_video(tmp_path / "a.mkv", frames=100, gop=50, container_options=options)
        path.write_bytes(path.read_bytes().replace(b"\xe7\x82\x07\xf8", b"\xe7\x82\x00\x00"))
    times = full_decode(path)
    frames = frames_at(path, [times[80], times[10], times[60]], jumps=container == "mkv")
    assert [frame.time for frame in frames] == [times[80], times[10], times[60]]
    expected = [30, 10, 10] if container == "ts" else [80, 10, 60]
    assert [read_number(frame.rgb) for frame in frames] == expected


def test_truncated_file_gives_its_last_frame(
    tmp_path: Path, make_video: MakeVideo, read_number: ReadNumber
) -> None:
    options = {"movflags": "faststart"}
    path = make_video(tmp_path / "a.mp4", frames=200, container_options=options)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    times = full_decode(path)
    (frame,) = frames_at(path, [7.0])
    assert (frame.time, read_number(frame.rgb)) == (times[-1], len(times) - 1)


@pytest.mark.parametrize(
    ("times", "size", "crop", "message"),
    [
        ([float("nan")], None, None, "not a time: nan"),
        ([0.0], 0, None, r"size 0 is not within 1\.\.16384 px"),
        ([0.0], (10, 99_999), None, "is not within"),
        ([0.0], None, Box(0.5, 0, 0.5, 1), "crop"),
        ([0.0], None, Box(0, 0, 1.5, 1), "crop"),
    ],
)
def test_bad_requests(
    tmp_path: Path, make_video: MakeVideo, times: Any, size: Any, crop: Any, message: str
) -> None:
    path = make_video(tmp_path / "a.mp4", frames=2)
    with pytest.raises(UsageError, match=message):
        frames_at(path, times, size=size, crop=crop)


def test_no_video_no_frames(tmp_path: Path, make_video: MakeVideo) -> None:
    sound = np.zeros(16_000, np.float32)
    path = make_video(tmp_path / "a.wav", frames=0, audio=sound, audio_codec="pcm_s16le")
    with pytest.raises(MediaError, match="has no video stream"):
        frames_at(path, [0.0])


def test_no_times_no_frames(tmp_path: Path, make_video: MakeVideo) -> None:
    assert frames_at(make_video(tmp_path / "a.mp4", frames=2), []) == []
