"""Little to look at and to read, many answers a token: what teaches where to look."""

import numpy as np

from longtake.agent.requests import data_lines, option_lines
from longtake.eval.haystack.models.vlm import names
from longtake.eval.haystack.models.vlm.cards import card
from longtake.eval.haystack.models.vlm.frame_questions import short_questions
from longtake.eval.haystack.models.vlm.lessons import Sample, ask, short_request, unencoded
from longtake.eval.haystack.models.vlm.questions import WRONG, Lesson
from longtake.eval.haystack.models.vlm.strips import Strip, invented, quotes
from longtake.eval.haystack.models.vlm.written_lessons import moment, random_claim, random_question
from longtake.tools.vlm.messages import Request

QUESTIONS = 6
"""In a sample."""


def about_card(rng: np.random.Generator) -> Sample:
    """Short questions about a flash card."""
    while True:
        pixels, facts = card(rng)
        found = short_questions(rng, facts)
        found = [one for one in found if one.subject not in ("place", "count")]
        if facts.seen and found:
            break
    picture = unencoded(pixels, round(float(rng.uniform(0, 600)), 1))
    turns = [
        (short_request(one.asked, None if i else picture), one.answer)
        for i, one in enumerate(found[:QUESTIONS])
    ]
    return Sample(tuple(turns), (pixels,), (facts,))


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
        said = lesson.answer or "not visible"
        if lesson.answer and len(lesson.wrong) >= WRONG and rng.random() < 0.35:
            every = [lesson.choice or lesson.answer, *lesson.wrong[:WRONG]]
            options = [every[i] for i in rng.permutation(len(every))]
            said = every[0]
        lines = "" if turns else data_lines(quotes([*claims, *heard])) + "\n"
        asked = f"{lines}Question: {lesson.asked}"
        asked += f"\n{option_lines(options)}" if options else ""
        turns.append((short_request(asked), said))
    return Sample(tuple(turns))
