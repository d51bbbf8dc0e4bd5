"""Requests without frames, as the agent sends them, and the replies to learn: the last answer from
evidence, the plan, and the next step."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from longtake.agent.requests import Quote, answer_request, plan_request, reflect_request
from longtake.eval.haystack.models.facts import WORDS
from longtake.eval.haystack.models.vlm import names
from longtake.eval.haystack.models.vlm.heard_questions import FROM_LINES
from longtake.eval.haystack.models.vlm.lessons import Sample, best_first
from longtake.eval.haystack.models.vlm.names import Name, pick
from longtake.eval.haystack.models.vlm.questions import (
    WRONG,
    Lesson,
    clocks,
    put_into_words,
    stretches,
)
from longtake.eval.haystack.models.vlm.replies import answer_reply, options_of
from longtake.eval.haystack.models.vlm.seen_questions import other_numbers
from longtake.eval.haystack.models.vlm.strips import Heard, Strip, invented
from longtake.eval.haystack.script import all_names
from longtake.eval.haystack.vocabulary import ALARMS
from longtake.eval.haystack.wording import NTH, who, with_article


class Known(NamedTuple):
    """A question and what is known when it is answered."""

    lesson: Lesson
    evidence: Sequence[Heard]
    """What looks claimed, and what else was found."""
    lines: Sequence[Heard]
    """Said and written, behind the evidence."""
    cited: Sequence[Heard]
    """What of both proves the answer."""


def answer(rng: np.random.Generator) -> Sample:
    """The agent's last call: evidence and the question."""
    lines = invented(rng, int(rng.choice((0, 0, 1, 2, 4, 8))))
    kind = pick(rng, ("put", "put", "room", "time", "count", "lines", "lines", "chain"))
    match kind:
        case "put":
            known = _known_claim(rng, pick(rng, ("put", "gone", "latest")), lines)
        case "room":
            known = _known_claim(rng, pick(rng, ("alarm", "longest")), lines)
        case "time":
            known = _known_times(rng, pick(rng, ("when", "passes")), lines)
        case "count":
            known = _known_times(rng, "count", lines)
        case "chain":
            known = _known_chain(rng, lines)
        case _:
            known = _known_lines(rng, lines)
    return _answered(rng, known)


def _known_claim(rng: np.random.Generator, family: str, lines: Sequence[Heard]) -> Known:
    """A thing or a room that a look claims, sometimes again or against another; or nothing."""
    claim, right, wrong = random_claim(rng, family)
    there = bool(rng.random() < 0.75)
    asked = random_question(rng, family)
    evidence: list[Heard] = []
    if there:
        evidence = [moment(rng, claim)]
        evidence += [moment(rng, claim) for _ in range(int(rng.choice((0, 0, 1, 2))))]
        if rng.random() < 0.3:
            evidence.append(moment(rng, random_claim(rng, family)[0]))
    lesson = Lesson(asked=asked, family=family, answer=right if there else None, wrong=wrong)
    return Known(lesson, evidence, lines, evidence[:1])


def random_claim(rng: np.random.Generator, family: str) -> tuple[str, str, tuple[str, ...]]:
    """A claim as looks make it, the answer in it, and wrong ones."""
    thing, room = names.thing_name(rng), names.room_name(rng)
    if family in ("put", "gone", "latest"):
        return f"The thing is a {thing}.", thing, _wrong(rng, thing, names.thing_name, 8)
    return f"The room is {room}.", room, _wrong(rng, room, names.room_name, 8)


def _wrong(rng: np.random.Generator, right: str, make: Name, tries: int) -> tuple[str, ...]:
    """Up to four names of so many that are made up."""
    made = dict.fromkeys(make(rng) for _ in range(tries))
    return tuple(name for name in made if name != right)[:WRONG]


def _known_times(rng: np.random.Generator, family: str, lines: Sequence[Heard]) -> Known:
    """When or how often something is seen, by a claim for each time."""
    asked = random_question(rng, family)
    if family == "when":
        number, claim = int(rng.integers(0, 2)), "The actor is there."
    else:
        number = int(rng.choice((0, 1, 1, 2, 3, 4)))
        claim = f"{_vehicle_in(asked).capitalize()} passes."
    seen = sorted((moment(rng, claim) for _ in range(number)), key=lambda h: h.start)
    right = str(number) if family == "count" else stretches([(h.start, h.end) for h in seen])
    choice, wrong = "", tuple[str, ...]()
    if family == "count":
        wrong = other_numbers(rng, number)
    elif family == "when":
        spans = [(h.start, h.end) for h in seen] or [(float(rng.uniform(0, 60)),) * 2]
        choice, wrong = clocks(rng, spans[0])
        if not number:
            choice, wrong = "", (*wrong, choice)
    lesson = Lesson(
        asked=asked, family=family, answer=right if number else None, choice=choice, wrong=wrong,
    )  # fmt: skip
    return Known(lesson, seen, lines, seen)


