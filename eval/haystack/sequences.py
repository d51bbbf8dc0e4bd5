"""Questions about many things or about time: C1, O1, G1, D1, R1 and S1."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise, permutations

import numpy as np

from longtake.eval.haystack.acts import Cabinet, Pass, Put
from longtake.eval.haystack.drafts import (
    OPTIONS,
    Draft,
    drawn,
    drawn_names,
    once,
    others,
    proof,
    proof_of_stay,
    same_video,
)
from longtake.eval.haystack.events import Event, Pool, Stay
from longtake.eval.haystack.needles import single_puts
from longtake.eval.haystack.wording import Wording, who, with_article
from longtake.timing import Span, format_time

MOST_COUNTED = 12
MOST_STRETCHES = 4
ORDERED = 4
LEAD = 1.15
"""The longest stay is at least this much longer than the next."""
FRESH_S = 0.3


def _passes(pool: Pool) -> dict[tuple[str, str], list[Event]]:
    """By video and coloured vehicle."""
    found: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in pool.of(Pass):
        found[event.video, str(event.what)].append(event)
    return found


def c1(pool: Pool, rng: np.random.Generator, words: Wording) -> Iterator[Draft]:
    """How often a vehicle passes."""
    if pool.config.counts == "occurring":
        yield from _counts_occurring(pool, rng, words)
    else:
        yield from _counts_around(pool, rng, words)


def _counts_around(pool: Pool, rng: np.random.Generator, words: Wording) -> Iterator[Draft]:
    """Options are the counts next to it."""
    every = [events for events in _passes(pool).values() if len(events) <= MOST_COUNTED]
    every.sort(key=lambda events: (-min(len(events), 2), events[0].video, str(events[0].what)))
    several = sum(len(events) > 1 for events in every)
    order = [*rng.permutation(several), *(several + rng.permutation(len(every) - several))]
    for i in order:
        count = len(every[i])
        lowest = max(0, count - int(rng.integers(OPTIONS)))
        yield _count(pool, words, every[i], range(lowest, lowest + OPTIONS))


def _counts_occurring(pool: Pool, rng: np.random.Generator, words: Wording) -> Iterator[Draft]:
    """Five counts that occur in a video are drawn, then which of them is right: who does not see
    the video learns nothing from them. A video with fewer gives only open questions."""
    by_video: dict[str, dict[int, list[list[Event]]]] = {name: {} for name in pool.videos()}
    for (video, _), events in _passes(pool).items():
        if len(events) <= MOST_COUNTED:
            by_video[video].setdefault(len(events), []).append(events)
    for few in (False, True):
        least = 1 if few else OPTIONS
        while turn := [held for held in by_video.values() if len(held) >= least]:
            for i in rng.permutation(len(turn)):
                held, counts = turn[i], sorted(turn[i])
                options = [counts[n] for n in rng.permutation(len(counts))[:OPTIONS]]
                several = held[options[0]]
                events = several.pop(int(rng.integers(len(several))))
                if not several:
                    del held[options[0]]
                yield _count(pool, words, events, () if few else options)


def _count(pool: Pool, words: Wording, events: list[Event], options: Iterable[int]) -> Draft:
    count, what = len(events), str(events[0].what)
    return Draft(
        family="C1",
        videos=(events[0].video,),
        asked=words.ask("count", what=with_article(what)),
        kind="number",
        answer=float(count),
        right=str(count),
        wrong=tuple(str(n) for n in options if n != count),
        sets=(tuple(proof(event) for event in events),),
        decoys=tuple(e for e in pool.of(Pass, events[0].video) if e not in events),
        axes={"count": str(count)},
    )


def o1(pool: Pool, rng: np.random.Generator, words: Wording) -> Iterator[Draft]:
    """In which order four things happen: things that are put on a shelf once in the video, or
    actors who are there once."""
    for video in drawn_names(rng, pool.videos()):
        puts = pool.of(Put, video)
        named = {
            id(e): f"{with_article(str(e.what.thing))} is put on a shelf"
            for e in once(puts, "thing")
            if isinstance(e.what, Put)
        }
        for event in single_puts(pool):
            if event.video == video and isinstance(event.what, Put):
                named.setdefault(id(event), f"the actor with {who(event.what.actor)} is there")
        events = drawn(rng, [event for event in puts if id(event) in named])
        for at in range(0, len(events) - ORDERED + 1, ORDERED):
            chosen = events[at : at + ORDERED]
            names = tuple(named[id(event)] for event in chosen)
            by_time = sorted(range(ORDERED), key=lambda i: chosen[i].span)
            right = _said(by_time)
            wrong = [_said(order) for order in permutations(range(ORDERED))]
            yield Draft(
                family="O1",
                videos=(video,),
                asked=words.ask("order"),
                kind="order",
                answer=tuple(chr(ord("A") + i) for i in by_time),
                right=right,
                wrong=others(rng, right, wrong),
                listed=names,
                sets=(tuple(proof(event) for event in chosen),),
                decoys=tuple(e for e in pool.of(Put, video) if e not in chosen),
            )


def _said(order: "list[int] | tuple[int, ...]") -> str:
    return ", ".join(str(i + 1) for i in order)


def g1(pool: Pool, rng: np.random.Generator, words: Wording) -> Iterator[Draft]:
    """When somebody is there, and all the times at which something passes, in turn."""
    single = _one_stretch(pool, rng, words)
    several = _more_stretches(pool, rng, words)
    while True:
        found = [draft for draft in (next(single, None), next(several, None)) if draft]
        if not found:
            return
        yield from found


def _one_stretch(pool: Pool, rng: np.random.Generator, words: Wording) -> Iterator[Draft]:
    for event in drawn(rng, single_puts(pool)):
        assert isinstance(event.what, Put)
        around = same_video(pool, event, Put)
        right = _clock(event.span)
        yield Draft(
            family="G1",
            videos=(event.video,),
            asked=words.ask("when", who=who(event.what.actor)),
            kind="spans",
            answer=(event.span,),
            right=right,
            wrong=others(rng, right, (_clock(e.span) for e in around)),
            sets=((proof(event),),),
            needle=event,
            decoys=around,
            axes={"windows": "1"},
        )


def _more_stretches(pool: Pool, rng: np.random.Generator, words: Wording) -> Iterator[Draft]:
    every = [e for e in _passes(pool).values() if 2 <= len(e) <= MOST_STRETCHES]
    for i in rng.permutation(len(every)):
        events = every[i]
        yield Draft(
            family="G1",
            videos=(events[0].video,),
            asked=words.ask("passes", what=with_article(str(events[0].what))),
            kind="spans",
            answer=tuple(event.span for event in events),
            sets=(tuple(proof(event) for event in events),),
            decoys=tuple(e for e in pool.of(Pass, events[0].video) if e not in events),
            axes={"windows": str(len(events))},
        )


def _clock(span: Span) -> str:
    return f"{format_time(span.start)} to {format_time(span.end)}"


def d1(pool: Pool, rng: np.random.Generator, words: Wording) -> Iterator[Draft]:
    """What is gone from a cabinet between its first two views."""
    views: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in pool.of(Cabinet):
        views[event.video, str(event.room)].append(event)
    pairs = [shown[:2] for shown in views.values() if len(shown) >= 2]
    for i in rng.permutation(len(pairs)):
        before, after = pairs[i]
        gone = _things(before) - _things(after)
        if len(gone) != 1 or _things(after) - _things(before):
            continue
        name = gone.pop()
        yield Draft(
            family="D1",
            videos=(before.video,),
            asked=words.ask("gone", room=before.room),
            kind="text",
            answer=name,
            right=name,
            wrong=others(rng, name, _things(after)),
            sets=((proof(before), proof(after)),),
            decoys=tuple(e for e in pool.of(Cabinet, before.video) if e not in (before, after)),
            hops=2,
        )


def _things(event: Event) -> set[str]:
    assert isinstance(event.what, Cabinet)
    return {str(thing) for thing in event.what.things if thing is not None}


def r1(pool: Pool, rng: np.random.Generator, words: Wording) -> Iterator[Draft]:
    """Which room is on screen longest: a question for which there is no needle."""
    for video in drawn_names(rng, pool.videos()):
        stays: dict[str, list[Stay]] = defaultdict(list)
        for stay in pool.stays:
            if stay.video == video:
                stays[stay.room].append(stay)
        seconds = {room: sum(s.span.duration for s in held) for room, held in stays.items()}
        ranked = sorted(seconds, key=lambda room: -seconds[room])
        if len(ranked) < 2 or seconds[ranked[0]] < LEAD * seconds[ranked[1]]:
            continue
        yield Draft(
            family="R1",
            videos=(video,),
            asked=words.ask("longest"),
            kind="text",
            answer=ranked[0],
            right=ranked[0],
            wrong=others(rng, ranked[0], {s.room for s in pool.stays}, ranked),
            accepted=(f"room {ranked[0]}",),
            sets=(tuple(proof_of_stay(stay, "context") for stay in stays[ranked[0]]),),
            axes={"rooms": str(len(ranked))},
        )


def s1(pool: Pool, rng: np.random.Generator, words: Wording) -> Iterator[Draft]:
    """What came last, of a video that may be seen only up to some second."""
    pairs = [
        (before, after)
        for before, after in pairwise(pool.of(Put))
        if before.video == after.video and after.span.start - before.span.end > 2 * FRESH_S
    ]
    for i in rng.permutation(len(pairs)):
        before, after = pairs[i]
        assert isinstance(before.what, Put)
        latest = before.span.end + FRESH_S
        seen = [e for e in pool.of(Put, before.video) if e.span.end < latest and e is not before]
        thing = str(before.what.thing)
        names = [str(e.what.thing) for e in seen if isinstance(e.what, Put)]
        yield Draft(
            family="S1",
            videos=(before.video,),
            asked=words.ask("latest"),
            kind="text",
            answer=thing,
            right=thing,
            wrong=others(rng, thing, names, names[-2:]),
            sets=((proof(before),),),
            needle=before,
            decoys=tuple(seen),
            visible_until_s=round(float(rng.uniform(latest, after.span.start - 0.1)), 3),
        )
