"""Audio is cut into stretches and packed into windows, whatever the sizes of its blocks."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from longtake.index.lanes import F32, SAMPLE_RATE
from longtake.index.stretches import (
    HOPS_PER_SECOND,
    OFFSET,
    WINDOW_HOPS,
    Kind,
    Stretch,
    StretchFinder,
)
from longtake.index.vad import HOP, VoiceActivity, levels
from longtake.index.windows import Window, WindowPacker, hops_of


class Scripted(StretchFinder):
    """The cutter with given probabilities instead of a network."""

    def feed(self, speech: F32, loudness: float = -20.0) -> list[Stretch]:
        count = len(speech)
        samples = np.repeat(np.arange(self._hop, self._hop + count, dtype=np.float32), HOP)
        return self._take(samples, speech, np.full(count, loudness, np.float32))


def probabilities(*runs: tuple[float, float]) -> F32:
    """Runs of (seconds, probability)."""
    return np.concatenate([np.full(round(s * HOPS_PER_SECOND), p, np.float32) for s, p in runs])


def bounds(stretches: list[Stretch]) -> list[tuple[float, float, str]]:
    return [(round(s.start, 1), round(s.start + s.duration, 1), s.kind) for s in stretches]


def test_speech_is_cut_at_pauses_and_padded() -> None:
    finder = Scripted(100.0)
    found = finder.feed(probabilities((2, 0), (3, 0.9), (0.5, 0), (2, 0.9), (3, 0), (1, 0.9)))
    found += finder.finish()
    assert bounds(found) == [
        (101.6, 105.2, "speech"),  # half of the short pause
        (105.2, 107.9, "speech"),
        (110.1, 111.5, "speech"),
    ]


def test_long_sound_without_speech_is_kept_short_or_quiet_gaps_are_not() -> None:
    finder = Scripted(0.0)
    found = finder.feed(probabilities((9, 0), (1, 0.9), (12, 0)))
    found += finder.feed(probabilities((1, 0.9)))
    found += finder.feed(probabilities((20, 0)), loudness=-70.0)
    found += finder.finish()
    assert bounds(found) == [
        (8.6, 10.4, "speech"),
        (10.4, 21.6, "sound"),
        (21.6, 23.4, "speech"),
    ]


def test_an_hour_of_music_comes_in_windows_without_a_gap() -> None:
    finder = Scripted(0.0)
    found: list[Stretch] = []
    for _ in range(120):
        found += finder.feed(probabilities((30, 0.05)))
        assert len(finder._samples) <= 62 * SAMPLE_RATE
    found += finder.finish()
    assert {s.kind for s in found} == {"sound"}
    assert all(s.hops <= WINDOW_HOPS for s in found)
    assert all(a.start + a.duration == pytest.approx(b.start) for a, b in pairwise(found))
    assert found[-1].start + found[-1].duration > 3590


def test_speech_without_a_pause_is_cut_where_it_is_least_likely() -> None:
    speech = probabilities((40, 0.9))
    speech[800:805] = 0.4
    finder = Scripted(0.0)
    found = finder.feed(speech) + finder.finish()
    assert [s.hops for s in found] == [802, len(speech) - 802]


@given(st.lists(st.tuples(st.integers(1, 1200), st.floats(0, 1)), max_size=25), st.data())
@settings(max_examples=60, deadline=None)
def test_stretches_are_disjoint_hold_all_speech_and_do_not_depend_on_chunks(
    runs: list[tuple[int, float]], data: st.DataObject
) -> None:
    speech = np.array([p for hops, p in runs for _ in range(hops)], np.float32)
    whole = Scripted(0.0)
    found = whole.feed(speech) + whole.finish()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(speech)), max_size=6)))
    parted = Scripted(0.0)
    again: list[Stretch] = []
    for part in np.split(speech, cuts):
        again += parted.feed(part)
    again += parted.finish()
    assert bounds(found) == bounds(again)
    covered: NDArray[np.bool_] = np.zeros(len(speech), bool)
    for stretch in found:
        first = round(stretch.start * SAMPLE_RATE / HOP)
        here = slice(first, first + stretch.hops)
        assert not covered[here].any()
        covered[here] = True
        assert stretch.hops <= WINDOW_HOPS
        np.testing.assert_array_equal(stretch.speech, speech[here])
        np.testing.assert_array_equal(stretch.samples[::HOP], np.arange(*here.indices(1 << 30)))
    talk = speech >= 0.3
    sustained = talk[2:] & talk[1:-1] & talk[:-2]
    assert covered[2:][sustained].all()


def test_voice_activity_does_not_depend_on_blocks() -> None:
    noise = np.random.default_rng(0).standard_normal(40 * SAMPLE_RATE, dtype=np.float32)
    whole, parted = VoiceActivity(), VoiceActivity()
    expected = whole.push(noise) + whole.finish()
    found = []
    for block in np.array_split(noise, 37):
        found += parted.push(block)
    found += parted.finish()
    for one, other in zip(expected, found, strict=True):
        for left, right in zip(one, other, strict=True):
            np.testing.assert_array_equal(left, right)
    assert sum(len(speech) for _, speech, _ in expected) == -(-len(noise) // HOP)


def test_levels() -> None:
    wave = np.sin(np.arange(HOP) * 2 * np.pi / 64).astype(np.float32)
    measured = levels(np.concatenate([wave, np.zeros(HOP, np.float32), wave / 10]))
    assert measured == pytest.approx([-3.01, -120, -23.01], abs=0.01)


def stretch(start: float, seconds: float, kind: Kind = "speech", pad: float = 0.0) -> Stretch:
    hops = round(seconds * HOPS_PER_SECOND)
    speech = np.full(hops, 0.9, np.float32)
    if silent := round(pad * HOPS_PER_SECOND):
        speech[-silent:] = 0
    return Stretch(
        start=start,
        kind=kind,
        samples=np.full(hops * HOP, start, np.float32),
        speech=speech,
        loudness=np.full(hops, -20, np.float32),
    )


def test_windows_end_at_the_longest_pause_of_their_last_seconds() -> None:
    packer = WindowPacker()
    parts = [stretch(0, 20), stretch(20, 4, pad=0.4), stretch(24, 2), stretch(26, 6)]
    full = [window for part in parts for window in packer.push(part)]
    assert [[part.start for part in window.parts] for window in full] == [[0, 20]]
    assert [part.start for part in packer.finish()[0].parts] == [24, 26]
    assert packer.finish() == []


lengths = st.lists(st.floats(0.2, 29.5), min_size=1, max_size=40)


@given(lengths)
def test_windows_hold_every_stretch_once_in_order(seconds: list[float]) -> None:
    packer = WindowPacker()
    parts = [stretch(100.0 * at, length) for at, length in enumerate(seconds)]
    windows = [window for part in parts for window in packer.push(part)] + packer.finish()
    assert [part for window in windows for part in window.parts] == parts
    assert all(len(window.speech) <= WINDOW_HOPS for window in windows)


@given(lengths.filter(lambda s: len(s) <= 6), st.floats(0, 40), st.floats(0, 3))
def test_video_times_stay_inside_one_stretch_and_in_order(
    seconds: list[float], start: float, length: float
) -> None:
    window = Window(parts=tuple(stretch(100.0 * at, s) for at, s in enumerate(seconds)))
    first, last = window.video_times(start, start + length)
    assert first <= last
    assert any(p.start <= first and last <= p.start + p.duration + 1e-9 for p in window.parts)


def test_video_times_map_back_over_left_out_silence() -> None:
    window = Window(parts=(stretch(10, 3.2), stretch(60, 3.2)))
    assert window.video_times(1.0, 2.0) == pytest.approx((11.0, 12.0))
    assert window.video_times(4.2, 5.2) == pytest.approx((61.0, 62.0))
    assert window.video_times(3.0, 3.6) == pytest.approx((60.0, 60.4))  # its middle is there


def test_halves_and_unheard_speech() -> None:
    part = stretch(0, 20)
    part.speech[300:310] = OFFSET / 2
    window = Window(parts=(part,))
    left, right = window.halves()
    assert (left.parts[0].hops, right.parts[0].hops) == (300, part.hops - 300)
    assert right.parts[0].start == pytest.approx(300 * HOP / SAMPLE_RATE)
    tail = window.unheard(9.4)  # in the middle of the last word before the pause at 9.6 s
    assert [s.start for s in tail] == [pytest.approx(300 * HOP / SAMPLE_RATE)]
    assert window.unheard(19.8) == []


def test_hops_of_a_moment() -> None:
    assert hops_of(0.0, 0.0, 10) == slice(0, 1)
    assert hops_of(0.04, 0.1, 10) == slice(1, 4)
    assert hops_of(5.0, 9.0, 10) == slice(9, 10)
