import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from longtake.index.gate import ChangeGate
from longtake.index.lanes import U8


def grey(value: int) -> U8:
    return np.full((32, 32), value, np.uint8)


def test_first_frame_is_kept_and_equal_frames_are_not() -> None:
    gate = ChangeGate()
    assert [gate.changed(grey(40)) for _ in range(4)] == [True, False, False, False]


def test_threshold_is_the_mean_of_one_block() -> None:
    gate = ChangeGate(max_block=16)
    gate.changed(grey(0))
    at_limit = grey(0)
    at_limit[:4, :4] = 16
    assert not gate.changed(at_limit)
    at_limit[0, 0] += 1
    assert gate.changed(at_limit)


def test_small_object_on_a_still_background_is_a_change() -> None:
    gate = ChangeGate()
    gate.changed(grey(10))
    frame = grey(10)
    frame[12:16, 20:24] = 200  # mean difference over the frame: 3
    assert gate.changed(frame)


def test_darker_and_brighter_both_count() -> None:
    gate = ChangeGate()
    assert gate.changed(grey(200))
    assert gate.changed(grey(20))
    assert gate.changed(grey(220))


def test_slow_drift_is_measured_from_the_kept_frame() -> None:
    gate = ChangeGate(max_block=16)
    kept = [level for level in range(0, 101, 5) if gate.changed(grey(level))]
    assert kept == [0, 20, 40, 60, 80, 100]


def test_unchanged_frames_are_refreshed_after_max_held() -> None:
    gate = ChangeGate(max_held=3)
    kept = [i for i in range(10) if gate.changed(grey(7))]
    assert kept == [0, 4, 8]


def test_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"32x32 luma, got shape \(27, 48\)"):
        ChangeGate().changed(np.zeros((27, 48), np.uint8))


@given(st.lists(arrays(np.uint8, (32, 32)), min_size=1, max_size=8), st.floats(0, 255))
def test_a_held_frame_never_exceeds_the_limit(frames: list[U8], limit: float) -> None:
    gate = ChangeGate(max_block=limit)
    kept = frames[0]
    for frame in frames:
        difference = np.abs(frame.astype(float) - kept)
        blocks = [
            difference[y : y + 4, x : x + 4].mean()
            for y in range(0, 32, 4)
            for x in range(0, 32, 4)
        ]
        if gate.changed(frame):
            kept = frame
        else:
            assert max(blocks) <= limit
