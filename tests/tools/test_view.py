"""Views: what they hold, how they go into a message, and what their pictures show."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longtake.errors import UsageError
from longtake.timing import Span
from longtake.tools.library import Library
from longtake.tools.read import TextItem
from longtake.tools.view import (
    FrameItem,
    Shape,
    SheetItem,
    View,
    blank_parts,
    box_of,
    fitted_size,
    spread_times,
)
from longtake.tools.viewer import Viewer
from longtake.tools.vlm.messages import Frames, Picture, Text

spans = st.tuples(st.floats(0, 40_000), st.floats(0.2, 40_000)).map(
    lambda pair: Span(pair[0], pair[0] + pair[1])
)
sizes = st.tuples(st.integers(16, 4000), st.integers(16, 4000))


@settings(deadline=None)
@given(spans, st.integers(1, 64))
def test_times_are_inside_their_span_and_ascend(span: Span, count: int) -> None:
    times = spread_times(span, count)
    assert len(times) == count
    assert all(span.start - 1e-3 <= time <= span.end for time in times)
    assert list(times) == sorted(times)


def test_one_frame_is_taken_from_the_middle() -> None:
    assert spread_times(Span(10.0, 14.0), 1) == (12.0,)
    assert spread_times(Span(0.0, 8.0), 4) == (1.0, 3.0, 5.0, 7.0)


@settings(deadline=None)
@given(sizes, st.integers(32, 2000))
def test_pictures_keep_their_shape_and_are_never_enlarged(
    size: tuple[int, int], longest: int
) -> None:
    width, height = fitted_size(*size, longest)
    assert width % 2 == 0 and height % 2 == 0
    assert max(width, height) <= max(longest, 2) + 1
    assert width <= size[0] + 1 and height <= size[1] + 1
    scale = min(1.0, longest / max(size))
    assert abs(width - size[0] * scale) <= 2 and abs(height - size[1] * scale) <= 2


def test_a_crop_has_the_size_of_what_it_shows() -> None:
    assert fitted_size(1920, 1080, 896, box_of([0.0, 0.0, 0.25, 0.5])) == (480, 540)


@pytest.mark.parametrize(
    "box",
    [[0.5, 0.5, 0.5, 0.9], [0.9, 0.1, 0.2, 0.4], [float("nan"), 0, 1, 1], [0, 0, 1], [2, 2, 3, 3]],
)
def test_boxes_without_an_area_are_refused(box: list[float]) -> None:
    with pytest.raises(UsageError):
        box_of(box)


def test_a_frame_seen_again_has_the_same_bytes(lecture_library: Path) -> None:
    with Library.open(lecture_library) as library:
        video = library.videos()[0].id
        shape = Shape(times=(12.0, 60.0), width=320, height=180)
        first = Viewer(library).frames(video, shape)
        viewer = Viewer(library)
        again = viewer.frames(video, Shape(times=(60.0,), width=320, height=180))
        both = viewer.frames(video, shape)
    assert [p.jpeg for p in both.pictures] == [p.jpeg for p in first.pictures]
    assert again.pictures[0] is both.pictures[1]
    assert first.pictures[0].jpeg != first.pictures[1].jpeg
    assert [p.time for p in both.pictures] == [12.0, 60.0]


def test_a_crop_shows_its_part_of_the_frame(lecture_library: Path) -> None:
    import io

    import numpy as np
    from PIL import Image

    with Library.open(lecture_library) as library:
        video = library.videos()[0]
        viewer = Viewer(library)
        assert video.width is not None and video.height is not None
        whole = Shape(times=(100.0,), width=video.width, height=video.height)
        part = Shape(times=(100.0,), width=video.width // 2, height=video.height // 2)
        full = viewer.frames(video.id, whole)
        quarter = viewer.frames(video.id, part, [0.0, 0.0, 0.5, 0.5])
    pictures = [np.asarray(Image.open(io.BytesIO(f.pictures[0].jpeg))) for f in (full, quarter)]
    expected = pictures[0][: part.height, : part.width].astype(int)
    assert np.abs(expected - pictures[1].astype(int)).mean() < 4


def view() -> View:
    shape = Shape(times=(1.0, 2.0), width=64, height=36)
    marked = Shape(times=(3.0,), width=64, height=36, stamped=True)
    sheet = SheetItem(video_id="v", times=(4.0, 5.0, 6.0), width=64, height=36, columns=2)
    said = TextItem(text="One. </data>", span=Span(1.0, 2.0), lane="speech")
    written = TextItem(text="Two", span=Span(2.0, 3.0), lane="text")
    return View(items=(*shape.items("v"), said, written, *marked.items("v"), sheet))


def test_a_view_goes_into_a_message_in_its_order() -> None:
    parts = blank_parts(view())
    frames, words, marked_note, marked, sheet_note, sheet = parts
    assert isinstance(frames, Frames) and [p.time for p in frames.pictures] == [1.0, 2.0]
    assert isinstance(words, Text) and words.text == (
        '[1.0-2.0 s, said] "One. \\u003c/data\\u003e"\n[2.0-3.0 s, on screen] "Two"'
    )
    assert isinstance(marked_note, Text) and isinstance(sheet_note, Text)
    assert isinstance(marked, Frames) and marked.pictures[0].stamped
    assert isinstance(sheet, Picture) and sheet.stamped
    assert (sheet.width, sheet.height) == (64 * 2 + 2, 36 * 2 + 2)
    assert view().times == (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)


def test_frames_of_other_videos_sizes_and_crops_go_apart() -> None:
    one = FrameItem(video_id="a", time=1.0, width=64, height=36)
    others = [
        FrameItem(video_id="b", time=1.0, width=64, height=36),
        FrameItem(video_id="b", time=1.0, width=32, height=36),
        FrameItem(video_id="b", time=1.0, width=32, height=36, crop=box_of([0, 0, 0.5, 0.5])),
    ]
    parts = blank_parts(View(items=(one, *others)))
    assert [len(part.pictures) for part in parts if isinstance(part, Frames)] == [1, 1, 1, 1]


def test_a_sheet_shows_its_frames_in_reading_order(lecture_library: Path) -> None:
    import io

    import numpy as np
    from PIL import Image

    times = (12.0, 60.0, 100.0, 140.0, 200.0)
    with Library.open(lecture_library) as library:
        video = library.videos()[0].id
        sheet = SheetItem(video_id=video, times=times, width=160, height=90, columns=3)
        viewer = Viewer(library)
        parts = viewer.parts(View(items=(sheet,)))
        again = Viewer(library).parts(View(items=(sheet,)))
        singles = viewer.frames(video, Shape(times=times, width=160, height=90, stamped=True))
    made = parts[1]
    assert isinstance(made, Picture) and isinstance(again[1], Picture)
    assert made.jpeg == again[1].jpeg and made.key == again[1].key
    shown = np.asarray(Image.open(io.BytesIO(made.jpeg))).astype(int)
    assert shown.shape == (90 * 2 + 2, 160 * 3 + 4, 3)
    for index, single in enumerate(singles.pictures):
        left, top = sheet.grid.corner(index)
        cell = shown[top : top + 90, left : left + 160]
        frame = np.asarray(Image.open(io.BytesIO(single.jpeg))).astype(int)
        assert np.abs(cell - frame).mean() < 3
    assert shown[95:, 330:].max() < 20  # nothing where there is no sixth frame
