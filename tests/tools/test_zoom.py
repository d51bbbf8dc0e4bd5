"""Closer looks: what models may ask for, and that a crop at native resolution shows what the
smaller picture does not."""

import io
import math
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from longtake import Library, Settings
from longtake.index.boxes import inside
from longtake.index.lanes import F32, U8, Box
from longtake.index.ocr_engines import RapidReader
from longtake.index.records import VideoRecord
from longtake.timing import Span
from longtake.tools.view import Shape, View
from longtake.tools.viewer import Viewer
from longtake.tools.vlm.messages import Frames
from longtake.tools.zoom import (
    LEAST_PX,
    LEAST_S,
    LEAST_SHARE,
    MOST_FRAMES,
    Refused,
    Request,
    Zoom,
    checked,
    cue_region,
    inside_of,
    native_size,
    region_of_text,
    relevant_region,
    with_margin,
    zoomed,
)

SECRET = "Valve 7 shut"
NOTE_BOX = Box(0.70, 0.80, 0.80, 0.85)
"""Where the small text lies."""
WIDTH, HEIGHT, FPS, SECONDS = 1280, 720, 8, 12

anything = st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.integers(-(10**9), 10**9)
boxes = st.none() | st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=6)
allowed_spans = st.tuples(st.floats(0, 1e5), st.floats(0.1, 1e5)).map(
    lambda pair: Span(pair[0], pair[0] + pair[1])
)


@settings(deadline=None)
@given(anything, anything, boxes, anything, allowed_spans)
@example(math.nan, 5.0, None, None, Span(0, 10))
@example(9.0, 3.0, [0.9, 0.9, 0.1, 0.1], 10_000, Span(0, 10))
@example(0.0, -1e166, None, None, Span(1, 2))
def test_whatever_a_model_asks_stays_in_bounds_or_is_refused(
    start: float | None,
    end: float | None,
    box: list[float] | None,
    frames: float | None,
    allowed: Span,
) -> None:
    made = checked(Request(start=start, end=end, box=box, frames=frames), allowed)
    if isinstance(made, Refused):
        assert made.reason.endswith(".") and len(made.reason) < 200
        return
    assert allowed.start <= made.span.start <= made.span.end <= allowed.end
    assert made.span.duration >= min(LEAST_S, allowed.duration) - 1e-6 * allowed.end - 1e-9
    assert made.frames is None or 1 <= made.frames <= MOST_FRAMES
    if made.crop is not None:
        x0, y0, x1, y1 = made.crop
        assert 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1
        assert x1 - x0 >= LEAST_SHARE - 1e-9 and y1 - y0 >= LEAST_SHARE - 1e-9


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (Request(start=500.0, end=600.0), "500.0-600.0 s lies outside 10.0-200.0 s."),
        (Request(start=math.nan), "Times must be seconds, such as 12.5."),
        (Request(box=[0, 0, math.nan, 1]), "A box is four numbers from 0 to 1"),
        (Request(box=[0.1, 0.2, 0.3]), "A box is four numbers from 0 to 1"),
        (Request(box=[1.2, 0, 1.5, 1]), "The box lies outside the picture"),
        (Request(frames=0), "0 frames cannot be shown; ask for 1 or more."),
        (Request(frames=math.inf), "inf frames cannot be shown"),
    ],
)
def test_what_cannot_be_met_is_refused_in_words(asked: Request, reason: str) -> None:
    made = checked(asked, Span(10.0, 200.0))
    assert isinstance(made, Refused) and made.reason.startswith(reason)


