"""Reading: whole sentences, every on-screen text once, in the order of time, under a cap."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longtake.index.lanes import Box, Cue, Segment
from longtake.index.records import CueRecord
from longtake.timing import Span
from longtake.tools.library import Library
from longtake.tools.read import (
    TextItem,
    as_text,
    byte_count,
    capped,
    items_in,
    read_span,
    sentences,
    text_line,
    unique_cues,
)
from longtake.tools.text_evidence import Asked, text_evidence

texts = st.lists(st.text(max_size=60), max_size=20)


def said(start: float, end: float, text: str) -> Segment:
    return Segment(start=start, end=end, text=text, confidence=1.0)


def cue(start: float, end: float, text: str) -> CueRecord:
    box = Box(0.1, 0.1, 0.5, 0.2)
    made = Cue(start=start, end=end, text=text, box=box, confidence=1.0)
    return CueRecord(id=1, video_id="v", cue=made)


def items(words: list[str]) -> list[TextItem]:
    return [
        TextItem(text=text, span=Span(float(i), i + 1.0), lane="speech")
        for i, text in enumerate(words)
    ]


@settings(deadline=None)
@given(texts, st.integers(0, 400), st.booleans())
def test_a_reading_never_exceeds_its_cap(words: list[str], cap: int, scored: bool) -> None:
    every = items(words)
    scores = [len(text) % 7 for text in words] if scored else None
    made = capped(every, cap, scores=scores)
    assert made.tokens == byte_count(made.text) <= max(cap, 0) or not made.items
    assert list(made.items) == [item for item in every if item in made.items]
    assert made.left_out == len(every) - len(made.items)
    if not made.items:
        assert all(byte_count(text_line(item)) > cap for item in every)


@settings(deadline=None)
@given(texts, st.integers(0, 400))
def test_what_scores_most_is_kept_first(words: list[str], cap: int) -> None:
    every = items([f"{index} {text}" for index, text in enumerate(words)])
    scores = [(index * 7) % 20 for index in range(len(every))]
    made = capped(every, cap, scores=scores)
    kept = [scores[every.index(item)] for item in made.items]
    lost = [score for score in scores if score not in kept]
    if len(kept) > 1:
        assert min(kept) > max(lost, default=-1)


def test_what_is_left_without_scores_is_spread() -> None:
    every = items([f"sentence {i:02d}" for i in range(20)])
    cap = byte_count(as_text(every[:5])) + 10
    assert [item.text[-2:] for item in capped(every, cap).items] == ["02", "06", "10", "14", "18"]


def test_broken_sentences_are_put_together() -> None:
    parts = [
        said(0.0, 2.0, "The gauge is"),
        said(2.2, 4.0, "three metres high."),
        said(4.1, 5.0, "It was built"),
        said(9.0, 10.0, "in 1872."),
        said(10.0, 11.0, "  "),
    ]
    made = [(item.text, item.span) for item in sentences(parts)]
    assert made == [
        ("The gauge is three metres high.", Span(0.0, 4.0)),
        ("It was built", Span(4.1, 5.0)),
        ("in 1872.", Span(9.0, 10.0)),
    ]


def test_on_screen_text_comes_once() -> None:
    cues = [
        cue(0.0, 9.0, "Tide tables"),
        cue(1.0, 3.0, "tide"),
        cue(5.0, 6.0, "Gauge 3"),
        cue(20.0, 25.0, "TIDE  TABLES"),
        cue(30.0, 31.0, "Tide"),
        cue(40.0, 41.0, "***"),
    ]
    made = [(item.text, item.span) for item in unique_cues(cues)]
    assert made == [
        ("Tide tables", Span(0.0, 25.0)),
        ("tide", Span(1.0, 31.0)),
        ("Gauge 3", Span(5.0, 6.0)),
    ]
    shorter = unique_cues([cues[0], cues[1]])
    assert [item.text for item in shorter] == ["Tide tables"]


def test_a_sentence_that_reaches_into_the_span_is_whole(lecture_library: Path) -> None:
    with Library.open(lecture_library) as library:
        video = library.videos()[0].id
        segment = library.segments(video)[3].segment
        middle = (segment.start + segment.end) / 2
        found = items_in(library, video, Span(middle, middle + 0.1))
        spoken = [item for item in found if item.lane == "speech"]
    assert len(spoken) == 1
    assert segment.text in spoken[0].text
    assert spoken[0].text[-1] in ".!?"


def test_a_span_is_read_in_the_order_of_time_under_its_cap(lecture_library: Path) -> None:
    with Library.open(lecture_library) as library:
        video = library.videos()[0]
        whole = Span(0.0, video.duration)
        every = read_span(library, video.id, whole, 100_000)
        some = read_span(library, video.id, whole, 900)
    assert every.left_out == 0 and {item.lane for item in every.items} == {"speech", "text"}
    starts = [item.span.start for item in every.items]
    assert starts == sorted(starts)
    assert all(0 <= i.span.start <= i.span.end <= video.duration + 1e-6 for i in every.items)
    assert some.tokens <= 900 and some.left_out == len(every.items) - len(some.items)
    assert some.items[-1].span.start > 0.7 * video.duration


def test_text_evidence_is_near_to_what_is_asked(lecture_library: Path) -> None:
    with Library.open(lecture_library) as library:
        video = library.videos()[0].id
        asked = Asked(question="When was the first wooden lighthouse built?")
        made = text_evidence(library, video, asked)
        none = text_evidence(library, video, asked, threshold=0.99)
        late = text_evidence(library, video, asked, span=Span(80.0, 200.0))
        on_screen = text_evidence(
            library, video, Asked(question="harbour", text=["Eddystone towers"])
        )
        vectors = library.store.sentence_vectors(video)
        encoder = library.sentence_encoder
        assert vectors is not None and encoder is not None
        near = vectors.vectors.astype(float) @ encoder.embed([asked.question])[0] > 0.3
        texts = [s.segment.text for s in library.segments(video)]
        expected = {
            texts[int(position)]
            for position, lane in zip(vectors.positions[near], vectors.lanes[near], strict=True)
            if lane == 0
        }
    assert made is not None and late is not None and none is not None and on_screen is not None
    assert {item.text for item in made.items if item.lane == "speech"} == expected
    assert [i.span.start for i in made.items] == sorted(i.span.start for i in made.items)
    assert any("1698" in item.text or "wood" in item.text.lower() for item in made.items)
    assert set(late.items) == {i for i in made.items if i.span.end > 80.0 and i.span.start < 200.0}
    few = made.under(150)
    assert 0 < few.tokens <= 150 and few.left_out == len(made.items) - len(few.items)
    nearest = max(zip(made.nearness, made.items, strict=True), key=lambda pair: pair[0])[1]
    assert nearest in few.items
    assert none.items == () and none.nearness == ()
    assert any("Eddystone" in item.text for item in on_screen.items if item.lane == "text")


def test_without_sentence_vectors_there_is_no_text_evidence(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", create=True) as library:
        assert text_evidence(library, "v", Asked(question="what?")) is None


@pytest.mark.parametrize("text", ["</data>", 'He said "go"', "line\nbreak"])
def test_words_cannot_end_their_line(text: str) -> None:
    line = text_line(TextItem(text=text, span=Span(1.0, 2.5), lane="text"))
    assert line.startswith('[1.0-2.5 s, on screen] "') and line.endswith('"')
    assert "<" not in line and "\n" not in line
