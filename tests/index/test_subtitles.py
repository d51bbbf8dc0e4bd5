"""Side-car and embedded subtitles: found, chosen, read on the video's timeline."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pysubs2
import pytest
from av.subtitles.subtitle import SubtitleSet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from longtake.errors import MediaError
from longtake.index.media import MediaInfo, StreamInfo, probe
from longtake.index.subtitles import (
    MAX_SEGMENT_S,
    SubtitleSource,
    choose,
    find_subtitles,
    read_subtitles,
    sidecar_files,
)

ASS_HEADER = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Default,Arial,20

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def source(path: Path, text: str | bytes | None = None) -> SubtitleSource:
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return SubtitleSource(path=path, format=path.suffix[1:], title=path.name)


def read(path: Path, text: str | bytes) -> list[tuple[float, float, str]]:
    return [(s.start, s.end, s.text) for s in read_subtitles(source(path, text))]


def info(path: Path, *streams: StreamInfo) -> MediaInfo:
    return MediaInfo(
        path=path,
        container="mp4",
        duration=10.0,
        fps=25.0,
        width=64,
        height=64,
        video_codec="h264",
        audio_codec=None,
        audio_streams=(),
        subtitle_streams=streams,
        chapters=(),
        notes=(),
    )


def stream(index: int, codec: str | None, **facts: Any) -> StreamInfo:
    known: dict[str, Any] = {"language": None, "title": None, "default": False, **facts}
    return StreamInfo(index=index, codec=codec, **known)


def video_with_subtitles(
    path: Path, codec: str, captions: Sequence[tuple[int, int, str]], *, first_ms: int = 0
) -> Path:
    """Five seconds of video whose first frame stands at `first_ms`, captions in milliseconds."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=5)
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        text = container.add_stream(codec)
        text.metadata["language"] = "eng"
        text.codec_context.subtitle_header = ASS_HEADER
        for number in range(25):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            frame.pts, frame.time_base = first_ms // 200 + number, Fraction(1, 5)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for number, (start, end, words) in enumerate(captions):
            line = f"{number},0,Default,,0,0,0,,{words}".encode()
            packet = text.codec_context.encode_subtitle(
                SubtitleSet.create(line, 0, end - start, start * 1000)
            )
            packet.stream, packet.time_base = text, Fraction(1, 1000)
            packet.pts = packet.dts = start
            packet.duration = end - start
            container.mux(packet)
    return path


# Finding and choosing


def test_side_cars_share_the_name_and_may_add_a_language_and_flags(tmp_path: Path) -> None:
    video = tmp_path / "talk.one.mp4"
    wanted = [
        "talk.one.SRT",
        "talk.one.en.vtt",
        "talk.one.mp4.srt",
        "talk.one.pt-BR.sdh.ass",
        "talk.one.ger.forced.ssa",
    ]
    others = ["talk.srt", "talk.one.part2.srt", "talk.one.en.txt", "talk.ones.srt", "x.srt"]
    for name in [*wanted, *others]:
        (tmp_path / name).touch()
    (tmp_path / "talk.one.fr.srt").mkdir()
    assert {file.name for file in sidecar_files(video)} == set(wanted)
    found = {
        s.path.name: (s.language, s.format, s.forced) for s in find_subtitles(video, info(video))
    }
    assert found == {
        "talk.one.SRT": (None, "srt", False),
        "talk.one.en.vtt": ("en", "vtt", False),
        "talk.one.mp4.srt": (None, "srt", False),
        "talk.one.pt-BR.sdh.ass": ("pt", "ass", False),
        "talk.one.ger.forced.ssa": ("de", "ssa", True),
    }


def test_a_missing_folder_has_no_side_cars(tmp_path: Path) -> None:
    assert sidecar_files(tmp_path / "gone" / "talk.mp4") == []