@pytest.mark.parametrize(
    ("asked", "zoom", "note"),
    [
        (Request(start=30.0, end=20.0), Zoom(span=Span(20.0, 30.0)), "wrong order"),
        (Request(start=-5.0, end=20.0), Zoom(span=Span(10.0, 20.0)), "cut to 10.0-20.0 s"),
        (Request(end=1e9), Zoom(span=Span(10.0, 200.0)), "cut to 10.0-200.0 s"),
        (Request(start=50.0, end=50.0), Zoom(span=Span(49.75, 50.25)), "widened to 49.8-50.2 s"),
        (Request(start=200.0, end=200.0), Zoom(span=Span(199.5, 200.0)), "widened"),
        (
            Request(frames=10_000),
            Zoom(span=Span(10.0, 200.0), frames=MOST_FRAMES),
            "64 frames, the most",
        ),
        (
            Request(box=[0.6, 0.7, 0.2, 0.3]),
            Zoom(span=Span(10.0, 200.0), crop=Box(0.2, 0.3, 0.6, 0.7)),
            "[0.20, 0.30, 0.60, 0.70]",
        ),
        (
            Request(box=[0.5, 0.5, 0.5, 0.5]),
            Zoom(span=Span(10.0, 200.0), crop=Box(0.45, 0.45, 0.55, 0.55)),
            "[0.45, 0.45, 0.55, 0.55]",
        ),
        (Request(box=[-3, -3, 4, 4]), Zoom(span=Span(10.0, 200.0)), "nearly the whole picture"),
    ],
)
def test_what_can_be_met_is_brought_into_bounds(asked: Request, zoom: Zoom, note: str) -> None:
    made = checked(asked, Span(10.0, 200.0))
    assert isinstance(made, Zoom)
    assert made.span == zoom.span and made.frames == zoom.frames
    assert made.crop == (pytest.approx(zoom.crop) if zoom.crop is not None else None)
    assert any(note in told for told in made.notes)


def test_a_request_within_bounds_is_left_alone() -> None:
    asked = Request(start=20.0, end=30.0, box=[0.2, 0.2, 0.5, 0.5], frames=4)
    made = checked(asked, Span(10.0, 200.0))
    assert made == Zoom(span=Span(20.0, 30.0), crop=Box(0.2, 0.2, 0.5, 0.5), frames=4)


def test_context_stays_inside_the_picture() -> None:
    assert with_margin(Box(0.4, 0.4, 0.6, 0.5)) == pytest.approx((0.38, 0.39, 0.62, 0.51))
    assert with_margin(Box(0.0, 0.9, 0.5, 1.0)) == pytest.approx((0.0, 0.89, 0.55, 1.0))


def test_a_box_in_a_crop_is_a_box_in_the_picture() -> None:
    assert inside_of(Box(0.5, 0.5, 1.0, 0.75), Box(0.5, 0.0, 1.0, 1.0)) == (0.75, 0.5, 1.0, 0.75)
    assert inside_of(None, Box(0.1, 0.2, 0.3, 0.4)) == (0.1, 0.2, 0.3, 0.4)


def brute_region(relevance: np.ndarray[tuple[int, int], np.dtype[np.float64]], share: float) -> Box:
    """Free Video-LLM's rule, step by step."""
    rows, columns = relevance.shape
    cells = [(-relevance[y, x], y * columns + x, y, x) for y in range(rows) for x in range(columns)]
    best = sorted(cells)[: max(1, int(rows * columns * share))]
    y = sum(cell[2] for cell in best) // len(best)
    x = sum(cell[3] for cell in best) // len(best)
    high = max(1, round(rows * share**0.5))
    wide = max(1, round(columns * share**0.5))
    top, left = y - high // 2, x - wide // 2
    while top < 0:
        top += 1
    while left < 0:
        left += 1
    while top + high > rows:
        top -= 1
    while left + wide > columns:
        left -= 1
    return Box(left / columns, top / rows, (left + wide) / columns, (top + high) / rows)


@settings(deadline=None)
@given(st.integers(1, 24), st.integers(1, 24), st.floats(0.05, 1.0), st.integers(0, 10_000))
def test_the_relevant_region_follows_its_rule(
    rows: int, columns: int, share: float, seed: int
) -> None:
    relevance = np.random.default_rng(seed).integers(0, 5, (rows, columns)).astype(float)
    assert relevant_region(relevance, share) == pytest.approx(brute_region(relevance, share))


def test_the_relevant_region_holds_what_is_relevant() -> None:
    relevance = np.zeros((12, 24))
    relevance[8:11, 2:6] = 1.0  # wider than high: rows and columns must not be mixed up
    box = relevant_region(relevance, 12 / 288)
    planted = Box(2 / 24, 8 / 12, 6 / 24, 11 / 12)
    assert inside(planted, with_margin(box, 0.5)) > 0.9
    assert inside(box, with_margin(planted, 0.5)) > 0.9


