"""Probing: what headers say, and one clear line for every file that is not media."""

import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from longtake.errors import MediaError, UsageError
from longtake.index.media import audio_stream, open_media, probe

MakeVideo = Callable[..., Path]
Clicks = Callable[..., NDArray[np.float32]]


def test_probe_tells_streams_size_rate_and_codecs(
    tmp_path: Path, make_video: MakeVideo, clicks: Clicks
) -> None:
    audio = {"eng": clicks(1, []), "deu": clicks(1, [])}
    info = probe(make_video(tmp_path / "a.mkv", frames=30, fps=30, audio=audio))
    assert (info.width, info.height, info.fps) == (160, 120, 30.0)
    assert (info.video_codec, info.audio_codec) == ("h264", "aac")
    assert info.duration == pytest.approx(1.0, abs=0.1)
    assert [(s.index, s.codec, s.language) for s in info.audio_streams] == [
        (1, "aac", "eng"),
        (2, "aac", "deu"),
    ]
    assert info.subtitle_streams == ()
    assert info.notes == ()


def test_probe_gives_the_upright_size_with_square_pixels(
    tmp_path: Path, make_video: MakeVideo
) -> None:
    turned = probe(make_video(tmp_path / "turned.mp4", frames=2, rotation=90))
    assert (turned.width, turned.height) == (120, 160)
    wide = probe(make_video(tmp_path / "wide.mp4", frames=2, sar=Fraction(4, 3)))
    assert (wide.width, wide.height) == (213, 120)
    tall = probe(make_video(tmp_path / "tall.mkv", frames=2, sar=Fraction(1, 2)))
    assert (tall.width, tall.height) == (160, 240)


def test_audio_file_has_no_picture(tmp_path: Path, make_video: MakeVideo, clicks: Clicks) -> None:
    path = make_video(tmp_path / "a.wav", frames=0, audio=clicks(1, []), audio_codec="pcm_s16le")
    info = probe(path)
    assert (info.width, info.height, info.fps, info.video_codec) == (None, None, None, None)
    assert (info.audio_codec, info.duration) == ("pcm_s16le", 1.0)


def test_cover_art_is_not_a_video(tmp_path: Path, make_video: MakeVideo, clicks: Clicks) -> None:
    song = make_video(tmp_path / "song.m4a", frames=0, audio=clicks(1, []))
    path = tmp_path / "cover.m4a"
    picture = av.CodecContext.create("png", "w")
    picture.width = picture.height = 16
    picture.pix_fmt = "rgb24"
    picture.time_base = Fraction(1, 25)
    blank = np.zeros((16, 16, 3), np.uint8)
    (cover,) = picture.encode(av.VideoFrame.from_ndarray(blank, format="rgb24"))
    with av.open(str(song)) as source, av.open(str(path), "w", format="mp4") as target:
        sound = target.add_stream_from_template(source.streams.audio[0])
        art = target.add_stream("png", rate=25)
        art.width = art.height = 16
        art.pix_fmt = "rgb24"
        art.disposition = av.stream.Disposition.attached_pic
        cover.stream, cover.pts, cover.dts = art, 0, 0
        target.mux(cover)
        for packet in source.demux(source.streams.audio[0]):
            if packet.size:
                packet.stream = sound
                target.mux(packet)
    with av.open(str(path)) as check:
        assert len(check.streams.video) == 1
    assert probe(path).width is None


@pytest.mark.parametrize(("choice", "index"), [("default", 1), ("eng", 1), ("deu", 2), ("2", 2)])
def test_audio_stream_by_default_language_or_index(
    tmp_path: Path, make_video: MakeVideo, clicks: Clicks, choice: str, index: int
) -> None:
    audio = {"eng": clicks(0.2, []), "deu": clicks(0.2, [])}
    with open_media(make_video(tmp_path / "a.mkv", frames=2, audio=audio)) as container:
        stream = audio_stream(container, choice)
        assert stream is not None
        assert stream.index == index


