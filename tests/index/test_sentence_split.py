"""Words become sentences: every word once, in order, none too long."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.index.lanes import Segment, Word
from longtake.index.sentence_split import MAX_SEGMENT_S, Spoken, phrases, split_sentences


def say(*words: tuple[float, float, str], language: str = "en") -> list[Spoken]:
    return [
        Spoken(
            word=Word(start=start, end=end, text=text, probability=0.5),
            language=language,
        )
        for start, end, text in words
    ]


def texts(segments: list[Segment]) -> list[str]:
    return [segment.text for segment in segments]


def test_sentences_end_at_punctuation_not_at_abbreviations() -> None:
    spoken = say(
        (0.0, 0.3, " Dr."), (0.3, 0.6, " Low"), (0.6, 0.9, " left."), (1.0, 1.2, " J."),
        (1.2, 1.5, " Day"), (1.5, 1.9, " paid"), (1.9, 2.2, " 3.5?"), (2.3, 2.5, " Why"),
    )  # fmt: skip
    segments = split_sentences(spoken)
    assert texts(segments) == ["Dr. Low left.", "J. Day paid 3.5?", "Why"]
    assert [(s.start, s.end) for s in segments] == [(0.0, 0.9), (1.0, 2.2), (2.3, 2.5)]
    assert [word.text for word in segments[0].words] == ["Dr.", "Low", "left."]
    assert segments[0].confidence == 0.5


def test_a_possessive_at_the_end_of_a_sentence_is_no_abbreviation() -> None:
    spoken = say((0, 1, " The"), (1, 2, " keeper's."), (2, 3, " Next"))
    assert texts(split_sentences(spoken)) == ["The keeper's.", "Next"]


def test_words_of_languages_without_spaces_are_joined_without() -> None:
    spoken = say((0, 1, "灯"), (1, 2, "台。"), (2, 3, "海"), language="ja")
    assert texts(split_sentences(spoken)) == ["灯台。", "海"]


@pytest.mark.parametrize(("gap", "count"), [(1.4, 1), (1.6, 2)])
def test_a_long_pause_ends_a_phrase(gap: float, count: int) -> None:
    spoken = say((0, 1, " one"), (1 + gap, 3 + gap, " two"))
    assert len(split_sentences(spoken)) == count


def test_a_change_of_language_ends_a_phrase() -> None:
    spoken = say((0, 1, " one")) + say((1, 2, " deux"), language="fr")
    assert [s.language for s in split_sentences(spoken)] == ["en", "fr"]


def test_a_long_sentence_is_cut_at_its_largest_pause() -> None:
    words = [(float(at), at + 0.9, f" w{at}") for at in range(20)]
    words = [(s + (0.5 if at >= 9 else 0), e + (0.5 if at >= 9 else 0), t)
             for at, (s, e, t) in enumerate(words)]  # fmt: skip
    segments = split_sentences(say(*words))
    assert texts(segments) == [
        " ".join(f"w{at}" for at in range(9)),
        " ".join(f"w{at}" for at in range(9, 20)),
    ]


def test_a_comma_wins_over_equal_pauses() -> None:
    words = [(float(at), at + 0.9, f" w{at}" + "," * (at == 6)) for at in range(20)]
    first = split_sentences(say(*words))[0]
    assert first.text.endswith("w6,")


gaps = st.floats(0, 4).map(lambda gap: round(gap, 2))
lengths = st.floats(0, 3).map(lambda length: round(length, 2))
tokens = st.sampled_from([" a", " b,", " c.", " Dr.", "d", " e?", "。", " f", " g"])


@given(st.lists(st.tuples(gaps, lengths, tokens), max_size=80))
def test_every_word_once_in_order_inside_segments_of_at_most_15_s(
    timeline: list[tuple[float, float, str]],
) -> None:
    spoken = []
    clock = 0.0
    for gap, length, text in timeline:
        start = clock + gap
        clock = start + length
        word = Word(start=start, end=clock, text=text, probability=1.0)
        spoken.append(Spoken(word=word, language=None))
    segments = split_sentences(spoken)
    words = [word for segment in segments for word in segment.words]
    assert [(w.start, w.end, w.text) for w in words] == [
        (s.word.start, s.word.end, s.word.text.strip()) for s in spoken
    ]
    for segment in segments:
        assert all(segment.start <= w.start <= w.end <= segment.end for w in segment.words)
        assert segment.end - segment.start <= MAX_SEGMENT_S or len(segment.words) == 1
    assert all(a.end <= b.start for a, b in pairwise(segments))
    parts = phrases([one.word for one in spoken])
    assert [word for part in parts for word in part] == [one.word for one in spoken]
