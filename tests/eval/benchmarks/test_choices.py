"""Labels of options, official prompts."""

import pytest

from longtake.errors import UsageError
from longtake.eval.benchmarks import benchmark, choices
from longtake.eval.benchmarks.contract import OfficialPrompt
from longtake.eval.samples import Sample


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("A. Red", 0, "Red"),
        ("(B) Red", 1, "Red"),
        ("C) Red", 2, "Red"),
        ("A. Red", 1, "A. Red"),  # not the label of its place
        ("A. D. Smith", 0, "D. Smith"),
        ("E. coli", 0, "E. coli"),
        (" Red ", 0, "Red"),
    ],
)
def test_labels_go_where_they_are_labels(text: str, place: int, expected: str) -> None:
    assert choices.without_label(text, place) == expected


def test_options_inline_are_split_from_the_question() -> None:
    text = "What is it?\nLook well.\n(A) a bell\n(B) a lamp\nof brass\n(C) (A) again"
    assert choices.split_lines(text) == (
        "What is it?\nLook well.",
        ("a bell", "a lamp of brass", "(A) again"),
    )


def test_a_truth_that_is_no_option_is_an_error() -> None:
    with pytest.raises(UsageError, match="'E' is none of its 4 options"):
        choices.checked("E", ["a", "b", "c", "d"], "question 7")


def test_the_official_prompt_of_video_mme_with_and_without_subtitles() -> None:
    prompt = benchmark("video-mme").prompt
    asked = Sample(
        sample_id="1",
        video="v",
        video_path=None,
        question="What is {options}?",  # braces of a question stay
        kind="option",
        options=("Black.", "Gray."),
    )
    assert prompt is not None
    bare = prompt.render(asked)
    assert bare == (
        "Select the best answer to the following multiple-choice question based on the video. "
        "Respond with only the letter (A, B, C, or D) of the correct option.\n"
        "What is {options}?\nA. Black.\nB. Gray.\nThe best answer is:"
    )
    heard = prompt.render(asked, "Hi guys\nbye")
    assert heard == f"This video's subtitles are listed below:\nHi guys\nbye\n{bare}"


def test_a_prompt_says_how_long_the_video_is() -> None:
    asked = Sample(
        sample_id="1", video="v", video_path=None, question="?", kind="spans", duration_s=3899.6
    )
    assert OfficialPrompt(template="{duration} s").render(asked) == "3900 s"
    official = benchmark("extremewhenbench").prompt
    assert official is not None
    assert "You are watching a 3900-second long video." in official.render(asked)
