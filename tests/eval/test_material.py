"""Which frames and words comparators show: spread, thinned and fitted into any room."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longtake.agent.requests import ANSWER_TOKENS
from longtake.eval.material import (
    MOST,
    SIDES,
    Chosen,
    Material,
    fitted,
    shown,
    thinned,
)
from longtake.eval.reading import Line, Question, read_request
from longtake.eval.sources import near_to_question, spread_evenly, uniform
from longtake.index.records import VideoRecord
from longtake.timing import Span
from longtake.tools.library import Library
from longtake.tools.vlm.messages import Request
from tests.agent.seeing import Eyes

QUESTION = Question(text="What is seen?", options=("this", "that"))


def video(name: str, duration: float) -> VideoRecord:
    return VideoRecord(
        id=name, path=Path(f"/{name}.mp4"), size=1, mtime_ns=1, title=name, duration=duration,
        fps=25.0, width=640, height=360, video_codec="h264", audio_codec=None, added_at=0.0,
    )  # fmt: skip


def lines(count: int) -> tuple[Line, ...]:
    return tuple(
        Line(video_id="a", start=float(i), end=i + 0.5, text=f"Sentence number {i}.")
        for i in range(count)
    )


def test_frames_are_the_middles_of_equal_parts() -> None:
    (part,) = spread_evenly([("a", Span(0, 8))], 4)
    assert part.times == (1.0, 3.0, 5.0, 7.0)
    parts = {
        p.video_id: p.times for p in spread_evenly([("a", Span(0, 2)), ("b", Span(10, 16))], 4)
    }
    assert parts == {"a": (1.0,), "b": (11.0, 13.0, 15.0)}


@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0.5, 50)), min_size=1, max_size=4),
    st.integers(1, 60),
)
def test_frames_lie_in_their_stretches(places: list[tuple[float, float]], count: int) -> None:
    spans = [(f"v{i}", Span(start, start + n)) for i, (start, n) in enumerate(places)]
    found = spread_evenly(spans, count)
    by_video = dict(spans)
    for part in found:
        span = by_video[part.video_id]
        assert all(span.start - 1e-3 <= time < span.end for time in part.times)
        assert list(part.times) == sorted(set(part.times))
    assert sum(len(part.times) for part in found) <= count


def test_lines_are_thinned_evenly() -> None:
    every = lines(10)
    assert [line.start for line in thinned(every, 5)] == [1, 3, 5, 7, 9]
    assert thinned(every, 10) == every and thinned(every, 99) == every
    assert thinned(every, 0) == ()


@settings(deadline=None)
@given(
    room=st.integers(0, 6000),
    duration=st.floats(0.5, 4000),
    spoken=st.integers(0, 60),
    seen=st.booleans(),
)
def test_whatever_the_room_it_is_never_exceeded(
    room: int, duration: float, spoken: int, seen: bool
) -> None:
    """And one frame more, at the size chosen, would not fit."""
    eyes = Eyes()
    clip = video("a", duration)
    spans = {"a": Span(0, duration)}
    base = uniform([clip], spans) if seen else Material(videos=(clip,), spans=spans)
    material = replace(base, lines=lines(spoken))

    def cost(made: Chosen) -> int:
        request = read_request(QUESTION, shown(material, made, {"a": "V1"}), made.lines)
        return eyes.price(request).total

    def price(request: Request) -> int:
        return eyes.price(request).total

    chosen = fitted(material, QUESTION, {"a": "V1"}, room=room, price=price)
    if chosen is None:
        assert cost(Chosen()) > room
        return
    assert cost(chosen) <= room
    assert len(chosen.lines) <= spoken
    wanted = min(MOST, material.wanted)
    assert chosen.frames <= wanted
    if chosen.frames and chosen.frames < wanted:
        ((_, shape),) = chosen.shapes
        assert max(shape.width, shape.height) in SIDES
        (more,) = spread_evenly([("a", spans["a"])], chosen.frames + 1)
        larger = replace(chosen, shapes=(("a", replace(shape, times=more.times)),))
        assert cost(larger) > room or len(more.times) == chosen.frames


def test_what_has_no_room_is_not_asked() -> None:
    material = Material(videos=(video("a", 9.0),), spans={"a": Span(0, 9)})
    price = Eyes().price
    made = fitted(
        material, QUESTION, {"a": "V1"}, room=ANSWER_TOKENS, price=lambda r: price(r).total
    )
    assert made is None


@pytest.mark.parametrize(("room", "side"), [(8000, 448), (2600, 336), (1300, 224), (900, 168)])
def test_frames_come_before_pixels_until_there_are_enough(room: int, side: int) -> None:
    clip = video("a", 16.0)
    material = uniform([clip], {"a": Span(0, 16)})
    price = Eyes().price
    chosen = fitted(material, QUESTION, {"a": "V1"}, room=room, price=lambda r: price(r).total)
    assert chosen is not None
    ((_, shape),) = chosen.shapes
    assert shape.width == side
    assert len(shape.times) == 16 or side == 168


def test_of_lines_that_do_not_fit_the_nearest_to_the_question_stay() -> None:
    nearness = tuple(float(i % 10) + i / 1000 for i in range(100))
    material = Material(
        videos=(video("a", 100.0),),
        spans={"a": Span(0.0, 100.0)},
        lines=lines(100),
        nearness=nearness,
    )
    eyes = Eyes()
    made = fitted(
        material, QUESTION, {"a": "V1"}, room=1000, price=lambda asked: eyes.price(asked).total
    )
    assert made is not None and 5 < len(made.lines) < 100
    kept = {int(line.start) for line in made.lines}
    expected = sorted(range(100), key=lambda i: -nearness[i])[: len(kept)]
    assert kept == set(expected)
    assert [line.start for line in made.lines] == sorted(line.start for line in made.lines)


def test_text_evidence_of_the_lecture_is_said_and_on_screen(lecture_library: Path) -> None:
    with Library.open(lecture_library) as library:
        (record,) = library.videos()
        spans = {record.id: Span(0.0, 150.0)}
        question = "In which year did the great storm sweep the first Eddystone tower away?"
        made = near_to_question(library, (record,), spans, question)
    assert made is not None and made.wanted == 150
    assert len(made.lines) == len(made.nearness) > 2
    nearest = max(zip(made.nearness, made.lines, strict=True), key=lambda pair: pair[0])[1]
    assert "Eddystone" in nearest.text
    assert any("storm" in line.text and line.lane == "speech" for line in made.lines)
    assert any(line.lane == "text" for line in made.lines)
    assert all(line.start < 150.0 for line in made.lines)
