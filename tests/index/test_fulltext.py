"""Questions become queries that FTS5 accepts and answers, whatever was typed."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.index.fulltext import query_expression
from longtake.index.lanes import Segment, StageName, StageState
from longtake.index.records import StageRecord
from longtake.index.store import Store
from longtake.timing import Span

V0, V1 = f"{0:032x}", f"{1:032x}"


@pytest.fixture(scope="module")
def store(
    tmp_path_factory: pytest.TempPathFactory, fill_library: Callable[..., None]
) -> Iterator[Store]:
    root = tmp_path_factory.mktemp("fulltext") / "library"
    fill_library(root, videos=40)
    with Store.open(root) as store:
        yield store


@pytest.mark.parametrize(
    ("text", "and_expression"),
    [
        (
            "What does the speaker say about gradient descent?",
            '"gradient" AND "speaker" AND "descent"',
        ),
        ("wolves", '"wolves"'),
        ("Foxes, FOXES and a fox's foxes", '"Foxes"'),
        ("don't you're they've it's", '"don you they it"'),
        ('cat" OR dog NEAR(x, 3) * ^ -NOT: {}', '"NEAR" AND "cat" AND "dog" AND "x" AND "3"'),
        ("to be or not to be", '"to be or not to be"'),
        ("one two_three", '"three" AND "two"'),
        ("e\u0301te\u0301", '"\u00e9t\u00e9"'),
    ],
)
def test_expressions(text: str, and_expression: str) -> None:
    query = query_expression(text)
    assert query is not None
    assert query.and_expression == and_expression
    assert query.or_expression == and_expression.replace(" AND ", " OR ")


@pytest.mark.parametrize("text", ["", "   ", "?!.,;", "\0", "\ud800", "'\"()*", "__"])
def test_nothing_to_search_for(text: str) -> None:
    assert query_expression(text) is None


def test_rare_terms_win_and_unknown_ones_are_dropped() -> None:
    counts = {"common": 900, "rare": 2, "middl": 30, "a1": 4, "a2": 5, "a3": 6, "a4": 7, "a5": 950}
    query = query_expression(
        "common unheard a5 rare middle a1 a2 a3 a4",
        lambda stems: {stem: counts[stem] for stem in stems if stem in counts},
    )
    assert query is not None
    assert query.terms == ("rare", "a1", "a2", "a3", "a4", "middle")


def test_words_that_occur_nowhere_are_kept_when_there_is_nothing_else() -> None:
    query = query_expression("xylophone zither", lambda stems: {})
    assert query is not None
    assert query.terms == ("xylophone", "zither")


@given(st.text(max_size=200))
def test_any_text_is_a_valid_query(text: str) -> None:
    query = query_expression(text)
    if query is None:
        return
    table = sqlite3.connect(":memory:")
    table.execute("CREATE VIRTUAL TABLE t USING fts5(text, tokenize='porter unicode61')")
    for expression in (query.and_expression, query.or_expression):
        table.execute("SELECT * FROM t WHERE t MATCH ?", (expression,)).fetchall()
    table.close()
    assert len(query.terms) >= 1


@given(
    st.text(max_size=60) | st.sampled_from(['"', "wolves AND", "NEAR(", "-", "*", "text:wolves"])
)
def test_any_text_searches_a_library(store: Store, text: str) -> None:
    for hit in store.search_text(text, lanes=["speech", "text"], limit=3):
        assert hit.score > 0


def found(store: Store, text: str, **options: object) -> list[tuple[str, float]]:
    defaults: dict[str, object] = {"lanes": ["speech"], "limit": 100}
    hits = store.search_text(text, **{**defaults, **options})  # type: ignore[arg-type]  # mixed options
    return [(hit.video_id, hit.start) for hit in hits]


def test_stems_and_diacritics(store: Store) -> None:
    assert found(store, "How many a mile was that?", limit=1) == [(V0, 1.0)]
    assert len(found(store, "MILE")) == 40
    assert found(store, "CAFE", videos=[V1]) == [(V1, 13.0)]
    assert found(store, "caf\u00e9", videos=[V1]) == [(V1, 13.0)]


def test_rows_with_all_terms_come_before_rows_with_some(store: Store) -> None:
    hits = found(store, "17 miles of wolves and a cafe", limit=100)
    assert hits[0] == (f"{17:032x}", 1.0)
    assert len(hits) == 80
    assert found(store, "wolves ran 17 miles", limit=1) == [(f"{17:032x}", 1.0)]


def test_filters(store: Store) -> None:
    both = [(V0, 1.0), (V0, 13.0), (V1, 1.0), (V1, 13.0)]
    assert found(store, "wolves slept", videos=[V0, V1]) == both
    assert found(store, "wolves slept", videos=[V0], between=Span(2.9, 13)) == [(V0, 1.0)]
    assert found(store, "wolves slept", videos=[V0], between=Span(3, 13)) == []
    assert len(found(store, "wolves slept", between=Span(0, 5))) == 40
    assert found(store, "wolves", videos=[]) == []
    assert found(store, "wolves", videos=["no such id"]) == []
    assert found(store, "wolves", lanes=["text"]) == []
    assert found(store, "gradient", lanes=["text"], videos=[V1]) == [(V1, 2.0)]


def test_many_scattered_videos_are_filtered_exactly(tmp_path: Path, store: Store) -> None:
    wanted = [f"{number:032x}" for number in range(40) if number % 3]
    assert sorted(video for video, _ in found(store, "wolves", videos=wanted)) == wanted
    few = [f"{number:032x}" for number in range(0, 40, 2)]
    assert sorted(video for video, _ in found(store, "wolves", videos=few)) == few


def test_match_text_takes_a_ready_expression(store: Store) -> None:
    hits = store.match_text('"wolves" NOT "17"', lanes=["speech"], limit=100)
    assert len(hits) == 39
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert hits[0].text.startswith("The wolves ran")
    assert (hits[0].lane, hits[0].end, hits[0].confidence) == ("speech", 3.0, 0.9)


def test_index_follows_replaced_and_removed_rows(
    tmp_path: Path, fill_library: Callable[..., None]
) -> None:
    fill_library(tmp_path / "library")
    with Store.open(tmp_path / "library", write=True) as store:
        stage = StageRecord(
            video_id=V0,
            name=StageName.SPEECH,
            state=StageState.DONE,
            engine="e",
            model="m",
            version="1",
            parameters="p",
            started_at=1,
            finished_at=2,
            stats={},
        )
        store.commit(stage, segments=[Segment(start=0, end=1, text="Foxes", confidence=1.0)])
        assert found(store, "wolves") == [(V1, 1.0)]
        assert found(store, "fox") == [(V0, 0.0)]
        store.remove(V1)
        assert found(store, "wolves") == []