def test_streams_follow_files_and_the_default_stream_leads(tmp_path: Path) -> None:
    video = tmp_path / "talk.mkv"
    (tmp_path / "talk.srt").touch()
    found = find_subtitles(
        video,
        info(
            video,
            stream(2, "subrip", language="ger"),
            stream(3, "ass", language="eng", default=True, title="Full"),
            stream(4, "hdmv_pgs_subtitle", language="eng"),
            stream(5, None),
            stream(6, "mov_text", title="English (Forced)"),
        ),
    )
    assert [(s.stream, s.language, s.readable, s.forced) for s in found] == [
        (None, None, True, False),
        (3, "en", True, False),
        (2, "de", True, False),
        (4, "en", False, False),
        (5, None, False, False),
        (6, None, True, True),
    ]
    assert found[1].title == "stream 3 (eng, ass, Full, default)"


def test_subtitles_in_the_spoken_language_lead(tmp_path: Path) -> None:
    video = tmp_path / "talk.mkv"
    (tmp_path / "talk.de.srt").touch()
    facts = replace(
        info(video, stream(2, "ass", language="ger"), stream(3, "ass", language="eng")),
        audio_streams=(
            stream(0, "aac", language="fre"),
            stream(1, "aac", language="eng", default=True),
        ),
    )
    found = find_subtitles(video, facts)
    assert [(s.stream, s.language) for s in found] == [(3, "en"), (None, "de"), (2, "de")]


def sources(*facts: tuple[str | None, bool, bool]) -> list[SubtitleSource]:
    return [
        SubtitleSource(
            path=Path("a"), stream=k, language=lang, format="srt", title="", readable=r, forced=f
        )
        for k, (lang, r, f) in enumerate(facts)
    ]


@pytest.mark.parametrize(
    ("facts", "language", "index"),
    [
        pytest.param([("de", True, False), ("en", True, False)], "en", 1, id="language"),
        pytest.param([("de", True, False), ("en", True, False)], "eng", 1, id="three letters"),
        pytest.param([("de", True, False), ("en", True, False)], None, 0, id="any"),
        pytest.param([("de", True, False), (None, True, False)], "en", 1, id="unknown will do"),
        pytest.param([("de", True, False)], "en", None, id="another language will not"),
        pytest.param([("en", False, False)], "en", None, id="pictures"),
        pytest.param([("en", True, True)], None, None, id="forced"),
        pytest.param([], None, None, id="nothing"),
    ],
)
def test_choose(
    facts: list[tuple[str | None, bool, bool]], language: str | None, index: int | None
) -> None:
    chosen = choose(sources(*facts), language)
    assert (None if chosen is None else chosen.stream) == index


# Reading files


def test_srt_markup_goes_and_lines_join(tmp_path: Path) -> None:
    text = """1
00:00:01,000 --> 00:00:02,500
<i>Five &lt; six</i> and
<font color="red">{\\an8}a < b {and} c</font>

2
00:00:03,000 --> 00:00:04,000


3
00:00:06,000 --> 00:00:05,000
Backwards
"""
    assert read(tmp_path / "a.srt", text) == [(1.0, 2.5, "Five < six and a < b {and} c")]


def test_vtt_notes_styles_voices_and_short_clocks(tmp_path: Path) -> None:
    text = """WEBVTT
Kind: captions

STYLE
::cue { color: red }

NOTE nobody sees this

intro
00:01.000 --> 00:02.000 align:start position:0%
<v Ann>Fish &amp; <c.loud>chips</c><00:00:01.500> twice</v>

01:00:00.000 --> 01:00:01.000
Much later
"""
    assert read(tmp_path / "a.vtt", text) == [
        (1.0, 2.0, "Fish & chips twice"),
        (3600.0, 3601.0, "Much later"),
    ]


def test_ass_comments_and_drawings_are_left_out(tmp_path: Path) -> None:
    text = ASS_HEADER.decode() + (
        "Comment: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,Nobody sees this\n"
        "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\p1}m 0 0 l 1 1{\\p0}\n"
        "Dialogue: 0,0:00:03.00,0:00:04.50,Default,,0,0,0,,{\\pos(1,2)}One,\\Ntwo <3\n"
    )
    assert read(tmp_path / "a.ass", text) == [(3.0, 4.5, "One, two <3")]


