"""Views: how many frames, how large, and within which price."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.errors import UsageError
from longtake.timing import Span
from longtake.tools.library import Library
from longtake.tools.view import (
    LOOK,
    OVERVIEW,
    ZOOM,
    Detail,
    Shape,
    Viewer,
    box_of,
    fitted_size,
    shape_for,
    spread_times,
)

spans = st.tuples(st.floats(0, 40_000), st.floats(0.2, 40_000)).map(
    lambda pair: Span(pair[0], pair[0] + pair[1])
)
sizes = st.tuples(st.integers(16, 4000), st.integers(16, 4000))
details = st.sampled_from([OVERVIEW, LOOK, ZOOM])


def patches(shape: Shape) -> int:
    """Tokens by the rule of 28-pixel patches."""
    return len(shape.times) * math.ceil(shape.width / 28) * math.ceil(shape.height / 28)


@given(spans, st.integers(1, 64))
def test_times_are_inside_their_span_and_ascend(span: Span, count: int) -> None:
    times = spread_times(span, count)
    assert len(times) == count
    assert all(span.start - 1e-3 <= time <= span.end for time in times)
    assert list(times) == sorted(times)


def test_one_frame_is_taken_from_the_middle() -> None:
    assert spread_times(Span(10.0, 14.0), 1) == (12.0,)
    assert spread_times(Span(0.0, 8.0), 4) == (1.0, 3.0, 5.0, 7.0)


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


@given(spans, sizes, details, st.integers(0, 20_000))
def test_a_shape_never_costs_more_than_its_allowance(
    span: Span, size: tuple[int, int], detail: Detail, allowance: int
) -> None:
    shape = shape_for(span, size, detail, allowance=allowance, price=patches)
    if shape is None:
        least = Shape(
            times=spread_times(span, detail.least_frames),
            **dict(
                zip(
                    ("width", "height"),
                    fitted_size(*size, detail.longest_sides[-1]),
                    strict=True,
                )
            ),
        )
        assert patches(least) > allowance
    else:
        assert patches(shape) <= allowance
        assert detail.least_frames <= len(shape.times) <= detail.most_frames


def test_more_tokens_show_more() -> None:
    span, size = Span(0.0, 8.0), (1280, 720)
    seen = [
        shape_for(span, size, LOOK, allowance=tokens, price=patches)
        for tokens in (20, 60, 200, 500, 2000)
    ]
    pixels = [0 if s is None else len(s.times) * s.width * s.height for s in seen]
    assert pixels == sorted(pixels) and pixels[0] == 0 and pixels[-1] == 8 * 448 * 252


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
