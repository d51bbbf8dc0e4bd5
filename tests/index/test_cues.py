"""The cue builder: lines of frames in, cues out. No OCR: lines are made up."""

import string
from collections.abc import Sequence
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longtake.index.cues import CueBuilder
from longtake.index.lanes import Box, Cue, Line


def row(number: int, *, x0: float = 0.1, x1: float = 0.6) -> Box:
    """The place of a line: rows of a tenth of the height."""
    return Box(x0, number / 10 + 0.02, x1, number / 10 + 0.07)


def line(text: str, at: Box, confidence: float = 0.97) -> Line:
    return Line(text=text, box=at, confidence=confidence)


def build(frames: Sequence[list[Line] | None], *, duration: float | None = None) -> list[Cue]:
    """Cues of frames one second apart; None is a frame that did not change."""
    builder = CueBuilder()
    for time, lines in enumerate(frames):
        if lines is None:
            builder.hold(float(time))
        else:
            builder.push(float(time), lines)
    return builder.finish(float(len(frames)) if duration is None else duration)


def brief(cues: list[Cue]) -> list[tuple[float, float, str]]:
    return [(cue.start, cue.end, cue.text) for cue in cues]


def test_slide_shown_for_40_seconds_is_one_cue_a_line() -> None:
    slide = [line("Photosynthesis", row(1)), line("Light is absorbed", row(3))]
    frames: list[list[Line] | None] = [[], slide, *[None] * 39, []]
    assert brief(build(frames)) == [(1, 41, "Photosynthesis"), (1, 41, "Light is absorbed")]


def test_last_cue_ends_with_the_video() -> None:
    assert brief(build([[], [line("The end", row(5))]], duration=2.5)) == [(1, 2.5, "The end")]


def test_subtitle_changes_while_the_slide_stands() -> None:
    title = line("Batteries", row(1))
    first, second = line("The anode gives electrons", row(8)), line("They flow outside", row(8))
    cues = build([[title, first], None, [title, second], None, [title]])
    assert brief(cues) == [
        (0, 5, "Batteries"),
        (0, 2, "The anode gives electrons"),
        (2, 4, "They flow outside"),
    ]


@pytest.mark.parametrize("gap", [1, 2])
def test_short_gap_is_bridged(gap: int) -> None:
    sign = [line("Platform 9", row(4))]
    assert brief(build([sign, sign, *[[] for _ in range(gap)], sign])) == [
        (0, 3 + gap, "Platform 9")
    ]


def test_long_gap_makes_two_cues() -> None:
    sign = [line("Platform 9", row(4))]
    assert brief(build([sign, [], [], [], sign])) == [(0, 1, "Platform 9"), (4, 5, "Platform 9")]


def test_one_character_flicker_is_one_cue_with_the_most_confident_reading() -> None:
    readings = ["Order ZX-1000", "0rder ZX-1000", "Order ZX-1000", "OrderZX-1000", "Order ZX-1000"]
    cues = build([[line(text, row(2))] for text in readings])
    assert brief(cues) == [(0, 5, "Order ZX-1000")]


def test_wrong_digit_for_one_frame_is_flicker() -> None:
    readings = ["Part ZX-1000", "Part ZX-1008", "Part ZX-1000"]
    assert brief(build([[line(text, row(2))] for text in readings])) == [(0, 3, "Part ZX-1000")]


def test_number_that_really_changes_makes_two_cues() -> None:
    old, new = [line("Part ZX-1000", row(2))], [line("Part ZX-1037", row(2))]
    assert brief(build([old, None, old, new, None, new])) == [
        (0, 3, "Part ZX-1000"),
        (3, 6, "Part ZX-1037"),
    ]


def test_page_number_that_changes_makes_two_cues() -> None:
    frames = [[line("Page 3", row(9))], None, None, [line("Page 4", row(9))], None, None]
    assert brief(build(frames)) == [(0, 3, "Page 3"), (3, 6, "Page 4")]


def test_every_reading_different_is_settled_by_a_vote_on_characters() -> None:
    readings = ["Xight and water", "Light and watex", "Light anX water", "Light Xnd water"]
    cues = build([[line(text, row(2), 0.8)] for text in readings])
    assert brief(cues) == [(0, 4, "Light and water")]


def test_clock_is_one_cue_from_first_to_last_value() -> None:
    frames = [[line(f"12:{second:02d}", row(0, x0=0.8, x1=0.9))] for second in range(60)]
    assert brief(build(frames)) == [(0, 60, "12:00 ... 12:59")]


def test_scrolling_credits_are_one_cue_a_line() -> None:
    names = [
        f"{name} {last}" for name in ("Ada", "Grace", "Alan") for last in ("Hopkins", "Marlow")
    ]
    frames: list[list[Line] | None] = []
    for time in range(16):
        rows = [(name, 9 + index - time) for index, name in enumerate(names)]
        frames.append([line(name, row(at)) for name, at in rows if 0 <= at <= 9])
    cues = build(frames)
    assert [cue.text for cue in cues] == names
    assert all(cue.end - cue.start == 10 for cue in cues)
    assert cues[0].box == Box(0.1, 0.02, 0.6, 0.97)


def test_pan_over_a_sign_is_one_cue() -> None:
    frames = [
        [line("Railway museum", row(4, x0=x / 20, x1=x / 20 + 0.2))] for x in range(14, 0, -1)
    ]
    assert brief(build(frames)) == [(0, 14, "Railway museum")]