def test_rolling_captions_come_once(tmp_path: Path) -> None:
    text = """WEBVTT

00:00.000 --> 00:02.000
Hello and welcome

00:02.000 --> 00:02.010
Hello and welcome

00:02.010 --> 00:04.000
Hello and welcome
To this lecture

00:04.000 --> 00:04.010
To this lecture

00:04.010 --> 00:06.000
To this lecture
About the sea

00:20.000 --> 00:21.000
Hello and welcome
"""
    assert read(tmp_path / "a.vtt", text) == [
        (0.0, 2.01, "Hello and welcome"),
        (2.01, 4.01, "To this lecture"),
        (4.01, 6.0, "About the sea"),
        (20.0, 21.0, "Hello and welcome"),
    ]


def test_a_caption_in_two_layers_comes_once(tmp_path: Path) -> None:
    line = "Dialogue: {},0:00:01.00,0:00:02.00,Default,,0,0,0,,Shadowed\n"
    text = ASS_HEADER.decode() + line.format(0) + line.format(1)
    assert read(tmp_path / "a.ass", text) == [(1.0, 2.0, "Shadowed")]


def srt(*captions: tuple[float, float, str]) -> str:
    events = pysubs2.SSAFile()
    for start, end, text in captions:
        event = pysubs2.SSAEvent(start=round(start * 1000), end=round(end * 1000), text=text)
        events.append(event)
    return str(events.to_string("srt"))


def test_a_sentence_cut_in_two_is_put_together(tmp_path: Path) -> None:
    text = srt(
        (1, 3, "The tower was moved"),
        (3.1, 5, "to Plymouth."),
        (5, 6, "and then"),
        (8, 9, "it rained"),
        (9, 10, "Still"),
    )
    assert read(tmp_path / "a.srt", text) == [
        (1.0, 5.0, "The tower was moved to Plymouth."),
        (5.0, 6.0, "and then"),
        (8.0, 9.0, "it rained"),
        (9.0, 10.0, "Still"),
    ]


def test_joined_sentences_and_long_captions_stay_within_the_limit(tmp_path: Path) -> None:
    text = srt((0, 9, "A"), (9, 18, "b"), (20, 90, "C"))
    assert read(tmp_path / "a.srt", text) == [(0.0, 9.0, "A"), (9.0, 18.0, "b"), (20.0, 35.0, "C")]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252"]
)
def test_encodings(tmp_path: Path, encoding: str) -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\nÜber die Brücke, señor\n"
    assert read(tmp_path / "a.srt", text.encode(encoding)) == [(1.0, 2.0, "Über die Brücke, señor")]


def test_a_wrong_ending_does_not_matter(tmp_path: Path) -> None:
    text = "WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n"
    assert read(tmp_path / "a.srt", text) == [(1.0, 2.0, "Hello")]


@pytest.mark.parametrize("text", ["", " \n\n", "WEBVTT\n"])
def test_no_captions_are_no_segments(tmp_path: Path, text: str) -> None:
    assert read(tmp_path / "a.vtt", text) == []


@pytest.mark.parametrize("ending", ["srt", "vtt", "ass"])
def test_what_holds_no_subtitles_is_an_error(tmp_path: Path, ending: str) -> None:
    with pytest.raises(MediaError, match=rf"a\.{ending}' holds no subtitles"):
        read(tmp_path / f"a.{ending}", "<html>Not found</html>")


def test_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"gone\.srt' cannot be read: No such file"):
        read_subtitles(source(tmp_path / "gone.srt"))
    big = tmp_path / "big.srt"
    with big.open("wb") as file:
        file.truncate(33 * 2**20)
    with pytest.raises(MediaError, match="too large"):
        read_subtitles(source(big))
    with pytest.raises(MediaError, match="are pictures, not text"):
        read_subtitles(sources(("en", False, False))[0])


def test_segments_carry_their_source(tmp_path: Path) -> None:
    file = tmp_path / "talk.en.srt"
    file.write_text(srt((1, 2, "Hello")), encoding="utf-8")
    (found,) = find_subtitles(tmp_path / "talk.mp4", info(tmp_path / "talk.mp4"))
    (segment,) = read_subtitles(found)
    assert (segment.source, segment.confidence, segment.language) == ("subtitles", 1.0, "en")


