"""Repairing timelines."""

from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.index.clock import Breaks, FrameClock, PacketClock


def breaks(flags: int = 0) -> Breaks:
    return Breaks(SimpleNamespace(format=SimpleNamespace(flags=flags)))


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


def test_a_leap_forward_is_closed_sooner_where_jumps_are_usual() -> None:
    assert repaired(PacketClock(1e-3, breaks(), leads=True), 0, 90_000, 7_200_000) == [
        0,
        90_000,
        90_400,
    ]
    assert repaired(PacketClock(1e-3, breaks(0x200), leads=True), 0, 90_000) == [0, 400]


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