def ticker(text: str, *, width: int, step: int, frames: int) -> list[list[Line] | None]:
    endless = text * (frames * step // len(text) + 2)
    return [
        [line(endless[at * step : at * step + width].strip(), row(9, x0=0.0, x1=1.0))]
        for at in range(frames)
    ]


NEWS = (
    "Storm reaches the coast near Brest and ferries stay in port +++ Parliament votes on the "
    "budget after a long night +++ Astronomers find water vapour on a distant world +++ "
)


@pytest.mark.parametrize("step", [3, 8, 15])
def test_ticker_is_a_few_readable_cues(step: int) -> None:
    cues = build(ticker(NEWS, width=50, step=step, frames=120))
    shown = 120 * step + 50
    assert len(cues) <= shown / 100 + 1
    assert "Storm reaches the coast near Brest and ferries stay in port" in cues[0].text
    assert all(len(cue.text) <= 200 for cue in cues)
    assert all(a.end <= b.start for a, b in pairwise(cues))


def test_text_that_is_typed_becomes_one_cue() -> None:
    text = "The quick brown fox jumps over the lazy dog"
    frames = [[line(text[: 4 * n], row(3, x1=0.1 + n / 20))] for n in range(2, 12)]
    assert brief(build([*frames, None, None])) == [(0, 12, text)]


def test_longer_title_after_a_lasting_one_is_another_cue() -> None:
    old, new = [line("Results", row(1))], [line("Results by region", row(1, x1=0.9))]
    cues = build([old, *[None] * 9, new, *[None] * 9])
    assert brief(cues) == [(0, 10, "Results"), (10, 20, "Results by region")]


def test_wrapped_sentence_is_joined_but_bullets_are_not() -> None:
    upper = line("Plants turn light into", Box(0.1, 0.20, 0.8, 0.25))
    lower = line("sugar and oxygen.", Box(0.1, 0.27, 0.6, 0.32))
    bullet = line("Roots take up water", Box(0.1, 0.34, 0.6, 0.39))
    cues = build([[upper, lower, bullet], None, None])
    assert brief(cues) == [
        (0, 3, "Plants turn light into sugar and oxygen."),
        (0, 3, "Roots take up water"),
    ]
    assert cues[0].box == Box(0.1, 0.20, 0.8, 0.32)


def test_piece_that_the_detector_cut_off_is_no_cue_of_its_own() -> None:
    whole = line("Light is absorbed by chlorophyll", row(3, x0=0.1, x1=0.7))
    left, right = (
        line("Light is absorbed", row(3, x0=0.1, x1=0.4)),
        line("by chlorophyll", row(3, x0=0.42, x1=0.7)),
    )
    cues = build([[whole], [whole], [left, right], [whole]])
    assert brief(cues) == [(0, 4, "Light is absorbed by chlorophyll")]


def test_unsure_readings_are_dropped() -> None:
    frames = [[line("scribble", row(2), 0.4)], None, [line("I", row(5), 0.7)]]
    assert build([*frames, None, None]) == []


WORDS = st.text(string.ascii_letters, min_size=8, max_size=24)


@st.composite
def screens(draw: st.DrawFn) -> list[tuple[str, int, int, int]]:
    """(text, row, first frame, frame after the last) of lines that never stand over another."""
    shown: list[tuple[str, int, int, int]] = []
    for at in range(draw(st.integers(1, 6))):
        time = draw(st.integers(0, 5))
        for text in draw(st.lists(WORDS, min_size=1, max_size=3, unique_by=str.casefold)):
            length = draw(st.integers(6, 20))
            shown.append((f"{text}{len(shown)}x", at, time, time + length))
            time += length + draw(st.integers(4, 8))
    return shown


@settings(max_examples=150, deadline=None)
@given(screens(), st.randoms(use_true_random=False))
def test_lifetimes_are_found_again_through_noise_and_dropped_frames(
    shown: list[tuple[str, int, int, int]], random: Random
) -> None:
    last = max(end for *_, end in shown)
    frames: list[list[Line] | None] = []
    previous_bad = {text: True for text, *_ in shown}
    for time in range(last + 3):
        lines = []
        for text, at, start, end in shown:
            if not start <= time < end:
                continue
            inner = start < time < end - 1
            bad = inner and not previous_bad[text] and random.random() < 0.3
            previous_bad[text] = bad or time == start
            if bad and random.random() < 0.5:
                continue
            if bad:
                place = random.randrange(len(text) - 3)
                text = f"{text[:place]}{random.choice('xqz')}{text[place + 1 :]}"
            lines.append(line(text, row(at), 0.7 if bad else 0.97))
        frames.append(lines)
    cues = build(frames)
    assert sorted(brief(cues)) == sorted((start, end, text) for text, _, start, end in shown)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.none() | st.lists(st.tuples(st.sampled_from("AB12 x"), st.integers(0, 9)), max_size=4),
        max_size=30,
    ),
    st.floats(0, 40),
)
def test_cues_are_ordered_and_inside_the_video(
    frames: list[list[tuple[str, int]] | None], duration: float
) -> None:
    seen: list[list[Line] | None] = [
        None if lines is None else [line(text * 5, row(at)) for text, at in lines]
        for lines in frames
    ]
    cues = build(seen, duration=duration)
    assert all(0 <= cue.start < cue.end <= duration for cue in cues)
    assert [cue.start for cue in cues] == sorted(cue.start for cue in cues)
