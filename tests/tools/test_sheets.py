"""Contact sheets, and when a storyboard takes its frames."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from longtake.timing import Span
from longtake.tools.sheets import GAP_PX, Grid, columns_for, sheet, storyboard_times

changes = st.lists(st.floats(0, 3600), max_size=30)


@settings(deadline=None)
@given(st.floats(0, 500), st.floats(2, 3000), changes, st.integers(1, 64))
def test_times_of_a_storyboard_ascend_inside_its_span(
    start: float, length: float, changed: list[float], count: int
) -> None:
    span = Span(start, start + length)
    times = storyboard_times(span, changed, count)
    assert len(times) == count and list(times) == sorted(times)
    assert all(span.start - 1e-3 <= time <= span.end + 1e-3 for time in times)


@settings(deadline=None)
@given(st.floats(10, 3000), changes, st.integers(1, 64))
def test_frames_lie_at_equal_steps_of_time_and_change(
    length: float, changed: list[float], count: int
) -> None:
    """Against the measure itself, summed stretch by stretch."""
    edges = [0.0]
    for change in sorted(changed):
        if change - edges[-1] >= 1.0 and length - change >= 1.0:
            edges.append(change)
    edges.append(length)

    roots = sum((high - low) ** 0.5 for low, high in itertools.pairwise(edges))

    def measure(time: float) -> float:
        total = 0.5 * time / length
        for low, high in itertools.pairwise(edges):
            part = min(1.0, max(0.0, (time - low) / (high - low)))
            total += 0.5 * (high - low) ** 0.5 / roots * part
        return total

    times = storyboard_times(Span(0.0, length), changed, count)
    for index, time in enumerate(times):
        assert abs(measure(time) - (index + 0.5) / count) < 2e-3


def test_without_changes_frames_are_spread_evenly() -> None:
    assert storyboard_times(Span(10.0, 18.0), [], 4) == (11.0, 13.0, 15.0, 17.0)


def test_where_much_changes_there_are_more_frames() -> None:
    cuts = [float(t) for t in range(50, 60)]
    times = storyboard_times(Span(0.0, 100.0), cuts, 20)
    assert [sum(t < 50 for t in times), sum(50 <= t < 60 for t in times)] == [8, 5]


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(2, 40), st.integers(2, 40))
def test_every_frame_lies_in_its_place(count: int, columns: int, width: int, height: int) -> None:
    grid = Grid(count=count, columns=columns, width=width, height=height)
    frames = np.stack([np.full((height, width, 3), 8 + i, np.uint8) for i in range(count)])
    made = sheet(frames, grid)
    assert made.shape == (grid.size[1], grid.size[0], 3)
    covered = np.zeros(made.shape[:2], bool)
    for index in range(count):
        row, column = index // columns, index % columns
        left, top = column * (width + GAP_PX), row * (height + GAP_PX)
        cell = made[top : top + height, left : left + width]
        assert (cell == 8 + index).all()
        covered[top : top + height, left : left + width] = True
    assert (made[~covered] == 0).all()


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(20, 500), st.integers(20, 500))
def test_a_sheet_wastes_no_places_that_a_fair_shape_would_not(
    count: int, width: int, height: int
) -> None:
    def shape(columns: int) -> tuple[float, int]:
        rows = -(-count // columns)
        across = columns * width + (columns - 1) * GAP_PX
        down = rows * height + (rows - 1) * GAP_PX
        return max(across / down, down / across), rows * columns - count

    long, empty = shape(columns_for(count, width, height))
    fair = [shape(c) for c in range(1, count + 1) if shape(c)[0] <= 2.0]
    if fair:
        assert long <= 2.0 and empty == min(e for _, e in fair)
        assert long <= min(x for x, e in fair if e == empty) + 1e-6
    else:
        assert long <= min(shape(c)[0] for c in range(1, count + 1)) + 1e-6


def test_sixteen_frames_fill_four_rows() -> None:
    assert [columns_for(16, *size) for size in ((224, 126), (224, 168), (126, 224))] == [4, 4, 4]
    assert columns_for(20, 224, 126) == 4
