"""The text lane on real video with the real RapidOCR weights."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from longtake.config import Settings
from longtake.index.decode import DecodePass, DecodePlan, SampledFrame
from longtake.index.lanes import U8, Cue, StageResult, StageState, TextReader
from longtake.index.text import CueReader, build_reader
from longtake.index.text_gate import TextGate, is_blank

SIZE = (1280, 720)
SETTINGS = Settings(threads=1)

Entry = tuple[str, int, int, int]
"""text, x, y, size in pixels"""


@pytest.fixture(scope="session")
def reader() -> TextReader:
    return build_reader(SETTINGS)


def picture(entries: list[Entry]) -> U8:
    image = Image.new("RGB", SIZE, (244, 243, 238))
    draw = ImageDraw.Draw(image)
    for text, x, y, size in entries:
        draw.text((x, y), text, font=ImageFont.load_default(size), fill=(30, 30, 60))
    return np.asarray(image)


def encode(path: Path, show: Callable[[float], U8], seconds: float, fps: int = 5) -> Path:
    """An H.264 file of what `show` gives for each time."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "23", "preset": "ultrafast"}
        for index in range(round(seconds * fps)):
            frame = av.VideoFrame.from_ndarray(show(index / fps), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def sampled(path: Path) -> Iterator[SampledFrame]:
    plan = DecodePlan(fps=1.0, small=False, audio=None)
    yield from (event for event in DecodePass(path, plan) if isinstance(event, SampledFrame))


def read(path: Path, reader: TextReader, duration: float) -> tuple[list[Cue], StageResult]:
    lane = CueReader(reader, SETTINGS)
    for frame in sampled(path):
        lane.push(frame)
    return lane.finish(duration)


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def test_lecture_lines_are_found_when_they_appear(lecture: Path, reader: TextReader) -> None:
    truth = json.loads(lecture.with_suffix(".json").read_text("utf-8"))
    cues, result = read(lecture, reader, truth["duration"])
    asked, missed = 0, []
    for slide in truth["slides"]:
        shown = [
            cue for cue in cues if cue.start < slide["start"] + 1.5 and cue.end > slide["start"]
        ]
        seen = {word for cue in shown for word in words(cue.text)}
        joined = "".join("".join(words(cue.text)) for cue in shown)
        for line in slide["lines"]:
            asked += len(words(line))
            missed += [word for word in words(line) if word not in seen and word not in joined]
            if len(words(line)) > 2:
                assert any(_resembles(cue.text, line) for cue in shown), (line, slide["start"])
    assert asked > 150
    assert len(missed) <= 0.02 * asked, missed
    assert result.state is StageState.DONE
    assert len(cues) < 60


def _resembles(found: str, asked: str) -> bool:
    there = "".join(words(found))
    return sum(word in there for word in words(asked)) >= 0.8 * len(words(asked))


SLIDE: list[Entry] = [
    ("How a battery works", 80, 50, 52),
    ("The anode gives electrons", 100, 180, 34),
    ("They flow through the wire", 100, 250, 34),
    ("The cathode takes them up", 100, 320, 34),
]
SUBTITLES = (
    "part ZX-1000 is the red one",
    "part ZX-1037 is the blue one",
    "both are sold out today",
)


@pytest.fixture(scope="module")
def deck(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 s: one slide; a subtitle that changes every 4 s; a page number that changes after 6 s."""

    def show(time: float) -> U8:
        page = ("Page 3 of 9", 1100, 680, 20) if time < 6 else ("Page 4 of 9", 1100, 680, 20)
        return picture([*SLIDE, (SUBTITLES[int(time // 4)], 380, 600, 30), page])

    return encode(tmp_path_factory.mktemp("deck") / "deck.mp4", show, 12)


def test_small_changes_on_a_still_slide_are_read_and_nothing_else(
    deck: Path, reader: TextReader
) -> None:
    cues, result = read(deck, reader, 12.0)
    found = {(cue.text, round(cue.start), round(cue.end)) for cue in cues}
    assert found == {
        *((text, 0, 12) for text, *_ in SLIDE),
        *((text, 4 * at, 4 * at + 4) for at, text in enumerate(SUBTITLES)),
        ("Page 3 of 9", 0, 6),
        ("Page 4 of 9", 6, 12),
    }
    assert result.stats["frames"] == 12
    assert result.stats["detected"] == 4
    assert result.stats["gated"] == 8
    assert result.stats["lines"] == 4 * 6
    assert result.stats["read"] == 4 + 3 + 2


def test_boxes_are_relative_to_the_frame(deck: Path, reader: TextReader) -> None:
    cues, _ = read(deck, reader, 12.0)
    title = next(cue for cue in cues if cue.text.startswith("How"))
    assert title.box.x0 == pytest.approx(80 / 1280, abs=0.02)
    assert title.box.y0 == pytest.approx(55 / 720, abs=0.03)
    assert title.box.y1 == pytest.approx(110 / 720, abs=0.03)


def test_scrolling_credits_are_read_once(tmp_path: Path, reader: TextReader) -> None:
    names = ["Ada Lovelace", "Grace Hopper", "Alan Turing", "Edsger Dijkstra"]

    def show(time: float) -> U8:
        top = 500 - 40 * time
        return picture([(name, 400, round(top + 90 * at), 40) for at, name in enumerate(names)])

    cues, result = read(encode(tmp_path / "credits.mp4", show, 6), reader, 6.0)
    assert [cue.text for cue in cues] == names
    assert int(result.stats["read"]) <= 8
    assert int(result.stats["lines"]) >= 20


def test_video_without_text_is_empty_and_says_so(tmp_path: Path, reader: TextReader) -> None:
    noise = np.random.default_rng(5).normal(0, 1, (720, 1280, 1))
    grey = np.clip(120 + 2 * noise.repeat(3, axis=2), 0, 255).astype(np.uint8)

    def show(time: float) -> U8:
        return grey if time < 2 else np.full_like(grey, 200)

    cues, result = read(encode(tmp_path / "grey.mp4", show, 4), reader, 4.0)
    assert cues == []
    assert result.state is StageState.EMPTY
    assert result.reason == "no text seen in 4 frames (0 looked at)"
    assert result.stats["blank"] == 2


def test_no_frames_at_all_is_empty(reader: TextReader) -> None:
    cues, result = CueReader(reader, SETTINGS).finish(3.0)
    assert (cues, result.state) == ([], StageState.EMPTY)


def small(array: U8) -> U8:
    return np.asarray(Image.fromarray(array).resize((320, 180), Image.Resampling.BOX))


def test_gate_sees_one_changed_digit_and_no_encoder_noise() -> None:
    gate = TextGate()
    base = picture([*SLIDE, ("Page 3 of 9", 1100, 680, 20)])
    noise = np.random.default_rng(3).integers(-3, 4, base.shape)
    assert gate.changed(small(base))
    assert not gate.changed(small(np.clip(base + noise, 0, 255).astype(np.uint8)))
    assert gate.changed(small(picture([*SLIDE, ("Page 4 of 9", 1100, 680, 20)])))


def test_gate_reads_an_unchanged_picture_again_after_the_bound() -> None:
    gate = TextGate(max_held=3)
    still = small(picture(SLIDE))
    assert [gate.changed(still) for _ in range(9)] == [True, *[False] * 3, True, *[False] * 3, True]


def test_gate_adds_up_a_slow_fade() -> None:
    gate = TextGate()
    levels = [gate.changed(np.full((180, 320, 3), level, np.uint8)) for level in range(0, 40, 4)]
    assert levels == [True, *[False] * 3, True, *[False] * 3, True, False]


def test_faint_text_is_not_blank() -> None:
    image = Image.new("RGB", SIZE, (120, 120, 120))
    draw = ImageDraw.Draw(image)
    assert is_blank(small(np.asarray(image)))
    draw.text((500, 300), "faint words", font=ImageFont.load_default(20), fill=(160, 160, 160))
    assert not is_blank(small(np.asarray(image)))
