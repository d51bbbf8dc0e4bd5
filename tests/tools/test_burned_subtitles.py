"""Subtitles in the picture as timed lines, from cues and from a generated video."""

import json
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from typer.testing import CliRunner

from longtake import Library, Settings
from longtake.cli import app
from longtake.export import Caption, as_srt
from longtake.index.lanes import Box, Cue
from longtake.timing import Span
from longtake.tools.burned_subtitles import subtitles

FPS = 4
LINES = [
    (1.0, 4.0, "The harbour opens at nine"),
    (5.0, 8.0, "Bring your own lantern"),
    (8.0, 11.0, "Nobody may swim here"),
]


def cue(start: float, end: float, text: str, top: float = 0.85, confidence: float = 0.9) -> Cue:
    box = Box(0.2, top, 0.8, top + 0.06)
    return Cue(start=start, end=end, text=text, box=box, confidence=confidence)


def told(cues: list[Cue]) -> list[tuple[float, float, str]]:
    return [(item.span.start, item.span.end, item.text) for item in subtitles(cues)]


def test_only_what_stands_shortly_at_the_bottom_is_a_subtitle() -> None:
    cues = [
        cue(0.0, 60.0, "Harbour School | MAR-417"),
        cue(1.0, 3.0, "Hello there"),
        cue(1.0, 3.0, "Title", top=0.1),
    ]
    assert told(cues) == [(1.0, 3.0, "Hello there")]


def test_lines_that_stand_together_are_one_subtitle() -> None:
    cues = [cue(1.0, 3.0, "second line", top=0.92), cue(1.0, 3.0, "First line,", top=0.85)]
    assert told(cues) == [(1.0, 3.0, "First line, second line")]


def test_readings_of_one_subtitle_are_joined_and_outvoted() -> None:
    cues = [
        cue(1.0, 2.0, "The tlde gauge"),
        cue(2.0, 4.0, "The tide gauqe", confidence=0.8),
        cue(4.0, 6.0, "The tide gauge"),
    ]
    assert told(cues) == [(1.0, 6.0, "The tide gauge")]


def test_a_gap_or_other_words_begin_a_new_subtitle() -> None:
    cues = [cue(1.0, 2.0, "Yes"), cue(2.0, 3.0, "No, never"), cue(9.0, 10.0, "No, never")]
    assert told(cues) == [(1.0, 2.0, "Yes"), (2.0, 3.0, "No, never"), (9.0, 10.0, "No, never")]


def test_burned_in_subtitles_of_a_video_are_read_with_their_times(tmp_path: Path) -> None:
    path = tmp_path / "harbour.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for index in range(13 * FPS):
            shown = [t for start, end, t in LINES if start <= index / FPS < end]
            image = Image.new("RGB", (640, 360), (40, 70, 90))
            draw = ImageDraw.Draw(image)
            draw.text((40, 40), "Night rules", font=ImageFont.load_default(30), fill="white")
            for text in shown:
                font = ImageFont.load_default(26)
                draw.text((320, 320), text, font=font, fill="white", anchor="mm")
            made = av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")
            container.mux(stream.encode(made))
        container.mux(stream.encode())
    with Library.open(tmp_path / "library", Settings(offline=True), create=True) as library:
        assert library.index([path]).ok
        video = library.videos()[0].id
        made = subtitles([record.cue for record in library.cues(video)])
    exported = CliRunner().invoke(
        app, ["export", "harbour", "--burned", "--library", str(tmp_path / "library")]
    )
    assert exported.stdout == as_srt(Caption(i.span.start, i.span.end, i.text) for i in made)
    as_json = CliRunner().invoke(
        app, ["export", "harbour", "--burned", "--json", "--library", str(tmp_path / "library")]
    )
    document = json.loads(as_json.stdout)
    assert document["what"] == "burned"
    assert [item["text"] for item in document["items"]] == [item.text for item in made]
    assert [item.text for item in made] == [text for _, _, text in LINES]
    for item, (start, end, _) in zip(made, LINES, strict=True):
        assert item.span.start == pytest.approx(start, abs=1.0)  # a sampling step
        assert item.span.end == pytest.approx(end, abs=1.0)
        assert item.span.overlap(Span(start, end)) > 1.5
