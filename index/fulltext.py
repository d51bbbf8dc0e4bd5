"""Full text over speech and on-screen text: SQLite FTS5, external content, Porter stems, no
diacritics.

A question is not a query. Stop words go (one of them alone costs a second over a million rows), at
most six words stay, the rarest, and rows with all of them come before rows with some (measured: 28
ms against 2.7 s).
"""

import json
import re
import sqlite3
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from longtake.index.records import TextLane, TextMatch
from longtake.timing import Span

TABLES: Mapping[TextLane, str] = {"speech": "segments", "text": "cues"}
"""Table a lane's text lives in; its index is `<table>_fts`."""

MAX_TERMS = 6
_TOKENIZER = "porter unicode61 remove_diacritics 2"
_MAX_RANGES = 32
_WORD = re.compile(r"[^\W_]+")
_CONTRACTION = re.compile(r"(?<=\w)['\u2019](?:s|t|re|ve|ll|d|m)\b", re.IGNORECASE)
_STOP_WORDS = frozenset(
    """
    a about above after again all also am an and any are aren as at be because been before being
    below between both but by can cannot could couldn did didn do does doesn doing don down during
    each either else ever every few for from further get gets give given go goes going got had hadn
    has hasn have haven having he her here hers herself him himself his how i if in into is isn it
    its itself just know let like ll long made make makes many may me mean means might more most
    much must my myself neither no nor not now of off often on once one only or other our ours out
    over own please quite rather really s said same say says see shall she should shouldn show shown
    shows so some such t take tell tells than that the their theirs them then there these they thing
    things this those though through time to too under until up upon us use used very was wasn way
    we well were weren what when where whether which while who whom whose why will with within won
    would wouldn yes yet you your yours clip moment video
    """.split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FullTextQuery:
    """A question as FTS5 expressions. They are the same when there is only one term."""

    and_expression: str
    """Rows with every term."""
    or_expression: str
    """Rows with any term."""
    terms: tuple[str, ...]
    """The words that were kept, most informative first."""


Frequencies = Callable[[Collection[str]], Mapping[str, int]]
"""Stems -> number of rows that hold each."""


def query_expression(text: str, frequencies: Frequencies | None = None) -> FullTextQuery | None:
    """Turn any text into expressions that FTS5 accepts; None when nothing in it can be searched.

    Args:
        text: a question or keywords as typed; quotes and operators in it have no special meaning.
        frequencies: document frequencies; with them the rarest terms are kept and words that occur
            nowhere are left out (unless all are unknown), else the longest are kept.
    """
    words = _words(text)
    informative = [word for word in words if _folded(word) not in _STOP_WORDS]
    if not informative:
        # "to be or not to be": nothing but stop words is only worth finding as a phrase
        return _phrase(words)
    stems = _stems(informative)
    unique = {stem: word for word, stem in reversed(stems)}
    ranked = list(dict.fromkeys(stem for _, stem in stems))
    if frequencies is None:
        ranked.sort(key=lambda stem: -len(unique[stem]))
    else:
        counts = frequencies({token for stem in ranked for token in stem})
        rarity = {stem: min(counts.get(token, 0) for token in stem) for stem in ranked}
        ranked = [stem for stem in ranked if rarity[stem]] or ranked
        ranked.sort(key=rarity.__getitem__)
    terms = tuple(unique[stem] for stem in ranked[:MAX_TERMS])
    if not terms:
        return None
    quoted = [f'"{term}"' for term in terms]
    return FullTextQuery(
        and_expression=" AND ".join(quoted), or_expression=" OR ".join(quoted), terms=terms
    )


def _phrase(words: Sequence[str]) -> FullTextQuery | None:
    if not _stems(words):
        return None
    expression = f'"{" ".join(words)}"'
    return FullTextQuery(and_expression=expression, or_expression=expression, terms=tuple(words))


def _words(text: str) -> list[str]:
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return _WORD.findall(_CONTRACTION.sub(" ", unicodedata.normalize("NFC", clean)))


def _folded(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def _stems(words: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Each word with the tokens FTS5 makes of it; words it makes nothing of are left out."""
    with closing(sqlite3.connect(":memory:")) as scratch:
        scratch.execute(f"CREATE VIRTUAL TABLE words USING fts5(word, tokenize='{_TOKENIZER}')")
        scratch.execute("CREATE VIRTUAL TABLE tokens USING fts5vocab(words, instance)")
        scratch.executemany("INSERT INTO words(rowid, word) VALUES (?, ?)", list(enumerate(words)))
        tokens: dict[int, list[str]] = {}
        for row, term in scratch.execute('SELECT doc, term FROM tokens ORDER BY doc, "offset"'):
            tokens.setdefault(row, []).append(term)
    return [(words[row], tuple(stem)) for row, stem in sorted(tokens.items())]


def create(connection: Connection) -> None:
    """Make the indexes, and the triggers that follow deletions and changes.

    New rows are added by `add`, a whole block at once: a trigger a row takes three times as long.
    """
    if connection.dialect.name != "sqlite":
        return
    for table in TABLES.values():
        for statement in _definition(table):
            connection.exec_driver_sql(statement)


def _definition(table: str) -> list[str]:
    index = f"{table}_fts"
    add = f"INSERT INTO {index}(rowid, text) VALUES (new.id, new.text);"
    drop = f"INSERT INTO {index}({index}, rowid, text) VALUES ('delete', old.id, old.text);"
    return [
        f"CREATE VIRTUAL TABLE {index} USING fts5(text, content='{table}', content_rowid='id', "
        f"tokenize='{_TOKENIZER}')",
        f"CREATE VIRTUAL TABLE {table}_vocabulary USING fts5vocab({index}, row)",
        f"CREATE TRIGGER {table}_delete AFTER DELETE ON {table} BEGIN {drop} END",
        f"CREATE TRIGGER {table}_update AFTER UPDATE OF id, text ON {table} BEGIN {drop} {add} END",
    ]


def add(connection: Connection, table: str, first_id: int, last_id: int) -> None:
    """Index the new rows of a table with these ids; tables without full text are left alone."""
    if table in TABLES.values() and connection.dialect.name == "sqlite":
        connection.exec_driver_sql(
            f"INSERT INTO {table}_fts(rowid, text) "
            f"SELECT id, text FROM {table} WHERE id BETWEEN ? AND ? ORDER BY id",
            (first_id, last_id),
        )


def rebuild(connection: Connection, lane: TextLane) -> None:
    """Make a lane's index again from its table."""
    index = f"{TABLES[lane]}_fts"
    connection.exec_driver_sql(f"INSERT INTO {index}({index}) VALUES ('rebuild')")


def is_intact(connection: Connection, lane: TextLane) -> bool:
    """Whether a lane's index is well-formed and holds exactly what its table holds."""
    index = f"{TABLES[lane]}_fts"
    try:
        # rank 1 also compares with the external table
        connection.exec_driver_sql(
            f"INSERT INTO {index}({index}, rank) VALUES ('integrity-check', 1)"
        )
    except DatabaseError:
        return False
    return True


def document_frequencies(connection: Connection, lane: TextLane) -> Frequencies:
    """Row counts of stems in one lane."""

    def frequencies(stems: Collection[str]) -> Mapping[str, int]:
        marks = ", ".join("?" * len(stems))
        found = connection.exec_driver_sql(
            f"SELECT term, doc FROM {TABLES[lane]}_vocabulary WHERE term IN ({marks})",
            tuple(stems),
        )
        return {term: count for term, count in found}

    return frequencies


def match(
    connection: Connection,
    expression: str,
    *,
    lane: TextLane,
    videos: Collection[str] | None = None,
    between: Span | None = None,
    limit: int,
) -> list[TextMatch]:
    """The best rows of one lane for an FTS5 expression, best first.

    A video's rows are one range of ids, and FTS5 filters by range before it ranks (measured at a
    million rows: 100 ms where a join filter takes 2.6 s), so a few videos are searched one range at
    a time.
    """
    if videos is None:
        return _match_range(connection, expression, lane, between, limit)
    ranges = _ranges(connection, lane, videos)
    if len(ranges) > _MAX_RANGES:
        whole = (ranges[0][0], ranges[-1][1])
        return _match_range(connection, expression, lane, between, limit, whole, videos)
    found = [
        hit
        for bounds in ranges
        for hit in _match_range(connection, expression, lane, between, limit, bounds)
    ]
    return sorted(found, key=lambda hit: (-hit.score, hit.id))[:limit]


def search(
    connection: Connection,
    text: str,
    *,
    lane: TextLane,
    videos: Collection[str] | None = None,
    between: Span | None = None,
    limit: int,
) -> list[TextMatch]:
    """The best rows of one lane for a question: those with all its terms, then those with some."""
    query = query_expression(text, document_frequencies(connection, lane))
    if query is None:
        return []
    filters: dict[str, Any] = {"lane": lane, "videos": videos, "between": between, "limit": limit}
    found = match(connection, query.and_expression, **filters)
    if len(found) < limit and query.or_expression != query.and_expression:
        seen = {hit.id for hit in found}
        wider = match(connection, query.or_expression, **filters)
        found += [hit for hit in wider if hit.id not in seen]
    return found[:limit]


def _match_range(
    connection: Connection,
    expression: str,
    lane: TextLane,
    between: Span | None,
    limit: int,
    bounds: tuple[int, int] | None = None,
    videos: Collection[str] | None = None,
) -> list[TextMatch]:
    table = TABLES[lane]
    conditions = [f"f.{table}_fts MATCH :expression"]
    values: dict[str, Any] = {"expression": expression, "limit": limit}
    if bounds is not None:
        conditions.append("f.rowid BETWEEN :first AND :last")
        values |= {"first": bounds[0], "last": bounds[1]}
    if videos is not None:
        conditions.append("t.video_id IN (SELECT value FROM json_each(:videos))")
        values["videos"] = json.dumps(sorted(videos))
    if between is not None:
        conditions.append('t."end" > :start AND t.start < :end')
        values |= {"start": between.start, "end": between.end}
    rows = connection.exec_driver_sql(
        'SELECT t.id, t.video_id, t.start, t."end", t.text, t.confidence, f.rank '
        f"FROM {table}_fts AS f CROSS JOIN {table} AS t ON t.id = f.rowid "
        f"WHERE {' AND '.join(conditions)} ORDER BY f.rank LIMIT :limit",
        values,
    )
    return [
        TextMatch(
            lane=lane,
            id=row.id,
            video_id=row.video_id,
            start=row.start,
            end=row.end,
            text=row.text,
            confidence=row.confidence,
            score=-row.rank,
        )
        for row in rows
    ]


def _ranges(
    connection: Connection, lane: TextLane, videos: Collection[str]
) -> list[tuple[int, int]]:
    """The id ranges of these videos, ascending, neighbours joined."""
    rows = connection.exec_driver_sql(
        f"SELECT min(id) AS first, max(id) AS last FROM {TABLES[lane]} "
        "WHERE video_id IN (SELECT value FROM json_each(:videos)) GROUP BY video_id ORDER BY first",
        {"videos": json.dumps(sorted(videos))},
    )
    ranges: list[tuple[int, int]] = []
    for first, last in rows:
        if ranges and ranges[-1][1] + 1 == first:
            ranges[-1] = (ranges[-1][0], last)
        else:
            ranges.append((first, last))
    return ranges
