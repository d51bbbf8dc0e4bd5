"""Where in a long quote the answer is said."""

import pytest

from longtake.agent.moments import moment_start
from longtake.index.lanes import Segment, Word

TEXT = (
    "The first was built of wood by a merchant named Henry Winstanley, in November 1703 the great "
    "storm swept it away, and its builder died with it."
)


def spoken(text: str, start: float) -> Segment:
    """A segment whose words take half a second each."""
    words = tuple(
        Word(start=start + 0.5 * n, end=start + 0.5 * n + 0.4, text=word, probability=1.0)
        for n, word in enumerate(text.split())
    )
    return Segment(start=start, end=words[-1].end, text=text, confidence=1.0, words=words)


@pytest.mark.parametrize(
    ("question", "start"),
    [
        ("In which year was the great storm?", 76.0),  # word 12 of the sentence: "in November"
        ("Who built the wooden tower?", 70.0),
        ("What is this about?", 70.0),
        ("How did the builder die?", 80.5),
    ],
    ids=["second clause", "first clause", "no words to go by", "third clause"],
)
def test_a_long_quote_starts_at_the_clause_that_is_asked_about(question: str, start: float) -> None:
    assert moment_start(spoken(TEXT, 70.0), question) == start


def test_a_clause_close_by_is_not_worth_leaving_out_the_beginning() -> None:
    segment = spoken("In 1823, the first lens was lit at Cordouan.", 10.0)
    assert moment_start(segment, "Where was the first lens lit?") == 10.0


def test_subtitles_have_no_word_times() -> None:
    segment = Segment(start=5.0, end=9.0, text=TEXT, confidence=1.0, source="subtitles")
    assert moment_start(segment, "In which year was the great storm?") == 5.0
