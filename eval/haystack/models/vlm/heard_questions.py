"""Questions about what is said and written in a strip, family by family."""

import numpy as np

from longtake.eval.haystack.acts import Line, LineKind
from longtake.eval.haystack.models.facts import WORDS
from longtake.eval.haystack.models.vlm import names
from longtake.eval.haystack.models.vlm.names import Name, pick
from longtake.eval.haystack.models.vlm.questions import Ask, Lesson, others, put_into_words
from longtake.eval.haystack.models.vlm.strips import Heard, Strip
from longtake.eval.haystack.vocabulary import ALARMS
from longtake.eval.haystack.wording import NTH

APART_S = 3
"""Seconds between an alarm's middle and the nearest frame, at most, for its room to be known."""


def _said(strip: Strip, kind: LineKind) -> list[tuple[Heard, Line]]:
    return [(h, h.line) for h in strip.heard if h.line is not None and h.line.kind == kind]


def _written(strip: Strip) -> list[tuple[Heard, str, str, str]]:
    """Rows of boards: where, code, word and value."""
    found = []
    for heard in strip.heard:
        words = heard.text.split()
        if heard.kind == "on screen" and len(words) == 3:
            found.append((heard, words[0], words[1], words[2]))
    return found


def gate(rng: np.random.Generator, strip: Strip) -> Lesson | None:
    """At which gate a flight boards; one that is not called, mostly one place off one that is."""
    said = _said(strip, "flight")
    if said and rng.random() < 0.75:
        return _told(rng, said, "gate", ("gate", "code"), names.gate_number)
    near = [line.subject for _, line in said]
    subject = names.code(rng, "AA999")
    if near and rng.random() < 0.6:
        subject = names.one_off(rng, pick(rng, near))
    if subject in near:
        return None
    return Lesson(
        asked=put_into_words(rng, "gate", code=subject), family="gate", answer=None,
        wrong=others(rng, "", [line.value for _, line in said], names.gate_number),
    )  # fmt: skip


def moved(rng: np.random.Generator, strip: Strip) -> Lesson | None:
    """To which room somebody has moved."""
    said = _said(strip, "moved")
    return _told(rng, said, "moved", ("room", "name"), names.room_name) if said else None


def _told(
    rng: np.random.Generator,
    said: list[tuple[Heard, Line]],
    family: str,
    words: tuple[str, str],
    make: Name,
) -> Lesson:
    """A question about one of these lines.

    Args:
        words: what its value is called, and the place of its subject in questions.
    """
    heard, line = said[int(rng.integers(len(said)))]
    noun, place = words
    return Lesson(
        asked=put_into_words(rng, family, **{place: line.subject}), family=family,
        answer=line.value, claim=f"The {noun} is {line.value}.", spans=((heard.start, heard.end),),
        wrong=others(rng, line.value, [line.value for _, line in said], make),
    )  # fmt: skip


def row(rng: np.random.Generator, strip: Strip) -> Lesson | None:
    """A number on a board, from a line of on-screen text."""
    rows = [found for found in _written(strip) if found[2] != "ROOM"]
    values = [value for *_, value in rows]
    word = pick(rng, WORDS.numbers)
    if rows and rng.random() < 0.7:
        heard, own, word, value = rows[int(rng.integers(len(rows)))]
        return Lesson(
            asked=put_into_words(rng, "row", code=own, word=word.lower()), family="row",
            answer=value, claim=f"The {word.lower()} is {value}.",
            spans=((heard.start, heard.end),), wrong=others(rng, value, values, names.board_number),
        )  # fmt: skip
    own = names.code(rng)
    if rows and rng.random() < 0.6:
        own = names.one_off(rng, rows[int(rng.integers(len(rows)))][1])
    if own in {code for _, code, _, _ in rows}:
        return None
    return Lesson(
        asked=put_into_words(rng, "row", code=own, word=word.lower()), family="row", answer=None,
        wrong=others(rng, "", values, names.board_number),
    )  # fmt: skip