# Properties

words = st.text(st.sampled_from("abcdefgh ,.'?!-äñ"), min_size=1, max_size=30)
times = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 1500)), max_size=12)


@pytest.mark.parametrize("ending", ["srt", "vtt", "ass"])
@given(times=times, texts=st.lists(words, min_size=12, max_size=12))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_round_trip(
    tmp_path: Path, ending: str, times: list[tuple[int, int]], texts: list[str]
) -> None:
    written, expected, clock = pysubs2.SSAFile(), [], 0
    for number, ((gap, length), text) in enumerate(zip(times, texts, strict=False)):
        start, clock = clock + gap * 10, clock + (gap + length) * 10
        line = f"N{number} {text}"
        written.append(pysubs2.SSAEvent(start=start, end=clock, text=line))
        expected.append((start / 1000, clock / 1000, " ".join(line.split())))
    content = written.to_string(ending)
    assert read(tmp_path / f"a.{ending}", content) == expected


clock_times = st.integers(-5_000, 40_000)
captions = st.lists(
    st.tuples(clock_times, clock_times, st.sampled_from(["A", "b", "b\\NA", "C.", "", "d"]))
)


@given(captions=captions)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_segments_are_ordered_bounded_and_say_something(
    tmp_path: Path, captions: list[tuple[int, int, str]]
) -> None:
    written = pysubs2.SSAFile()
    for begin, stop, line in captions:
        written.append(pysubs2.SSAEvent(start=begin, end=stop, text=line))
    found = read(tmp_path / "a.ass", written.to_string("ass"))
    assert [start for start, _, _ in found] == sorted(start for start, _, _ in found)
    for start, end, text in found:
        assert 0 <= start < end <= start + MAX_SEGMENT_S + 1e-6
        assert text.strip()


@pytest.mark.parametrize("ending", ["srt", "vtt", "ass", "ssa"])
@given(
    content=st.one_of(
        st.binary(max_size=200),
        st.text(st.sampled_from("0123:.,->\n WEBVTT{}[]\\<&;"), max_size=200).map(str.encode),
    )
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_anything_is_read_or_refused(tmp_path: Path, ending: str, content: bytes) -> None:
    try:
        found = read(tmp_path / f"a.{ending}", content)
    except MediaError as error:
        assert "\n" not in str(error)
    else:
        assert all(start < end for start, end, _ in found)


# Embedded streams


@pytest.mark.parametrize(
    ("codec", "ending"),
    [("subrip", "mkv"), ("ass", "mkv"), ("webvtt", "mkv"), ("mov_text", "mp4")],
)
def test_embedded_text_streams(tmp_path: Path, codec: str, ending: str) -> None:
    captions = [(500, 1500, "Hello {\\i1}there{\\i0},\\NAnn"), (2000, 4000, "Good bye")]
    video = video_with_subtitles(tmp_path / f"talk.{ending}", codec, captions)
    (found,) = find_subtitles(video, probe(video))
    assert (found.path, found.stream, found.language, found.readable) == (video, 1, "en", True)
    segments = read_subtitles(found)
    assert [(s.start, s.end, s.text) for s in segments] == [
        (0.5, 1.5, "Hello there, Ann"),
        (2.0, 4.0, "Good bye"),
    ]


def test_embedded_times_count_from_the_start_of_the_container(tmp_path: Path) -> None:
    video = video_with_subtitles(
        tmp_path / "late.mkv", "subrip", [(3500, 4500, "Hello")], first_ms=3000
    )
    (found,) = find_subtitles(video, probe(video))
    assert [(s.start, s.end, s.text) for s in read_subtitles(found)] == [(0.5, 1.5, "Hello")]


def test_a_stream_that_is_gone_is_an_error(tmp_path: Path) -> None:
    video = video_with_subtitles(tmp_path / "a.mkv", "subrip", [(0, 500, "Hello")])
    (found,) = find_subtitles(video, probe(video))
    video.write_bytes(b"not a video any more")
    with pytest.raises(MediaError, match=r"a\.mkv' is not a video"):
        read_subtitles(found)
