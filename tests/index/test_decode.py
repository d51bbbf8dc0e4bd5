"""The decode pass: exact frames, exact times, audio on the same timeline, and damage survived."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from longtake.errors import MediaError, UsageError
from longtake.index.decode import AudioBlock, DecodePass, DecodePlan, SampledFrame, SmallFrames

MakeVideo = Callable[..., Path]
ReadNumber = Callable[[NDArray[np.uint8]], int]
Clicks = Callable[..., NDArray[np.float32]]

PLAN_ALL = DecodePlan(fps=10, mode="all")


@dataclass(kw_only=True)
class Result:
    """Everything a pass gave."""

    small: list[SmallFrames] = field(default_factory=list)
    sampled: list[SampledFrame] = field(default_factory=list)
    audio: list[AudioBlock] = field(default_factory=list)
    decoding: DecodePass

    @property
    def times(self) -> list[float]:
        """Of all decoded frames."""
        return [float(t) for batch in self.small for t in batch.times]

    @property
    def samples(self) -> NDArray[np.float32]:
        return np.concatenate([block.samples for block in self.audio])

    def click_times(self) -> list[float]:
        """Where the bursts made by `clicks` begin."""
        loud = np.flatnonzero(np.abs(self.samples) > 0.3) / 16_000
        return [float(t) for i, t in enumerate(loud) if i == 0 or t - loud[i - 1] > 0.1]


def decode(path: Path, plan: DecodePlan = PLAN_ALL) -> Result:
    result = Result(decoding=DecodePass(path, plan))
    for event in result.decoding:
        if isinstance(event, SmallFrames):
            result.small.append(event)
        elif isinstance(event, SampledFrame):
            result.sampled.append(event)
        else:
            result.audio.append(event)
    return result


def numbers(result: Result, read_number: ReadNumber) -> list[tuple[float, int]]:
    return [(round(f.time, 3), read_number(f.rgb(f.width, f.height))) for f in result.sampled]


CODECS: list[Any] = [
    pytest.param("a.mp4", {}, id="h264-mp4"),
    pytest.param("a.mp4", {"bframes": 3, "gop": 250}, id="h264-bframes-mp4"),
    pytest.param("a.mkv", {"bframes": 3}, id="h264-mkv"),
    pytest.param("a.ts", {"bframes": 3}, id="h264-mpegts"),
    pytest.param("a.flv", {}, id="h264-flv"),
    pytest.param("a.h264", {"bframes": 2}, id="h264-elementary"),
    pytest.param("a.avi", {"codec": "mpeg4"}, id="mpeg4-avi"),
    pytest.param("a.mp4", {"codec": "mpeg4", "bframes": 2}, id="mpeg4-bframes-mp4"),
    pytest.param("a.webm", {"codec": "libvpx"}, id="vp8-webm"),
    pytest.param("a.webm", {"codec": "libvpx-vp9"}, id="vp9-webm"),
    pytest.param(
        "a.mp4",
        {"codec": "libx265", "pix_fmt": "yuv420p10le", "options": {"x265-params": "log-level=0"}},
        id="hevc-10bit-mp4",
    ),
    pytest.param("a.mkv", {"codec": "ffv1"}, id="ffv1-mkv"),
    pytest.param("a.avi", {"codec": "mjpeg", "pix_fmt": "yuvj420p"}, id="mjpeg-avi"),
    pytest.param("a.ts", {"codec": "mpeg2video", "bframes": 2}, id="mpeg2-mpegts"),
    pytest.param("a.mov", {"codec": "prores_ks", "pix_fmt": "yuv422p10le"}, id="prores-mov"),
    pytest.param("a.mp4", {"size": (161, 121), "pix_fmt": "yuv444p"}, id="odd-size"),
]


@pytest.mark.parametrize(("name", "recipe"), CODECS)
def test_every_frame_in_order_at_its_time(
    tmp_path: Path, make_video: MakeVideo, read_number: ReadNumber, name: str, recipe: Any
) -> None:
    result = decode(make_video(tmp_path / name, frames=25, **recipe))
    assert result.times == pytest.approx([n / 25 for n in range(25)], abs=1e-3)
    shown = [(round(n / 25, 3), n) for n in (0, 2, 5, 7, 10, 12, 15, 17, 20, 22)]
    found = numbers(result, read_number)
    assert [n for _, n in found] == [n for _, n in shown]
    assert [t for t, _ in found] == pytest.approx([t for t, _ in shown], abs=1e-3)
    assert result.decoding.duration == pytest.approx(1.0, abs=1e-3)
    assert result.decoding.opens == 1


def test_nonref_gives_real_frames_at_their_own_times(
    tmp_path: Path, make_video: MakeVideo, read_number: ReadNumber
) -> None:
    path = make_video(tmp_path / "a.mp4", frames=100, bframes=3, gop=250)
    result = decode(path, DecodePlan(fps=5))
    assert 25 <= len(result.times) < 100
    found = numbers(result, read_number)
    assert [n for _, n in found] == [round(t * 25) for t, _ in found]
    assert len(found) == 20
    for point, (time, _) in enumerate(found):
        assert point / 5 - 0.13 < time <= point / 5 + 1e-3


def test_a_still_picture_comes_again_for_every_grid_point(
    tmp_path: Path, make_video: MakeVideo, read_number: ReadNumber
) -> None:
    times = [0.0, 0.4, 3.3, 3.34, 5.9]
    path = make_video(tmp_path / "a.mkv", frames=5, times=times)
    result = decode(path, DecodePlan(mode="all"))
    assert numbers(result, read_number) == [
        (0.0, 0),
        (0.4, 1),
        (2.0, 1),
        (3.0, 1),
        (3.34, 3),
        (5.0, 3),
    ]
    assert result.times == times


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_variable_frame_rate_with_bframes(
    tmp_path: Path, make_video: MakeVideo, read_number: ReadNumber, name: str
) -> None:
    times = [0, 0.04, 0.08, 0.5, 0.54, 2.0, 2.04, 4.0, 4.5]
    path = make_video(tmp_path / name, frames=9, times=times, bframes=2)
    result = decode(path, DecodePlan(fps=100, mode="all"))
    first_seen = {n: t for t, n in reversed(numbers(result, read_number))}
    assert first_seen == {n: t for n, t in enumerate(times)}


def test_small_frames_come_in_batches_and_look_like_the_picture(
    tmp_path: Path, make_video: MakeVideo, read_number: ReadNumber
) -> None:
    result = decode(make_video(tmp_path / "a.mp4", frames=150))
    assert [len(batch.times) for batch in result.small] == [64, 64, 22]
    pictures = np.concatenate([batch.frames for batch in result.small])
    assert pictures.shape == (150, 27, 48, 3)
    assert [read_number(picture) for picture in pictures] == list(range(150))


def test_rotated_video_is_upright_everywhere(
    tmp_path: Path, make_video: MakeVideo, numbered: Any, read_number: ReadNumber
) -> None:
    upright = [numbered(4660 + n, 120, 160) for n in range(5)]
    lying = [np.ascontiguousarray(np.rot90(image, -1)) for image in upright]
    result = decode(make_video(tmp_path / "a.mp4", frames=lying, rotation=90))
    (frame, _) = result.sampled
    assert (frame.width, frame.height) == (120, 160)
    assert read_number(frame.rgb(120, 160)) == 4660
    assert read_number(frame.rgb(60, 60)) == 4660
    assert read_number(np.repeat(frame.thumb()[..., None], 3, 2)) == 4660
    assert read_number(result.small[0].frames[1]) == 4661


def test_thumb_is_luma_and_kept(tmp_path: Path, make_video: MakeVideo) -> None:
    images = [np.full((90, 160, 3), 200, np.uint8)]
    (frame,) = decode(make_video(tmp_path / "a.mkv", frames=images, codec="ffv1")).sampled
    thumb = frame.thumb()
    assert thumb.shape == (32, 32)
    assert np.abs(thumb.astype(int) - 200).max() <= 1
    assert frame.thumb() is thumb
    assert not thumb.flags.writeable


def test_one_frame_may_be_converted_by_many_threads(
    tmp_path: Path, make_video: MakeVideo, read_number: ReadNumber
) -> None:
    (frame,) = decode(make_video(tmp_path / "a.mp4", frames=1)).sampled
    wrong: list[int] = []

    def convert(width: int) -> None:
        for _ in range(50):
            if read_number(frame.rgb(width, width)) != 0:
                wrong.append(width)
            frame.thumb()

    threads = [threading.Thread(target=convert, args=(64 + 8 * n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize(
    ("size", "count", "fps", "duration"),
    [((2, 2), 25, 25, 1.0), ((160, 120), 1, 25, 0.04), ((160, 120), 1, 10, 0.1)],
)
def test_tiny_and_short(
    tmp_path: Path,
    make_video: MakeVideo,
    size: tuple[int, int],
    count: int,
    fps: int,
    duration: float,
) -> None:
    path = make_video(tmp_path / "a.mp4", frames=count, size=size, fps=fps)
    result = decode(path, DecodePlan())
    assert len(result.sampled) == 1
    assert result.sampled[0].time == 0
    assert result.decoding.duration == pytest.approx(duration)


@pytest.mark.parametrize("size", [(1, 1), (8192, 64), (16_384, 8)])
def test_one_pixel_and_very_wide(
    tmp_path: Path, make_video: MakeVideo, size: tuple[int, int]
) -> None:
    path = make_video(tmp_path / "a.mkv", frames=2, codec="ffv1", size=size)
    result = decode(path)
    assert (result.sampled[0].width, result.sampled[0].height) == size
    assert result.sampled[0].rgb(*size).shape == (size[1], size[0], 3)
    assert len(result.times) == 2


def test_absurd_frame_size_is_refused(tmp_path: Path, make_video: MakeVideo) -> None:
    path = make_video(tmp_path / "a.mkv", frames=1, codec="ffv1", size=(16_386, 2))
    with pytest.raises(MediaError, match="too large"):
        decode(path)


# ---- audio


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        ("a.wav", "pcm_s16le", 16_000),
        ("a.mp3", "libmp3lame", 44_100),
        ("a.m4a", "aac", 44_100),
        ("a.flac", "flac", 8_000),
        ("a.ogg", "libopus", 48_000),
    ],
)
def test_audio_file_is_a_video_with_only_speech(
    tmp_path: Path, make_video: MakeVideo, clicks: Clicks, name: str, codec: str, rate: int
) -> None:
    sound = clicks(2, [0.5, 1.5], rate)
    path = make_video(tmp_path / name, frames=0, audio=sound, audio_codec=codec, audio_rate=rate)
    result = decode(path)
    assert (result.sampled, result.small) == ([], [])
    assert result.click_times() == pytest.approx([0.5, 1.5], abs=2e-3)
    assert result.decoding.duration == pytest.approx(2.0, abs=0.05)
    assert result.samples.dtype == np.float32
    assert np.abs(result.samples).max() == pytest.approx(0.8, abs=0.1)


def test_audio_comes_in_bounded_blocks_without_gap(
    tmp_path: Path, make_video: MakeVideo, clicks: Clicks
) -> None:
    at = [1.0, 29.995, 45.0, 64.0]
    path = make_video(tmp_path / "a.wav", frames=0, audio=clicks(65, at), audio_codec="pcm_s16le")
    result = decode(path)
    assert [(b.start, len(b.samples)) for b in result.audio] == [
        (0.0, 480_000),
        (30.0, 480_000),
        (60.0, 80_000),
    ]
    assert result.click_times() == pytest.approx(at, abs=1e-3)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.mov"])
@pytest.mark.parametrize(("start", "audio_start"), [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (7.0, 7.4)])
def test_sound_and_picture_keep_their_offset(
    tmp_path: Path,
    make_video: MakeVideo,
    clicks: Clicks,
    name: str,
    start: float,
    audio_start: float,
) -> None:
    path = make_video(
        tmp_path / name,
        frames=50,
        start=start,
        bframes=2,
        audio=clicks(3, [1.0]),
        audio_start=audio_start,
    )
    result = decode(path)
    (click,) = result.click_times()
    assert click - result.times[0] == pytest.approx(1.0 + audio_start - start, abs=0.005)
    # The earliest stream begins at 0, but for the encoder delay that MPEG-TS cannot declare.
    assert min(click - 1.0, result.times[0]) == pytest.approx(0.0, abs=0.07)


def test_audio_stream_is_chosen(tmp_path: Path, make_video: MakeVideo, clicks: Clicks) -> None:
    audio = {"eng": clicks(1, [0.25]), "deu": clicks(1, [0.75])}
    path = make_video(tmp_path / "a.mkv", frames=25, audio=audio)
    for choice, expected in [("default", 0.25), ("eng", 0.25), ("deu", 0.75), ("2", 0.75)]:
        result = decode(path, DecodePlan(audio=choice))
        assert result.click_times() == pytest.approx([expected], abs=2e-3)
        assert result.decoding.notes == []
    with pytest.raises(UsageError, match=r"no audio stream 'fra'; there are 1 \(eng"):
        decode(path, DecodePlan(audio="fra"))


def test_only_what_is_wanted_is_decoded(
    tmp_path: Path, make_video: MakeVideo, clicks: Clicks
) -> None:
    path = make_video(tmp_path / "a.mp4", frames=25, audio=clicks(2, []))
    sound = decode(path, DecodePlan(small=False, frames=False))
    assert (sound.small, sound.sampled, len(sound.audio)) == ([], [], 1)
    pictures = decode(path, DecodePlan(audio=None))
    assert pictures.audio == []
    assert pictures.decoding.duration == pytest.approx(1.0)
    assert pictures.decoding.notes == []
    nothing = decode(path, DecodePlan(small=False, frames=False, audio=None))
    assert nothing.decoding.duration == 0.0


@pytest.mark.parametrize("seconds", [1.0, 3.0])
def test_audio_shorter_or_longer_than_video(
    tmp_path: Path, make_video: MakeVideo, clicks: Clicks, seconds: float
) -> None:
    path = make_video(tmp_path / "a.mkv", frames=50, audio=clicks(seconds, []))
    result = decode(path)
    assert len(result.samples) / 16_000 == pytest.approx(seconds, abs=0.07)
    assert result.decoding.duration == pytest.approx(max(2.0, seconds), abs=0.07)
    assert result.decoding.notes == []


# ---- damage


@pytest.mark.parametrize("container", ["mkv", "ts"])
def test_timestamps_that_jump_back_are_closed(
    tmp_path: Path,
    make_video: MakeVideo,
    clicks: Clicks,
    read_number: ReadNumber,
    container: str,
) -> None:
    one = make_video(tmp_path / "one.ts", frames=50, audio=clicks(2, [0.5])).read_bytes()
    path = tmp_path / "two.ts"
    path.write_bytes(one + one)
    if container == "mkv":
        path = jumping_matroska(make_video, tmp_path)
    result = decode(path)
    found = result.times
    assert np.diff(found).min() > 0
    assert found[-1] - found[0] == pytest.approx(99 / 25, abs=0.1)
    assert result.decoding.duration == pytest.approx(4.0, abs=0.15)
    assert "jumps of the timestamps, closed: 1" in result.decoding.notes
    if container == "ts":
        first, second = result.click_times()
        assert second - first == pytest.approx(found[50] - found[0], abs=0.01)


def jumping_matroska(make_video: MakeVideo, folder: Path) -> Path:
    """A Matroska file of 4 s whose second half is stamped like its first."""
    path = make_video(
        folder / "jump.mkv",
        frames=100,
        gop=50,
        container_options={"cluster_time_limit": "2000", "write_crc32": "0"},
    )
    data = bytearray(path.read_bytes())
    mark = b"\xe7\x82\x07\xf8"  # cluster timestamp: 2040 ms, in two bytes
    assert data.count(mark) == 1
    at = data.index(mark)
    data[at : at + 4] = b"\xe7\x82\x00\x00"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("share", [0.5, 0.9])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm"])
def test_truncated_file_gives_what_it_has(
    tmp_path: Path, make_video: MakeVideo, read_number: ReadNumber, name: str, share: float
) -> None:
    recipe: dict[str, Any] = {"codec": "libvpx"} if name.endswith("webm") else {}
    if name.endswith("mp4"):
        recipe = {"container_options": {"movflags": "faststart"}}
    path = make_video(tmp_path / name, frames=200, **recipe)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    result = decode(path)
    assert 0.5 < result.decoding.duration < 7.7
    assert result.times == pytest.approx([n / 25 for n in range(len(result.times))], abs=1e-3)
    (note,) = (n for n in result.decoding.notes if n.startswith("truncated: holds"))
    assert note.endswith("of the 8.0 s its header claims")


def test_header_that_claims_ten_hours(tmp_path: Path, make_video: MakeVideo) -> None:
    path = make_video(tmp_path / "a.mkv", frames=125)
    data = path.read_bytes()
    # Duration is a float64 in milliseconds: 44 89 88 + value.
    at = data.index(b"\x44\x89\x88") + 3
    path.write_bytes(data[:at] + np.array(36_000_000.0, ">f8").tobytes() + data[at + 8 :])
    result = decode(path)
    assert result.decoding.duration == pytest.approx(5.0)
    assert "truncated: holds 5.0 s of the 36000.0 s its header claims" in result.decoding.notes


def test_damage_in_the_middle_is_skipped_and_noted(
    tmp_path: Path, make_video: MakeVideo, clicks: Clicks
) -> None:
    path = make_video(tmp_path / "a.mp4", frames=100, audio=clicks(4, []))
    data = bytearray(path.read_bytes())
    random = np.random.default_rng(0)
    for at in random.integers(2000, len(data) - 6000, 300):
        data[at] = random.integers(256)
    path.write_bytes(data)
    result = decode(path)
    assert result.decoding.duration == pytest.approx(4.0, abs=0.1)
    assert len(result.times) > 10
    assert any(n.startswith("damaged picture packets skipped: ") for n in result.decoding.notes)


def test_header_only(tmp_path: Path, make_video: MakeVideo) -> None:
    options = {"movflags": "faststart"}
    whole = make_video(tmp_path / "w.mp4", frames=50, container_options=options).read_bytes()
    path = tmp_path / "header.mp4"
    path.write_bytes(whole[: whole.index(b"mdat") + 4])
    with pytest.raises(MediaError, match="nothing in it can be decoded"):
        decode(path)


def test_closing_early_releases_the_file(tmp_path: Path, make_video: MakeVideo) -> None:
    decoding = DecodePass(make_video(tmp_path / "a.mp4", frames=100), PLAN_ALL)
    next(decoding)
    decoding.close()
    with pytest.raises(StopIteration):
        next(decoding)