def day(rng: np.random.Generator, strip: Strip) -> Lesson | None:
    """The day of a code, both in lines of on-screen text."""
    stamps = [h for h in strip.heard if h.text.startswith("DAY ")]
    rows = _written(strip)
    there = bool(rows and stamps and rng.random() < 0.7)
    own = rows[int(rng.integers(len(rows)))][1] if there else names.code(rng)
    if not there and any(own in heard.text for heard, *_ in rows):
        return None
    asked = put_into_words(rng, "day", code=own)
    if not there:
        return Lesson(asked=asked, family="day", answer=None)
    heard = next(heard for heard, *_ in rows if own in heard.text)
    name = stamps[0].text.capitalize()
    return Lesson(
        asked=asked, family="day", answer=name, claim=f"It is {name}.",
        spans=((heard.start, heard.end),), wrong=others(rng, name, (), names.day_name),
    )  # fmt: skip


def alarm(rng: np.random.Generator, strip: Strip) -> Lesson | None:
    """The room that is shown when an alarm is heard."""
    said = _said(strip, "alarm")
    if said and rng.random() < 0.75:
        return _sounding(rng, strip, said)
    known = {line.subject for _, line in said}
    name = pick(rng, [a for a in ALARMS if a not in known] or ALARMS)
    if name in known:
        return None
    asked = put_into_words(rng, "alarm", alarm=name, nth=NTH[int(rng.integers(3))])
    return Lesson(asked=asked, family="alarm", answer=None)


def _sounding(
    rng: np.random.Generator, strip: Strip, said: list[tuple[Heard, Line]]
) -> Lesson | None:
    heard, line = said[int(rng.integers(len(said)))]
    nth = [h for h, other in said if other.subject == line.subject].index(heard)
    if not strip.times:
        return None
    middle = (heard.start + heard.end) / 2
    at = int(np.argmin([abs(t - middle) for t in strip.times]))
    room = strip.frames[at].room
    if room is None or abs(strip.times[at] - middle) > APART_S or not strip.tells(room.name):
        return None
    return Lesson(
        asked=put_into_words(rng, "alarm", alarm=line.subject, nth=NTH[nth]), family="alarm",
        answer=room.name, claim=f"The room is {room.name}.", spans=((heard.start, heard.end),),
        wrong=others(rng, room.name, [r for r in strip.rooms if r], names.room_name),
    )  # fmt: skip


def chain(rng: np.random.Generator, strip: Strip) -> Lesson | None:
    """The picture in the room that a board gives for somebody's code: the code said, its room
    written, the room's picture in a frame."""
    said = _said(strip, "code")
    if not said:
        return None
    rooms = {own: value for _, own, word, value in _written(strip) if word == "ROOM"}
    known = [(heard, line) for heard, line in said if line.value in rooms]
    heard, line = (known or said)[int(rng.integers(len(known or said)))]
    room = rooms.get(line.value)
    shown = [
        (time, frame.room.name, " ".join(frame.room.picture))
        for time, frame in zip(strip.times, strip.frames, strict=True)
        if frame.room and frame.picture
    ]
    hanging = [(at, picture) for at, name, picture in shown if name == room and strip.tells(name)]
    asked = put_into_words(rng, "chain", name=line.subject)
    pictures = [picture for _, _, picture in shown]
    if not hanging:
        wrong = others(rng, "", pictures, names.picture_name)
        return Lesson(asked=asked, family="chain", answer=None, wrong=wrong)
    time, picture = hanging[0]
    return Lesson(
        asked=asked, family="chain", answer=picture, claim=f"Room {room} has a {picture}.",
        spans=((heard.start, heard.end), (time, time)),
        wrong=others(rng, picture, pictures, names.picture_name),
    )  # fmt: skip


FROM_LINES: dict[str, tuple[Ask, float]] = {
    "gate": (gate, 2.0),
    "moved": (moved, 1.0),
    "row": (row, 3.0),
    "day": (day, 1.0),
    "alarm": (alarm, 1.5),
    "chain": (chain, 1.0),
}
"""With how often each is asked."""
