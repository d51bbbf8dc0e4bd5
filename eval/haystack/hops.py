"""Questions that need several things: M1, M2 with U2, and over several videos X1 and X2."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np

from longtake.eval.haystack.acts import Line, Put, Row
from longtake.eval.haystack.drafts import (
    Draft,
    drawn,
    drawn_names,
    others,
    proof,
    proof_of_stay,
    same_video,
    text_axes,
)
from longtake.eval.haystack.events import Event, Pool, Stay
from longtake.eval.haystack.wording import NTH, Wording, who


def m1(pool: Pool, rng: np.random.Generator, words: Wording) -> Iterator[Draft]:
    """A name's code is said, the code's room is on a board, the room has a picture."""
    rows = {
        (event.video, event.what.code): event
        for event in pool.of(Row)
        if isinstance(event.what, Row) and event.what.word == "ROOM"
    }
    pictures = {room.name: " ".join(room.picture) for room in pool.world.rooms}
    for said in drawn(rng, pool.of(Line)):
        line = said.what
        assert isinstance(line, Line)
        row = rows.get((said.video, line.value))
        if line.kind != "code" or row is None:
            continue
        assert isinstance(row.what, Row)
        room = row.what.value
        stays = [s for s in pool.stays if s.video == said.video and s.room == room]
        if not stays:
            continue
        shown = drawn_names(rng, {pictures[s.room] for s in pool.stays if s.video == said.video})
        bridge = (proof(said, "bridge"), proof(row, "bridge"))
        yield Draft(
            family="M1",
            videos=(said.video,),
            asked=words.ask("chain", name=line.subject),
            kind="text",
            answer=pictures[room],
            right=pictures[room],
            wrong=others(rng, pictures[room], (pictures[s.room] for s in pool.stays), shown),
            sets=tuple((*bridge, proof_of_stay(stay)) for stay in stays),
            decoys=(*same_video(pool, row, Row), *same_video(pool, said, Line)),
            hops=3,
            axes={"asr": pool.asr, **text_axes(row.what), "snr_db": f"{line.snr_db:g}"},
        )


def _during(pool: Pool, event: Event) -> Stay | None:
    """The scene in a room that lasts all through an event."""
    for stay in pool.stays:
        if (
            stay.video == event.video
            and stay.span.start <= event.span.start
            and event.span.end <= stay.span.end
        ):
            return stay
    return None


def m2(pool: Pool, rng: np.random.Generator, words: Wording) -> Iterator[Draft]:
    """Where an alarm was heard for the n-th time; its twin U2 asks for one time more."""
    heard: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in pool.of(Line):
        if isinstance(event.what, Line) and event.what.kind == "alarm":
            heard[event.video, event.what.subject].append(event)
    places = [
        (key, n) for key, events in heard.items() for n in range(min(len(events), len(NTH) - 1))
    ]
    order = [places[i] for i in rng.permutation(len(places))]
    order.sort(key=lambda place: len(heard[place[0]]) >= len(NTH))  # with a twin first
    for (video, alarm), n in order:
        events = heard[video, alarm]
        stay = _during(pool, events[n])
        if stay is None:
            continue
        asked = words.ask("alarm", alarm=alarm, nth=NTH[n])
        rooms = drawn_names(rng, {s.room for s in pool.stays if s.video == video})
        draft = Draft(
            family="M2",
            videos=(video,),
            asked=asked,
            kind="text",
            answer=stay.room,
            right=stay.room,
            wrong=others(rng, stay.room, {s.room for s in pool.stays}, rooms),
            accepted=(f"room {stay.room}",),
            sets=((proof(events[n], "bridge"), proof_of_stay(stay)),),
            decoys=same_video(pool, events[n], Line),
            hops=2,
            axes={"asr": pool.asr, "nth": str(n + 1)},
        )
        if len(events) < len(NTH):
            twin = replace(
                draft,
                family="U2",
                asked=words.again(asked, NTH[n], NTH[len(events)]),
                answer=None,
                sets=(tuple(proof(event, "negation") for event in events),),
                axes={"asr": pool.asr, "nth": str(len(events) + 1), "twin_of": "M2"},
            )
            draft = replace(draft, twin=twin)
        yield draft


def x1(pool: Pool, rng: np.random.Generator, words: Wording) -> Iterator[Draft]:
    """On which day a code is on a board; days are in every frame's corner."""
    days = {day.video: day.number for day in pool.world.days}
    if len(days) < 2:
        return
    for event in drawn(rng, pool.of(Row)):
        assert isinstance(event.what, Row)
        right = f"Day {event.day}"
        yield Draft(
            family="X1",
            videos=tuple(pool.videos()),
            asked=words.ask("day", code=event.what.code),
            kind="text",
            answer=right,
            right=right,
            wrong=others(rng, right, (f"Day {number}" for number in days.values())),
            accepted=(str(event.day),),
            sets=((proof(event),),),
            needle=event,
            decoys=tuple(e for e in pool.of(Row) if e is not event),
            axes=text_axes(event.what),
        )


def x2(pool: Pool, rng: np.random.Generator, words: Wording) -> Iterator[Draft]:
    """On which two days the same visitor is seen."""
    visits: dict[object, list[Event]] = defaultdict(list)
    for event in pool.of(Put):
        assert isinstance(event.what, Put)
        visits[event.what.actor].append(event)
    pairs = [held for held in visits.values() if len(held) == 2 and held[0].day != held[1].day]
    numbers = [day.number for day in pool.world.days]
    every = [_two(a, b) for a, b in combinations(numbers, 2)]
    for i in rng.permutation(len(pairs)):
        one, other = sorted(pairs[i], key=lambda event: event.day)
        assert isinstance(one.what, Put)
        right = _two(one.day, other.day)
        yield Draft(
            family="X2",
            videos=tuple(pool.videos()),
            asked=words.ask("visitor", who=who(one.what.actor), first=numbers[0], last=numbers[-1]),
            kind="text",
            answer=right,
            right=right,
            wrong=others(rng, right, every),
            accepted=(
                f"Day {other.day} and Day {one.day}",
                f"Days {one.day} and {other.day}",
                f"{one.day} and {other.day}",
                f"{one.day}, {other.day}",
            ),
            sets=((proof(one), proof(other)),),
            decoys=tuple(e for e in pool.of(Put) if e not in (one, other)),
            hops=2,
        )


def _two(one: int, other: int) -> str:
    return f"Day {one} and Day {other}"