def _vehicle_in(asked: str) -> str:
    """`a red car` of a question about it."""
    words = asked.replace("?", " ").replace(".", " ").split()
    at = next(i for i, word in enumerate(words) if word in WORDS.vehicles)
    return " ".join(words[at - 2 : at + 1])


def _known_lines(rng: np.random.Generator, lines: Sequence[Heard]) -> Known:
    """What was said or written; now and then a look claimed the same."""
    heard = lines or invented(rng, 6)
    lesson = None
    while lesson is None:
        family = pick(rng, ("gate", "moved", "row", "day"))
        lesson = FROM_LINES[family][0](rng, Strip(times=(), frames=(), heard=tuple(heard)))
        if lesson is None:
            heard = invented(rng, 8)
    cited = [h for h in heard if lesson.spans and (h.start, h.end) == lesson.spans[0]][:1]
    evidence: list[Heard] = []
    if rng.random() < 0.15:
        claimed = moment(rng, lesson.claim)
        evidence = [] if lesson.answer is None else [claimed]
    return Known(lesson, evidence, best_first(rng, heard, lesson), cited)


def _known_chain(rng: np.random.Generator, lines: Sequence[Heard]) -> Known:
    """A name's code is said, the code's room written, the room's picture seen."""
    name = all_names(rng)[0]
    own, room, picture = names.code(rng), names.room_name(rng), names.picture_name(rng)
    said, written = _links(rng, name, own, room)
    seen = _hanging(rng, room, picture)
    pieces = [seen, said, written]
    complete = bool(rng.random() < 0.6)
    if not complete:
        del pieces[int(rng.integers(3))]
    others = [
        _hanging(rng, names.room_name(rng), names.picture_name(rng))
        for _ in range(int(rng.choice((0, 1, 2, 3))))
    ]
    every = [*pieces, *(other for other in others if room not in other.text)]
    mixed = [every[i] for i in rng.permutation(len(every))]
    wrong = _wrong(rng, picture, names.picture_name, 9)
    lesson = Lesson(
        asked=put_into_words(rng, "chain", name=name), family="chain",
        answer=picture if complete else None, wrong=wrong,
    )  # fmt: skip
    return Known(
        lesson,
        [h for h in mixed if h.kind == "seen"],
        [*(h for h in mixed if h.kind != "seen"), *lines[:4]],
        (said, written, seen) if complete else (),
    )


def _links(rng: np.random.Generator, name: str, own: str, room: str) -> tuple[Heard, Heard]:
    """A name's code, said, and the code's room, written."""
    said = replace(moment(rng, f"{name} works under code {own}."), kind="said")
    return said, replace(moment(rng, f"{own} ROOM {room}"), kind="on screen")


def _hanging(rng: np.random.Generator, room: str, picture: str) -> Heard:
    return moment(rng, f"Room {room} has a {picture}.")


def moment(rng: np.random.Generator, text: str) -> Heard:
    """Something seen at some time of some video."""
    start = round(float(rng.choice((rng.uniform(0, 60), rng.uniform(0, 3600)))), 1)
    end = round(start + float(rng.uniform(0, 6)), 1)
    return Heard(start=start, end=end, text=text, kind="seen")


def _answered(rng: np.random.Generator, known: Known) -> Sample:
    """The call for the answer; its evidence is labelled `E1`, `E2`, ... in order."""
    every = [*known.evidence, *known.lines]
    evidence: list[Quote] = []
    for number, heard in enumerate(every, 1):
        head = f"E{number}, V{rng.integers(1, 4)}, {heard.start:.1f}-{heard.end:.1f} s"
        evidence.append((f"{head}, {heard.kind}", heard.text))
    options = options_of(rng, known.lesson)
    request = answer_request(question=known.lesson.asked, options=options, evidence=evidence)
    numbers = {id(heard): number for number, heard in enumerate(every, 1)}
    cited = [{"label": f"E{numbers[id(h)]}"} for h in known.cited if id(h) in numbers]
    return Sample(((request, answer_reply(known.lesson, options, cited)),))


