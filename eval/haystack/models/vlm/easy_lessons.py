"""Little to look at and to read, many answers a token: what teaches where to look."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from longtake.agent.requests import data_lines, option_lines
from longtake.eval.haystack.models.vlm import names
from longtake.eval.haystack.models.vlm.cards import card
from longtake.eval.haystack.models.vlm.facts import Facts
from longtake.eval.haystack.models.vlm.footage import Reel
from longtake.eval.haystack.models.vlm.frame_questions import (
    NOT_THERE,
    Short,
    short_questions,
    untold,
)
from longtake.eval.haystack.models.vlm.lessons import (
    SHORT_TOKENS,
    Sample,
    any_shot,
    ask,
    frames_of,
    look_at,
    read_from,
    short_request,
    unencoded,
)
from longtake.eval.haystack.models.vlm.questions import WRONG, Ask, Lesson
from longtake.eval.haystack.models.vlm.replies import options_of
from longtake.eval.haystack.models.vlm.seen_questions import FROM_FRAMES
from longtake.eval.haystack.models.vlm.shelves import shelf
from longtake.eval.haystack.models.vlm.strips import U8, Shot, Strip, invented, quotes
from longtake.eval.haystack.models.vlm.written_lessons import moment, random_claim, random_question
from longtake.tools.vlm.messages import Message, Part, Request, Text

QUESTIONS = 6
"""In a sample."""
OTHERS = 0.2
"""Share of cards without anybody that are asked about with yes or no."""
BARE = 5
"""Bare questions about the same frames."""
CARDS = (2, 3, 4, 6)
"""Of an album."""
AGAIN = 0.3
"""Share of an album's cards that are the one before once more."""
IN_ALBUMS = {family: FROM_FRAMES[family] for family in ("put", "when", "passes", "count", "latest")}
"""What flash cards can tell."""


def about_card(rng: np.random.Generator) -> Sample:
    """Short questions about a flash card."""
    while True:
        pixels, facts = card(rng)
        found = short_questions(rng, facts)
        found = [one for one in found if one.subject not in ("place", "count")]
        if facts.seen and found:
            return _about_card(rng, pixels, facts, found)


def whether(rng: np.random.Generator) -> Sample:
    """Yes or no about a flash card, mostly about somebody: by itself, as all it is learned from is
    one token of the answer, and among other questions it is the last to be learned."""
    while True:
        pixels, facts = card(rng)
        found = [one for one in short_questions(rng, facts) if one.subject == "yes or no"]
        if found and (facts.actor or rng.random() < OTHERS):
            break
    return _about_card(rng, pixels, facts, found)


def about_shelf(rng: np.random.Generator) -> Sample:
    """Short questions about a card of a shelf or cabinet: how many things, which, and of what
    colour and shape they are."""
    pixels, facts = shelf(rng)
    found = [one for one in short_questions(rng, facts) if one.subject != "place"]
    return _about_card(rng, pixels, facts, found)


def _about_card(
    rng: np.random.Generator, pixels: U8, facts: Facts, questions: Sequence[Short]
) -> Sample:
    picture = unencoded(pixels, round(float(rng.uniform(0, 600)), 1))
    turns = [
        (short_request(one.asked, None if i else picture), one.answer)
        for i, one in enumerate(untold(rng, questions, QUESTIONS))
    ]
    return Sample(tuple(turns), (pixels,), (facts,))


def album(rng: np.random.Generator) -> Sample:
    """Bare answers from a few flash cards, one after another."""
    return _bare(rng, _shuffled(rng), IN_ALBUMS)


def album_look(rng: np.random.Generator) -> Sample:
    """Flash cards as a look has its frames."""
    return look_at(rng, _shuffled(rng), IN_ALBUMS)


def album_read(rng: np.random.Generator) -> Sample:
    """Flash cards as a reading has its frames."""
    return read_from(rng, _shuffled(rng), IN_ALBUMS)


def _shuffled(rng: np.random.Generator) -> Shot:
    """A few flash cards, one after another."""
    shown, at = list[tuple[U8, Facts]](), float(rng.choice((0.0, rng.uniform(0, 3600))))
    for _ in range(int(rng.choice(CARDS))):
        shown.append(shown[-1] if shown and rng.random() < AGAIN else card(rng))
    gap = float(rng.choice((0.5, 1.0, 2.0, 8.0)))
    times = tuple(round(at + gap * i, 1) for i in range(len(shown)))
    pixels, facts = zip(*shown, strict=True)
    strip = Strip(times=times, frames=facts)
    start, end = max(0.0, round(at - gap / 2, 1)), round(times[-1] + gap / 2, 1)
    return Shot(strip=strip, pixels=pixels, start=start, end=end)


def glimpse(rng: np.random.Generator, days: Sequence[Reel], most_tokens: int) -> Sample:
    """Bare answers from frames of one stretch or of several.

    Args:
        most_tokens: of its frames.
    """
    found = any_shot(rng, days, most_tokens)
    return _bare(rng, replace(found, strip=replace(found.strip, heard=())), FROM_FRAMES)


def _bare(rng: np.random.Generator, shown: Shot, families: dict[str, tuple[Ask, float]]) -> Sample:
    """Questions of these families about frames; the first is asked with the frames."""
    strip = shown.strip
    frames = frames_of(shown.pixels, strip.times)
    turns: list[tuple[Request, str]] = []
    for _ in range(BARE):
        lesson, options = ask(rng, strip, families), list[str]()
        if len(lesson.wrong) >= WRONG and rng.random() < 0.3:
            options = options_of(rng, lesson)
        said = (options and lesson.choice) or lesson.answer
        asked = f"Question: {lesson.asked}"
        asked += f"\n{option_lines(options)}" if options else ""
        parts: tuple[Part, ...] = (Text(text=asked),)
        message = Message(role="user", parts=parts if turns else (frames, *parts))
        turns.append((Request(messages=(message,), max_tokens=SHORT_TOKENS), said or NOT_THERE))
    return Sample(tuple(turns), shown.pixels, strip.frames)


def recall(rng: np.random.Generator) -> Sample:
    """Bare answers from a few lines: what all other replies are made of."""
    heard = invented(rng, int(rng.choice((2, 3, 4, 6, 8))))
    claims = [moment(rng, random_claim(rng, "put")[0]) for _ in range(int(rng.integers(0, 2)))]
    strip = Strip(times=(), frames=(), heard=tuple(heard))
    turns: list[tuple[Request, str]] = []
    for _ in range(QUESTIONS):
        lesson, options = ask(rng, strip), list[str]()
        if claims and rng.random() < 0.3:
            thing = claims[0].text.removeprefix("The thing is a ").rstrip(".")
            asked = random_question(rng, "put")
            wrong = tuple(names.thing_name(rng) for _ in range(WRONG))
            lesson = Lesson(asked=asked, family="put", answer=thing, wrong=wrong)
        said = lesson.answer or NOT_THERE
        if lesson.answer and len(lesson.wrong) >= WRONG and rng.random() < 0.35:
            every = [lesson.choice or lesson.answer, *lesson.wrong[:WRONG]]
            options = [every[i] for i in rng.permutation(len(every))]
            said = every[0]
        lines = "" if turns else data_lines(quotes([*claims, *heard])) + "\n"
        asked = f"{lines}Question: {lesson.asked}"
        asked += f"\n{option_lines(options)}" if options else ""
        turns.append((short_request(asked), said))
    return Sample(tuple(turns))
