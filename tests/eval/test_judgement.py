"""From records to judgements: what is shown in another order, what did not end in a reply, what is
asked of a library."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from longtake.errors import UsageError
from longtake.eval.benchmarks import benchmark, judge
from longtake.eval.judgement import (
    Response,
    response_of,
    shown,
    unshown,
    videos_of,
    without_video,
)
from longtake.eval.records import Cited, Record, Spent
from longtake.eval.samples import Sample
from longtake.timing import Span


def record(**fields: Any) -> Record:
    given = {
        "run_id": "r",
        "sample_id": "001-1",
        "video": "v",
        "seed": 0,
        "status": "ok",
        "raw_response": "",
        "answered_by": "model",
        "spent": Spent(visual=0, text_in=0, out=0, cached=0, total=0, calls=1),
        "budget": 100,
        "finished_at": 0.0,
    }
    return Record(**{**given, **fields})


@pytest.fixture
def asked() -> Sample:
    return Sample(
        sample_id="001-1",
        video="v",
        video_path=Path("v.mp4"),
        question="Which?",
        kind="option",
        options=("red", "green", "blue", "black"),
        answer="C",
    )


def test_options_shown_in_another_order_are_judged_as_shown(asked: Sample) -> None:
    order = (2, 0, 3, 1)  # blue first
    assert shown(asked, order).options == ("blue", "red", "black", "green")
    assert shown(asked, order).answer == "A"
    got = judge(benchmark("video-mme"), asked, record(raw_response="A", options_order=order))
    assert (got.official.score, got.strict.score) == (1, 1)
    assert (got.official.parsed, got.strict.parsed) == ("C", "C")
    assert got.response == Response(text="C")  # as the owners' file has the options
    wrong = judge(benchmark("video-mme"), asked, record(raw_response="C", options_order=order))
    assert (wrong.strict.score, wrong.strict.parsed) == (0, "D")


def test_an_order_that_is_none_is_an_error(asked: Sample) -> None:
    with pytest.raises(UsageError, match="4 options"):
        shown(asked, (0, 1))


def test_letters_and_orders_are_inverse(asked: Sample) -> None:
    for order in ((0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2)):
        assert unshown(shown(asked, order).answer, order) == asked.answer


def test_orders_of_options_are_judged_as_shown(asked: Sample) -> None:
    ordered = replace(asked, kind="order", answer=("C", "A", "D", "B"))
    order = (2, 0, 3, 1)
    assert shown(ordered, order).answer == ("A", "B", "C", "D")
    assert unshown(("A", "B", "C", "D"), order) == ordered.answer
    given = record(raw_response='{"answer": "A, B, C, D"}', options_order=order)
    got = judge(benchmark("haystack"), ordered, given)
    assert (got.strict.score, got.strict.values["tau"]) == (1, 1)
    assert got.strict.parsed == ordered.answer
    assert got.response == Response(text="C, A, D, B")


def test_the_letter_that_rules_chose_is_in_the_order_of_the_benchmark(asked: Sample) -> None:
    given = record(
        raw_response="It was said: the blue one.",
        answered_by="rules",
        option="C",
        options_order=(2, 0, 3, 1),
    )
    got = judge(benchmark("video-mme"), asked, given)
    assert (got.official.score, got.strict.score) == (1, 1)


@pytest.mark.parametrize("status", ["timeout", "error", "budget", "refused", "no_video"])
def test_what_did_not_end_in_a_reply_is_wrong_whatever_was_written(
    asked: Sample, status: str
) -> None:
    got = judge(benchmark("video-mme"), asked, record(status=status, raw_response="C"))
    assert (got.official.counted, got.strict.score, got.strict.counted) == (False, 0, True)


def test_an_overrun_is_wrong(asked: Sample) -> None:
    got = judge(benchmark("lvbench"), asked, record(raw_response="C", overrun=True))
    assert (got.official.score, got.strict.score) == (0, 0)


def test_a_missing_record_is_wrong_and_counted_by_strict_alone(asked: Sample) -> None:
    got = judge(benchmark("lvbench"), asked, None)
    assert (got.official.counted, got.strict.counted, got.strict.score) == (False, True, 0)


def test_only_stretches_of_the_samples_video_are_taken(asked: Sample) -> None:
    cited = (
        Cited(video="v", start_s=1, end_s=2, lane="visual"),
        Cited(video="w", start_s=3, end_s=4, lane="visual"),
    )
    assert response_of(record(evidence=cited), asked).spans == (Span(1, 2),)
    assert response_of(record(evidence=cited), without_video(asked)).spans == (Span(1, 2),)


def test_a_question_to_a_library_names_no_video(asked: Sample) -> None:
    freed = without_video(asked)
    assert (freed.video, freed.question, freed.answer) == ("", "Which?", "C")
    assert without_video(freed) == freed
    for sample in (freed, asked):
        (named,) = videos_of([sample]).values()
        assert (named.video, named.video_path) == ("v", Path("v.mp4"))


def test_a_library_has_the_videos_that_no_question_is_about(asked: Sample) -> None:
    library = {"v": (None, None), "w": (Path("w.mp4"), Path("w.srt"))}
    whole = replace(asked, video="", extra={"library_video": "v", "library_videos": library})
    found = videos_of([whole])
    assert found["v"].video_path == Path("v.mp4")
    assert (found["w"].video, found["w"].subtitles) == ("w", Path("w.srt"))


def test_a_stream_cannot_be_a_library() -> None:
    seen = Sample(
        sample_id="q",
        video="v",
        video_path=None,
        question="?",
        kind="option",
        options=("a", "b"),
        answer="A",
        visible_until_s=3.0,
    )
    with pytest.raises(UsageError, match="up to 3 s"):
        without_video(seen)
