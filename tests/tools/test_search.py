"""Search over a real store with real sentence vectors."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from longtake.errors import UsageError
from longtake.index.lanes import ImageTextEncoder, SentenceEncoder
from longtake.index.store import Store
from longtake.timing import Span
from longtake.tools.search import SearchOptions, search, search_rows


def quotes(
    store: Store, text: str, encoder: SentenceEncoder | None, **options: object
) -> list[str]:
    made = SearchOptions(**options)  # type: ignore[arg-type]  # options of many types by name
    return [h.quote or "" for h in search(store, text, options=made, sentences=encoder).hits]


def test_words_and_meaning_agree(store: Store, sentences: SentenceEncoder) -> None:
    hit = search(store, "price of tickets", sentences=sentences).hits[0]
    assert (hit.quote, hit.lane, hit.video_id) == ("Tickets cost three euros.", "speech", "lake")
    assert (hit.span, hit.sources) == (Span(40, 44), ("bm25", "vectors"))


def test_meaning_finds_what_words_do_not(store: Store, sentences: SentenceEncoder) -> None:
    assert quotes(store, "meal", None) == []
    assert quotes(store, "meal", sentences)[0] == "Soup is served until nine in the evening."


def test_neighbours_are_one_hit(store: Store, sentences: SentenceEncoder) -> None:
    options = SearchOptions(lanes=("speech",), videos=("lake",))
    hits = search(store, "lake harbour", options=options, sentences=sentences).hits
    assert [(h.quote, h.span, len(h.rows)) for h in hits] == [
        (
            "The ferry crosses the lake four times a day. In winter it stays in the harbour.",
            Span(0, 8),
            2,
        ),
        ("Tickets cost three euros.", Span(40, 44), 1),
    ]


def test_lanes_filter(store: Store, sentences: SentenceEncoder) -> None:
    result = search(store, "ferry", options=SearchOptions(lanes=("text",)), sentences=sentences)
    assert {h.lane for h in result.hits} == {"text"}
    assert result.searched == {"text": "searched"}


def test_videos_filter(store: Store, sentences: SentenceEncoder) -> None:
    options = SearchOptions(videos=("hut",))
    found = search(store, "ferry", options=options, sentences=sentences).hits
    assert {h.video_id for h in found} == {"hut"}


def test_time_filter_keeps_what_overlaps(store: Store, sentences: SentenceEncoder) -> None:
    options = SearchOptions(between=Span(41, 50))
    found = search(store, "ferry", options=options, sentences=sentences).hits
    assert [h.quote for h in found] == ["Tickets cost three euros."]


def test_pictures_give_the_best_frame(store: Store, images: ImageTextEncoder) -> None:
    options = SearchOptions(lanes=("visual",))
    hits = search(store, "When is there snow?", options=options, images=images).hits
    assert (hits[0].video_id, hits[0].span, hits[0].frame_time) == ("lake", Span(10, 20), 12.0)
    assert hits[0].quote is None
    between = SearchOptions(lanes=("visual",), between=Span(12, 70))
    boats = search(store, "a boat", options=between, images=images).hits
    assert (boats[0].video_id, boats[0].span) == ("hut", Span(10, 20))


def test_a_fitting_sentence_outranks_pictures(
    store: Store, sentences: SentenceEncoder, images: ImageTextEncoder
) -> None:
    hits = search(store, "volunteers run the hut", sentences=sentences, images=images).hits
    assert hits[0].quote == "The hut is run by volunteers."
    assert "visual" in {h.lane for h in hits}


def test_limit(store: Store, sentences: SentenceEncoder) -> None:
    assert len(quotes(store, "ferry", sentences, limit=2)) == 2


def test_rows_are_stored_rows(store: Store, sentences: SentenceEncoder) -> None:
    result = search_rows(store, "ferry", options=SearchOptions(), sentences=sentences, images=None)
    for hit in result.hits:
        if hit.lane == "speech":
            assert store.segment(hit.rows[0]).segment.text == hit.quote
        else:
            assert store.cue(hit.rows[0]).cue.text == hit.quote
    assert len({(h.lane, h.rows) for h in result.hits}) == 7


def test_whole_lanes_are_reported_as_searched(
    store: Store, sentences: SentenceEncoder, images: ImageTextEncoder
) -> None:
    result = search(store, "ferry", sentences=sentences, images=images)
    assert result.searched == dict.fromkeys(("speech", "text", "visual"), "searched")


def test_missing_encoders_are_reported(store: Store) -> None:
    why = "no encoder (weights missing or no vectors in the library)"
    assert search(store, "ferry").searched == {
        "speech": f"searched; by words only: {why}",
        "text": f"searched; by words only: {why}",
        "visual": f"not searched: {why}",
    }


def test_gaps_in_some_videos_are_reported(
    patchy: Store, sentences: SentenceEncoder, images: ImageTextEncoder
) -> None:
    result = search(patchy, "ferry", sentences=sentences, images=images)
    assert result.searched == {
        "speech": "searched; not in 1 of 2 videos: skipped (weights missing)",
        "text": "searched; not in 1 of 2 videos: skipped (weights missing)",
        "visual": "searched; not in 1 of 2 videos: not indexed",
    }


def test_lanes_with_nothing_are_reported(patchy: Store, sentences: SentenceEncoder) -> None:
    result = search(patchy, "ferry", options=SearchOptions(videos=("dark",)), sentences=sentences)
    assert result.hits == []
    assert result.searched == {
        "speech": "no speech indexed: skipped (weights missing)",
        "text": "no on-screen text indexed: skipped (weights missing)",
        "visual": "no pictures indexed: not indexed",
    }


def test_vectors_of_another_model_are_reported(store: Store, sentences: SentenceEncoder) -> None:
    class Renamed:
        identity = "other"
        dimension = sentences.dimension
        embed = staticmethod(sentences.embed)

    options = SearchOptions(lanes=("speech",))
    result = search(store, "ferry", options=options, sentences=Renamed())
    assert result.searched == {
        "speech": "searched; by words only: 2 of 2 videos have no vectors of other"
    }
    assert result.hits[0].sources == ("bm25",)


@pytest.mark.parametrize(
    "options",
    [{"lanes": ("sound",)}, {"limit": 0}],
    ids=["lane", "limit"],
)
def test_wrong_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        SearchOptions(**options)  # type: ignore[arg-type]  # wrong on purpose


def test_unknown_video_is_refused(store: Store) -> None:
    with pytest.raises(UsageError, match="'boat'"):
        search(store, "ferry", options=SearchOptions(videos=("boat",)))


@given(st.text(max_size=60))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_text_can_be_searched(store: Store, sentences: SentenceEncoder, text: str) -> None:
    assert len(search(store, text, sentences=sentences).hits) <= 10
