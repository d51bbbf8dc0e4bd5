"""Stretches of a day cut together, and what is asked of several stretches at once."""

import re
from itertools import combinations

import numpy as np
import pytest

from longtake.eval.haystack.models.vlm import lessons, seen_questions
from longtake.eval.haystack.models.vlm.cuts import cut_together
from longtake.eval.haystack.models.vlm.footage import Reel
from longtake.eval.haystack.models.vlm.heard_questions import chain, gate
from longtake.eval.haystack.models.vlm.labels import CELL
from longtake.eval.haystack.models.vlm.questions import runs
from longtake.eval.haystack.models.vlm.strips import Heard, Shot, Strip, invented
from longtake.eval.haystack.wording import who, with_article


@pytest.fixture(scope="module")
def cuts(reel: Reel) -> list[Shot]:
    rng = np.random.default_rng(1)
    return [cut_together(rng, [reel], 700) for _ in range(60)]


def test_frames_are_those_of_the_day_at_their_times(reel: Reel, cuts: list[Shot]) -> None:
    shown = {still.number / reel.fps: still.facts.place for still in reel.stills}
    apart = 0
    for cut in cuts:
        times = cut.strip.times
        assert list(times) == sorted(set(times)) and len(times) == len(cut.pixels)
        assert cut.start <= times[0] and times[-1] <= cut.end + 0.5
        columns, rows = cut.pixels[0].shape[1] // CELL, cut.pixels[0].shape[0] // CELL
        assert len(times) == 1 or len(times) * columns * rows <= 700
        moved = round(cut.end - reel.day.frames / reel.fps, 1)
        places = [shown[min(shown, key=lambda at: abs(at + 0.25 + moved - t))] for t in times]
        assert places == [frame.place for frame in cut.strip.frames]
        apart += bool(times[-1] - times[0] > 60)
    assert apart > 30


def test_two_views_of_a_cabinet_come_together(cuts: list[Shot]) -> None:
    rng = np.random.default_rng(2)
    asked = [seen_questions.gone(rng, cut.strip) for cut in cuts]
    gone = [lesson for lesson in asked if lesson is not None and lesson.answer is not None]
    assert len(gone) > 3
    assert all(lesson.spans[0][1] - lesson.spans[0][0] > 1 for lesson in gone)


def test_passages_far_apart_are_counted_one_by_one() -> None:
    times = (1.0, 1.5, 9.5, 30.0, 31.0, 32.0)
    hits = (True, True, True, True, False, True)
    assert runs(times, hits) == ((1.0, 9.5), (30.0, 30.0), (32.0, 32.0))


def test_orders_are_those_in_which_things_are_seen(cuts: list[Shot]) -> None:
    rng = np.random.default_rng(3)
    forms = set()
    for cut in cuts:
        lesson = seen_questions.order(rng, cut.strip)
        if lesson is None:
            continue
        numbered = re.findall(r"\d\. ([^;]+?)[;.]", lesson.asked)
        listed, first = lesson.listed or tuple(numbered), "A" if lesson.listed else "1"
        assert lesson.answer is not None and len(listed) == 4
        places = [ord(mark) - ord(first) for mark in lesson.answer.split(", ")]
        seen = [_first_seen(cut.strip, listed[place]) for place in places]
        assert sorted(places) == [0, 1, 2, 3] and seen == sorted(seen)
        assert lesson.answer not in lesson.wrong
        forms.add(bool(lesson.listed))
    assert forms == {True, False}


def _first_seen(strip: Strip, event: str) -> float:
    """When a frame first shows who or what an event tells of."""
    return next(
        time
        for time, actor, frame in zip(strip.times, strip.actors, strip.frames, strict=True)
        if (actor and who(actor) in event)
        or (frame.carried and event.startswith(with_article(str(frame.carried.what)) + " is"))
    )


def test_chains_end_at_the_picture_of_the_room_that_the_code_has(cuts: list[Shot]) -> None:
    rng = np.random.default_rng(4)
    whole = 0
    for cut in cuts:
        lesson = chain(rng, cut.strip)
        if lesson is None or lesson.answer is None:
            continue
        whole += 1
        (own,) = {
            h.line.value for h in cut.strip.heard if h.line and h.line.subject in lesson.asked
        }
        (row,) = {h.text for h in cut.strip.heard if h.text.startswith(f"{own} ROOM ")}
        frame = cut.strip.frames[cut.strip.times.index(lesson.spans[1][0])]
        assert frame.room is not None and frame.room.name == row.split()[-1]
        assert lesson.answer == " ".join(frame.room.picture)
    assert whole


def test_a_chain_that_breaks_off_has_no_answer(cuts: list[Shot]) -> None:
    rng = np.random.default_rng(5)
    for cut in cuts:
        heard = tuple(h for h in cut.strip.heard if " ROOM " not in h.text)
        lesson = chain(rng, Strip(times=cut.strip.times, frames=cut.strip.frames, heard=heard))
        assert lesson is None or lesson.answer is None


def _codes(heard: list[Heard]) -> list[str]:
    return [match[0] for h in heard for match in re.finditer(r"\b[A-Z]{3}\d\d\b", h.text)]


def test_codes_of_lines_are_often_one_place_apart_and_never_the_same() -> None:
    rng = np.random.default_rng(6)
    near = 0
    for _ in range(40):
        codes = _codes(invented(rng, 16))
        assert len(codes) == len(set(codes))
        near += any(
            sum(x != y for x, y in zip(a, b, strict=True)) == 1 for a, b in combinations(codes, 2)
        )
    assert near > 20


def test_readings_are_of_stretches_cut_together_too(reel: Reel) -> None:
    rng = np.random.default_rng(7)
    spans = [lessons.any_shot(rng, [reel], 700).strip.times for _ in range(40)]
    assert 8 < sum(times[-1] - times[0] > 60 for times in spans) < 36


def test_lines_are_often_all_of_one_or_two_kinds_as_a_search_finds_them() -> None:
    rng = np.random.default_rng(8)
    kinds = [
        len({h.line.kind if h.line else h.text.split()[0][:3] == "DAY" for h in invented(rng, 24)})
        for _ in range(60)
    ]
    assert 20 < sum(count <= 2 for count in kinds) < 45


def test_the_line_that_tells_is_often_the_first() -> None:
    rng = np.random.default_rng(9)
    first = total = 0
    while total < 60:
        heard = tuple(invented(rng, 8))
        lesson = gate(rng, Strip(times=(), frames=(), heard=heard))
        if lesson is None or lesson.answer is None:
            continue
        total += 1
        shown = lessons.best_first(rng, heard, lesson)
        assert sorted(shown, key=lambda h: h.start) == list(heard)
        first += shown[0].line is not None and shown[0].line.subject in lesson.asked
    assert 25 < first < 55
