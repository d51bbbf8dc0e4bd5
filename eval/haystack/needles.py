"""Questions about one thing: N1 to N4 of benchmarks.md 4.3, and their twins U1."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from longtake.eval.haystack.acts import Line, Put, Row
from longtake.eval.haystack.drafts import Draft, drawn, others, proof, same_video, text_axes
from longtake.eval.haystack.events import Event, Pool
from longtake.eval.haystack.wording import Asked, Wording, who

READABLE_PX = 16
"""From this height on a row is N3, below it N4."""
NEAREST = 4


def unanswerable(draft: Draft, asked: Asked, nearest: tuple[Event, ...]) -> Draft:
    """The twin U1: the same question and options, with one part changed so that nothing answers
    it; what proves it is what comes nearest."""
    return Draft(
        family="U1",
        videos=draft.videos,
        asked=asked,
        kind=draft.kind,
        answer=None,
        right=draft.right,
        wrong=draft.wrong,
        sets=(tuple(proof(event, "negation") for event in nearest),),
        needle=draft.needle,
        decoys=draft.decoys,
        axes={**draft.axes, "twin_of": draft.family},
    )


def single_puts(pool: Pool) -> list[Event]:
    """Acts of actors that are seen once in the world."""
    puts = pool.of(Put)
    seen = Counter(put.what.actor for put in puts if isinstance(put.what, Put))
    return [put for put in puts if isinstance(put.what, Put) and seen[put.what.actor] == 1]


def n1(pool: Pool, rng: np.random.Generator, words: Wording) -> Iterator[Draft]:
    """Who put what: actors that are seen once, among near misses."""
    for event in drawn(rng, single_puts(pool)):
        assert isinstance(event.what, Put)
        actor, thing = event.what.actor, str(event.what.thing)
        around = same_video(pool, event, Put)
        put_there = {
            str(e.what.thing): e.what.actor.differs(actor)
            for e in around
            if isinstance(e.what, Put)
        }
        near = sorted(put_there, key=lambda name: (put_there[name], name))
        draft = Draft(
            family="N1",
            videos=(event.video,),
            asked=words.ask("put", who=who(actor)),
            kind="text",
            answer=thing,
            right=thing,
            wrong=others(rng, thing, put_there, near[:2]),
            sets=((proof(event),),),
            needle=event,
            decoys=around,
        )
        missing = sorted((a for a in pool.world.absent_actors if a.differs(actor) == 1), key=who)
        if missing:
            other = missing[int(rng.integers(len(missing)))]
            nearest = tuple(
                e for e in (event, *around)
                if isinstance(e.what, Put) and e.what.actor.differs(other) == 1
            )  # fmt: skip
            asked = words.again(draft.asked, who(actor), who(other))
            yield replace(draft, twin=unanswerable(draft, asked, nearest[:NEAREST]))
        else:
            yield draft


def n2(pool: Pool, rng: np.random.Generator, words: Wording) -> Iterator[Draft]:
    """What was said of a flight or of somebody."""
    for event in drawn(rng, pool.of(Line)):
        line = event.what
        assert isinstance(line, Line)
        if line.kind not in ("flight", "moved"):
            continue
        around = tuple(
            e for e in same_video(pool, event, Line)
            if isinstance(e.what, Line) and e.what.kind == line.kind
        )  # fmt: skip
        flight = line.kind == "flight"
        if flight:
            asked = words.ask("gate", code=line.subject)
        else:
            asked = words.ask("moved", name=line.subject)
        values = [e.what.value for e in around if isinstance(e.what, Line)]
        draft = Draft(
            family="N2",
            videos=(event.video,),
            asked=asked,
            kind="number" if flight else "text",
            answer=float(line.value) if flight else line.value,
            right=line.value,
            wrong=others(rng, line.value, values),
            accepted=() if flight else (f"room {line.value}",),
            sets=((proof(event),),),
            needle=event,
            decoys=around,
            axes={"snr_db": f"{line.snr_db:g}", "asr": pool.asr},
        )
        if flight:
            twin = words.again(asked, line.subject, pool.world.absent_codes[line.subject])
            yield replace(draft, twin=unanswerable(draft, twin, (event,)))
        else:
            yield draft


def n3(pool: Pool, rng: np.random.Generator, words: Wording) -> Iterator[Draft]:
    """What stands on a board, in capitals that anybody reads."""
    return _rows(pool, rng, words, "N3")


def n4(pool: Pool, rng: np.random.Generator, words: Wording) -> Iterator[Draft]:
    """What stands on a board, in capitals that may be too small."""
    return _rows(pool, rng, words, "N4")


def _rows(pool: Pool, rng: np.random.Generator, words: Wording, family: str) -> Iterator[Draft]:
    for event in drawn(rng, pool.of(Row)):
        row = event.what
        assert isinstance(row, Row)
        if row.word == "ROOM" or (row.px >= READABLE_PX) != (family == "N3"):
            continue
        around = same_video(pool, event, Row)
        numbers = [e for e in around if isinstance(e.what, Row) and e.what.word != "ROOM"]
        values = [e.what.value for e in numbers if isinstance(e.what, Row)]
        beside = [e.what.value for e in numbers if e.span == event.span and isinstance(e.what, Row)]
        asked = words.ask("row", code=row.code, word=row.word.lower())
        draft = Draft(
            family=family,
            videos=(event.video,),
            asked=asked,
            kind="number",
            answer=float(row.value),
            right=row.value,
            wrong=others(rng, row.value, values, beside),
            sets=((proof(event),),),
            needle=event,
            decoys=around,
            axes=text_axes(row),
        )
        twin = words.again(asked, row.code, pool.world.absent_codes[row.code])
        yield replace(draft, twin=unanswerable(draft, twin, (event,)))