def video_of(width: int, height: int, fps: float | None = 25.0) -> VideoRecord:
    return VideoRecord(
        id="v",
        path=Path("v.mp4"),
        size=1,
        mtime_ns=1,
        title="v",
        duration=60.0,
        fps=fps,
        width=width,
        height=height,
        video_codec=None,
        audio_codec=None,
        added_at=0.0,
    )


@settings(deadline=None)
@given(
    st.integers(64, 4000),
    st.integers(64, 4000),
    st.tuples(st.floats(0, 0.9), st.floats(0, 0.9), st.floats(0.1, 1), st.floats(0.1, 1)),
    st.integers(64, 1400),
)
def test_crops_are_sent_as_the_video_has_them(
    width: int, height: int, part: tuple[float, float, float, float], longest: int
) -> None:
    left, top, wide, high = part
    crop = Box(left, top, min(1.0, left + wide), min(1.0, top + high))
    native = ((crop.x1 - crop.x0) * width, (crop.y1 - crop.y0) * height)
    sent = native_size(video_of(width, height), crop, longest)
    assert max(sent) <= longest + 1
    if min(sent) > LEAST_PX:  # nothing is enlarged but what is too small to be taken
        assert sent[0] <= native[0] + 2 and sent[1] <= native[1] + 2
    assert min(sent) >= min(LEAST_PX, longest, LEAST_PX * min(native) / max(native)) - 2


def test_no_more_frames_are_shown_than_there_are() -> None:
    def times(zoom: Zoom, fps: float | None) -> tuple[float, ...]:
        video = video_of(640, 360, fps)
        return zoomed(video, zoom, per_second=8.0, most_frames=64, longest=896, why="").times

    fast = times(Zoom(span=Span(1.0, 3.0)), 25.0)
    assert fast == pytest.approx([1.0625 + i / 8 for i in range(16)], abs=1e-3)
    assert len(times(Zoom(span=Span(1.0, 3.0)), 2.0)) == 4
    assert len(times(Zoom(span=Span(1.0, 3.0), frames=3), 25.0)) == 3
    assert len(times(Zoom(span=Span(1.0, 1.05)), None)) == 1


