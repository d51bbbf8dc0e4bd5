"""What is read while a question is answered is noted, and never lies beyond what may be seen."""

import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from longtake.errors import MediaError
from longtake.eval.libraries import Indexed
from longtake.eval.watched import reading

FRAME_S = 1 / 8
"""Of the benchmark's videos."""


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    until=st.floats(0.01, 60.0),
    shares=st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=4),
)
def test_no_frame_from_that_second_on_is_ever_read(
    indexed: Indexed, until: float, shares: list[float]
) -> None:
    times = [min(share * until, until - 1e-6) for share in shares]
    with reading(until) as noted:
        frames = indexed.library.frames_at(indexed.ids["blue"], times, size=(32, 18))
    for time, frame in zip(times, frames, strict=True):
        assert frame.time < until
        assert abs(frame.time - time) <= 1.5 * FRAME_S
    assert noted.latest is not None and noted.latest < until
    assert {time for _, time in noted.frames} == {frame.time for frame in frames}


@given(until=st.floats(0.01, 59.0), over=st.floats(0, 5))
def test_asking_for_more_is_refused(indexed: Indexed, until: float, over: float) -> None:
    with reading(until) as noted, pytest.raises(MediaError, match="may be seen"):
        indexed.library.frames_at(indexed.ids["blue"], [0.0, until + over])
    assert not noted.frames


def test_words_are_withheld_until_they_are_said(indexed: Indexed) -> None:
    video = indexed.ids["green"]
    assert [row.segment.text for row in indexed.library.segments(video)] == ["Good morning."]
    with reading(7.9):
        assert indexed.library.segments(video) == []
    with reading(8.0):
        assert len(indexed.library.segments(video)) == 1


def test_each_question_has_notes_of_its_own(indexed: Indexed) -> None:
    library = indexed.library
    notes = {}

    def work(video: str, until: float) -> None:
        with reading(until) as noted:
            library.frames_at(indexed.ids[video], [until / 2], size=(32, 18))
            notes[video] = noted

    threads = [threading.Thread(target=work, args=pair) for pair in (("green", 4.0), ("blue", 8.0))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert notes["green"].frames == {(indexed.ids["green"], 2.0)}
    assert notes["blue"].frames == {(indexed.ids["blue"], 4.0)}