def test_absent_audio_stream_lists_what_there_is(
    tmp_path: Path, make_video: MakeVideo, clicks: Clicks
) -> None:
    audio = {"eng": clicks(0.2, []), "deu": clicks(0.2, [])}
    path = make_video(tmp_path / "a.mkv", frames=2, audio=audio)
    with (
        open_media(path) as container,
        pytest.raises(
            UsageError, match=r"no audio stream 'fra'; there are 1 \(eng, aac.*; 2 \(deu"
        ),
    ):
        audio_stream(container, "fra")


def test_without_audio_any_choice_is_none(tmp_path: Path, make_video: MakeVideo) -> None:
    with open_media(make_video(tmp_path / "a.mp4", frames=2)) as container:
        assert audio_stream(container, "fra") is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.mp4", b"", "is empty"),
        ("words.mp4", b"these are only words, not media at all\n" * 40, "is not a video or audio"),
        ("words.txt", b"these are only words, not media at all\n" * 40, "is not a video or audio"),
        ("noise.mkv", bytes(range(256)) * 64, "is not a video or audio"),
        ("list.mp4", b"ffconcat version 1.0\nfile /etc/passwd\n", "is not a video or audio"),
        (
            "list.m3u8",
            b"#EXTM3U\n#EXTINF:1,\nother.ts\n#EXT-X-ENDLIST\n",
            "is not a video or audio",
        ),
        ("still.png", b"\x89PNG\r\n\x1a\n" + bytes(64), "is not a video or audio"),
        ("lines.srt", b"1\n00:00:01,000 --> 00:00:02,000\nHello\n\n", "neither video nor audio"),
    ],
)
def test_what_is_not_media(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(MediaError, match=message) as caught:
        probe(path)
    assert repr(str(path)) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_directory_loop_and_pipe(tmp_path: Path) -> None:
    loop = tmp_path / "loop.mp4"
    loop.symlink_to(loop)
    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)
    for path, message in [
        (tmp_path / "missing.mp4", "does not exist"),
        (tmp_path, "is a directory"),
        (loop, "loop of links"),
        (pipe, "not a regular file"),
        (Path("a\0b.mp4"), "not a file name"),
    ]:
        with pytest.raises(MediaError, match=message):
            probe(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable(tmp_path: Path, make_video: MakeVideo) -> None:
    path = make_video(tmp_path / "a.mp4", frames=2)
    path.chmod(0)
    with pytest.raises(MediaError, match="permission denied"):
        probe(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_mp4_with_its_index_at_the_end_cut(
    tmp_path: Path, make_video: MakeVideo, share: float
) -> None:
    whole = make_video(tmp_path / "whole.mp4", frames=50).read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(MediaError, match="without a readable index: it is cut off or damaged"):
        probe(path)


def test_header_only(tmp_path: Path, make_video: MakeVideo) -> None:
    options = {"movflags": "faststart"}
    whole = make_video(tmp_path / "w.mp4", frames=50, container_options=options).read_bytes()
    path = tmp_path / "header.mp4"
    path.write_bytes(whole[: whole.index(b"mdat") + 4])
    with pytest.raises(MediaError, match="has a header but nothing in it can be decoded"):
        probe(path)


def test_wrong_extension_is_no_hindrance(tmp_path: Path, make_video: MakeVideo) -> None:
    path = make_video(tmp_path / "a.mp4", frames=5).rename(tmp_path / "a.avi")
    assert probe(path).video_codec == "h264"


@pytest.mark.parametrize(
    "name", ["-v.mp4", 'it\'s "quoted".mp4', "two\nlines.mp4", "📼.mp4", "a:b.mp4", "%03d.mp4"]
)
def test_strange_names(
    tmp_path: Path, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    make_video(tmp_path / "plain.mp4", frames=3).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert probe(name).fps == 25.0


def test_frames_of_absurd_size_are_refused(tmp_path: Path, make_video: MakeVideo) -> None:
    path = make_video(tmp_path / "a.mkv", frames=1, codec="ffv1", size=(16_386, 2))
    with pytest.raises(MediaError, match="frames of 16386x2 px are too large"):
        probe(path)