@pytest.fixture(scope="module")
def control_room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of a 1280x720 video: a note in 12 px letters, and a lamp that is lit in one frame
    of every second, between those that the index samples."""
    place = tmp_path_factory.mktemp("room")
    with av.open(str(place / "room.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"crf": "16"}
        for index in range(FPS * SECONDS):
            made = av.VideoFrame.from_ndarray(picture(index), format="rgb24")
            container.mux(stream.encode(made))
        container.mux(stream.encode())
    with Library.open(place / "library", Settings(offline=True), create=True) as library:
        assert library.index([place / "room.mp4"]).ok
    return place / "library"


def picture(index: int) -> U8:
    image = Image.new("RGB", (WIDTH, HEIGHT), (70, 80, 90))
    draw = ImageDraw.Draw(image)
    draw.text((60, 60), "Control room", font=ImageFont.load_default(64), fill=(240, 240, 240))
    left, top = round(NOTE_BOX.x0 * WIDTH), round(NOTE_BOX.y0 * HEIGHT)
    draw.rectangle((left, top, round(NOTE_BOX.x1 * WIDTH), round(NOTE_BOX.y1 * HEIGHT)), "white")
    draw.text((left + 10, top + 10), SECRET, font=ImageFont.load_default(12), fill="black")
    if index % FPS == 5:
        draw.ellipse((600, 300, 680, 380), fill=(255, 30, 30))
    return np.asarray(image)


def decoded(frames: Frames) -> list[U8]:
    return [np.asarray(Image.open(io.BytesIO(p.jpeg)).convert("RGB")) for p in frames.pictures]


def seen_in(library: Library, view: View) -> list[U8]:
    (frames,) = Viewer(library).parts(view)
    assert isinstance(frames, Frames)
    return decoded(frames)


def read(reader: RapidReader, image: U8) -> str:
    return " ".join(line.text for line in reader.recognise(image, reader.detect(image)))


def test_a_crop_at_native_resolution_shows_what_the_small_picture_does_not(
    control_room: Path,
) -> None:
    reader = RapidReader("openvino", threads=1)
    with Library.open(control_room) as library:
        video = library.videos()[0]
        whole = Shape(times=(5.0,), width=448, height=252).items(video.id)
        (small,) = seen_in(library, View(items=whole))
        zoom = Zoom(span=Span(5.0, 5.2), crop=with_margin(Box(0.68, 0.78, 0.82, 0.88)))
        view = zoomed(video, zoom, per_second=8.0, most_frames=1, longest=896, why="a note")
        (close,) = seen_in(library, view)
        left, top, right, bottom = (0.68, 0.78, 0.82, 0.88)
        same_part = small[
            round(top * 252) : round(bottom * 252), round(left * 448) : round(right * 448)
        ]
        size = (close.shape[1], close.shape[0])
        enlarged = np.asarray(Image.fromarray(same_part).resize(size, Image.Resampling.BICUBIC))
    assert SECRET not in read(reader, enlarged)
    assert SECRET in read(reader, close)
    assert close.shape[1] == pytest.approx(0.168 * WIDTH, abs=3)


def test_a_zoom_in_time_shows_what_lies_between_sampled_frames(control_room: Path) -> None:
    with Library.open(control_room) as library:
        video = library.videos()[0]
        seconds = tuple(float(t) for t in range(SECONDS))
        coarse = Shape(times=seconds, width=320, height=180).items(video.id)
        lit = [frame[85, 160, 0] > 200 for frame in seen_in(library, View(items=coarse))]
        assert not any(lit)
        zoom = Zoom(span=Span(4.0, 6.0))
        view = zoomed(video, zoom, per_second=30.0, most_frames=64, longest=320, why="")
        frames = seen_in(library, view)
    assert len(frames) == 16  # the video has eight a second
    lit_at = [
        time for time, frame in zip(view.times, frames, strict=True) if frame[85, 160, 0] > 200
    ]
    assert len(lit_at) == 2
    assert all(abs(time % 1 - 5.5 / FPS) <= 0.5 / FPS + 1e-6 for time in lit_at)


def test_words_point_to_the_text_on_the_screen(control_room: Path) -> None:
    with Library.open(control_room) as library:
        video = library.videos()[0].id
        span = Span(0.0, float(SECONDS))
        box = cue_region(library, video, span, "the control room sign")
        assert box is not None
        assert inside(Box(60 / WIDTH, 70 / HEIGHT, 420 / WIDTH, 115 / HEIGHT), box) > 0.95
        assert region_of_text(library, video, span, "control room") == box
        refused = region_of_text(library, video, span, "a giraffe")
    assert isinstance(refused, Refused) and "name a box instead" in refused.reason


class Reds:
    """An image encoder of one axis that tells where things are: how red every sixteenth is."""

    dimension = 2
    identity = "reds"
    input_size = (64, 64)

    def images(self, frames: U8) -> F32:
        raise NotImplementedError

    def texts(self, texts: list[str]) -> F32:
        return np.array([[1.0, 0.0] for _ in texts], np.float32)

    def patches(self, frames: U8) -> F32:
        blocks = frames.reshape(len(frames), 16, 4, 16, 4, 3).mean((2, 4)).astype(np.float32)
        red = np.clip(blocks[..., 0] - blocks[..., 1:].mean(-1), 1e-3, None) / 255
        made = np.stack([red, np.sqrt(1 - red**2)], -1)
        return np.asarray(made, np.float32)


def test_without_text_the_region_is_what_the_picture_shows(control_room: Path) -> None:
    with Library.open(control_room) as library:
        library.__dict__["image_encoder"] = Reds()
        video = library.videos()[0].id
        moment = Span(5.0 + 5 / FPS, 5.0 + 6 / FPS)
        box = region_of_text(library, video, moment, "a red lamp")
        expected = relevant_region(
            Reds().patches(library.frames_at(video, [moment.middle], size=(64, 64))[0].rgb[None])[
                0, :, :, 0
            ]
        )
    assert isinstance(box, Box)
    assert box == pytest.approx(with_margin(expected))
    assert inside(Box(600 / WIDTH, 300 / HEIGHT, 680 / WIDTH, 380 / HEIGHT), box) == 1.0