def random_question(rng: np.random.Generator, family: str) -> str:
    """A question of a family about random names."""
    actor = who(names.actor(rng))
    vehicle = with_article(names.vehicle_name(rng))
    parts: dict[str, dict[str, object]] = {
        "put": {"who": actor},
        "when": {"who": actor},
        "passes": {"what": vehicle},
        "count": {"what": vehicle},
        "gone": {"room": names.room_name(rng)},
        "alarm": {"alarm": pick(rng, ALARMS), "nth": NTH[int(rng.integers(4))]},
        "gate": {"code": names.code(rng, "AA999")},
        "moved": {"name": all_names(rng)[0]},
        "row": {"code": names.code(rng), "word": pick(rng, WORDS.numbers).lower()},
        "day": {"code": names.code(rng)},
        "chain": {"name": all_names(rng)[0]},
        "visitor": {"who": actor, "first": rng.integers(1, 9), "last": rng.integers(9, 20)},
    }
    return put_into_words(rng, family, **parts.get(family, {}))


PLANS = (
    "put when passes count gone alarm gate moved row day chain visitor order longest latest".split()
)
"""Families of questions that plans are made for."""
WHOLE = ("count", "order", "longest", "passes", "latest")
"""Those that need all of the videos."""
LANES = {
    "gate": ["speech"],
    "moved": ["speech"],
    "alarm": ["speech"],
    "row": ["text"],
    "day": ["text"],
    "chain": ["speech"],
}
"""Where to search for a question of a family; all others in pictures."""


def plan(rng: np.random.Generator) -> Sample:
    """What to search for: the words that the moment would be told in."""
    family = pick(rng, PLANS)
    asked = random_question(rng, family)
    reply = {
        "sub_queries": [{"text": asked.rstrip("?."), "lanes": LANES.get(family, ["visual"])}],
        "entities": [], "relation": None, "answer_type": "other", "whole": family in WHOLE,
    }  # fmt: skip
    return Sample(((plan_request(asked), json.dumps(reply)),))


SEARCHED = ("put", "put", "gone", "chain", "chain", "alarm", "latest", "row")
"""Families of questions that next steps are taken for."""
NOT_FOUND = {"enough": False, "action": "look", "query": "", "why": "not found yet"}
FOUND = {"enough": True, "action": "answer", "query": "", "why": "found"}


def reflect(rng: np.random.Generator) -> Sample:
    """The next step: answer when something was seen that answers, follow a chain, else look."""
    family = pick(rng, SEARCHED)
    asked = random_question(rng, family)
    lines = invented(rng, int(rng.choice((0, 1, 2, 4))))
    step, evidence = NOT_FOUND, list[Heard]()
    if family == "chain":
        step, evidence = _followed(rng, _name_in(asked))
    elif rng.random() < 0.5 and family != "row":
        step, evidence = FOUND, [moment(rng, random_claim(rng, family)[0])]
    quotes = [
        (f"E{i}, V1, {h.start:.1f}-{h.end:.1f} s, {h.kind}", h.text)
        for i, h in enumerate([*evidence, *lines], 1)
    ]
    end = float(rng.choice((60.0, 600.0, 3600.0)))
    stretches_seen = sorted(rng.uniform(0, end, (int(rng.integers(0, 5)), 2)).tolist())
    request = reflect_request(
        question=asked,
        evidence=quotes,
        looked=[f"V1 {a:.1f}-{b:.1f} s" for a, b in stretches_seen],
        refused=[],
        videos=[f"V1 0.0-{end:.1f} s"],
        left=int(rng.integers(500, 16000)),
    )
    reply = {
        "enough": step["enough"], "action": step["action"], "video": None, "from": None, "to": None,
        "box": None, "query": step["query"], "why": step["why"],
    }  # fmt: skip
    return Sample(((request, json.dumps(reply)),))


def _followed(rng: np.random.Generator, name: str) -> tuple[dict[str, Any], list[Heard]]:
    """The step after the first so many links of a chain are known, and those links."""
    own, room = names.code(rng), names.room_name(rng)
    known = int(rng.integers(4))
    links = [*_links(rng, name, own, room), _hanging(rng, room, names.picture_name(rng))]
    steps: tuple[dict[str, Any], ...] = (
        NOT_FOUND,
        {"enough": False, "action": "search", "query": f"{own} ROOM", "why": "the code's room"},
        {"enough": False, "action": "search", "query": f"room {room}", "why": "the room"},
        FOUND,
    )
    return steps[known], links[:known]


def _name_in(asked: str) -> str:
    """Of a question about somebody's code."""
    words = asked.replace("'s", " 's").split()
    at = words.index("'s")
    return " ".join(words[at - 2 : at])
