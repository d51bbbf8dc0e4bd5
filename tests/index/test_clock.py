"""Repairing timelines."""

from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.index.clock import Breaks, FrameClock, PacketClock


def breaks(*, flags: int = 0, claimed_s: int | None = 4000) -> Breaks:
    container = SimpleNamespace(
        format=SimpleNamespace(flags=flags, name="some"),
        streams=SimpleNamespace(video=[], audio=[]),
        start_time=0,
        duration=None if claimed_s is None else claimed_s * 1_000_000,
    )
    return Breaks(container)


def packet(dts: int | None, duration: int = 400) -> SimpleNamespace:
    return SimpleNamespace(dts=dts, pts=None if dts is None else dts + 80, duration=duration)


def repaired(clock: PacketClock, *dts: int | None) -> list[int | None]:
    packets = [packet(value) for value in dts]
    for each in packets:
        clock.repair(each)
    assert all(p.dts is None or p.pts == p.dts + 80 for p in packets)
    return [p.dts for p in packets]


def test_a_jump_back_goes_on_after_the_last_packet() -> None:
    shared = breaks()
    clock = PacketClock(1e-3, shared, leads=True)
    assert repaired(clock, 0, 400, 800, 0, None, 400) == [0, 400, 800, 1200, None, 1600]
    assert shared.count == 1
    assert shared.offset_s == pytest.approx(1.2)


def test_pauses_and_jitter_are_no_jumps() -> None:
    clock = PacketClock(1e-3, breaks(), leads=True)
    times = [0, 40, 30, 3_000_000, 2_999_900]
    assert repaired(clock, *times) == times


@pytest.mark.parametrize(
    ("shared", "expected"),
    [
        pytest.param(breaks(claimed_s=100), 90_000, id="within-the-file"),
        pytest.param(breaks(claimed_s=10), 400, id="past-its-end"),
        pytest.param(breaks(claimed_s=None), 400, id="end-unknown"),
        pytest.param(breaks(flags=0x200), 400, id="where-jumps-are-usual"),
    ],
)
def test_a_leap_forward_is_a_pause_or_a_jump(shared: Breaks, expected: int) -> None:
    assert repaired(PacketClock(1e-3, shared, leads=True), 0, 90_000) == [0, expected]


def test_nothing_pauses_for_over_an_hour() -> None:
    clock = PacketClock(1e-3, breaks(claimed_s=36_000), leads=True)
    assert repaired(clock, 0, 7_200_000) == [0, 400]


def test_absurd_presentation_times_are_dropped() -> None:
    clock = PacketClock(1e-3, breaks(), leads=True)
    first, late, undated = packet(0), packet(400), packet(None)
    late.pts, undated.pts = 9_000_000, 9_000_000
    for each in (first, late, undated):
        clock.repair(each)
    assert (late.pts, undated.pts) == (400, None)


@pytest.mark.parametrize("first", ["picture", "sound"])
def test_sound_follows_the_picture_over_a_jump(first: str) -> None:
    shared = breaks()
    picture = PacketClock(1e-3, shared, leads=True)
    sound = PacketClock(1e-3, shared, leads=False)
    repaired(picture, 0, 400, 800)
    repaired(sound, 0, 300, 600)
    if first == "picture":
        assert repaired(picture, 0, 400) == [1200, 1600]
        assert repaired(sound, 0, 300) == [1200, 1500]
    else:
        assert repaired(sound, 0) == [1000]
        assert repaired(picture, 0, 400) == [1200, 1600]
        assert repaired(sound, 300, 600) == [1500, 1800]


ticks = st.one_of(st.none(), st.integers(-(10**6), 10**6))


@given(st.lists(st.tuples(ticks, ticks, st.integers(0, 10**6)), min_size=1))
def test_frame_times_always_ascend(frames: list[tuple[int | None, int | None, int]]) -> None:
    clock = FrameClock(5.0, 0.04)
    times = []
    for pts, dts, duration in frames:
        frame = SimpleNamespace(pts=pts, dts=dts, duration=duration, time_base=Fraction(1, 1000))
        times.append(clock.time(frame))
        assert clock.end(frame) > times[-1]
    assert all(a < b for a, b in pairwise(times))


def test_the_last_frame_is_not_believed_to_stand_for_hours() -> None:
    clock = FrameClock(0.0, 0.04)
    frame = SimpleNamespace(pts=1000, dts=None, duration=36_000_000, time_base=Fraction(1, 1000))
    clock.time(frame)
    assert clock.end(frame) == pytest.approx(1.04)
    frame.duration = 5000
    assert clock.end(frame) == pytest.approx(6.0)
