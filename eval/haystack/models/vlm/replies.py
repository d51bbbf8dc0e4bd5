"""What the model is to reply: the agent's own JSON, and options to choose from."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from longtake.eval.haystack.models.vlm import names
from longtake.eval.haystack.models.vlm.questions import WRONG, Lesson

SURE, UNSURE = 0.9, 0.1


def look_reply(lesson: Lesson) -> str:
    """What a look is to say; times to a tenth of a second."""
    there = lesson.answer is not None
    spans = [[round(a, 1), round(b, 1)] for a, b in lesson.spans]
    reply: dict[str, Any] = {
        "relevant": there,
        "claim": lesson.claim if there else "It is not shown.",
        "from": spans[0][0] if spans else None,
        "to": spans[0][1] if spans else None,
        "confidence": SURE if there else UNSURE,
        "closer": None,
    }
    if lesson.several and len(spans) > 1:
        reply["more"] = spans[1:]
    return json.dumps(reply)


def answer_reply(lesson: Lesson, options: Sequence[str], cited: Sequence[dict[str, Any]]) -> str:
    """The answer, in the words of its option where there are options: longtake takes those for a
    letter, which a model this small hardly learns to find.

    Args:
        cited: evidence, as replies cite it.
    """
    right = lesson.choice if options and lesson.choice else lesson.answer
    if lesson.answer is None:
        reply: dict[str, Any] = {
            "answer": "", "option": None, "confidence": UNSURE, "evidence": [],
            "missing": "not shown",
        }  # fmt: skip
    else:
        reply = {
            "answer": right, "option": None, "confidence": SURE, "evidence": list(cited),
            "missing": None,
        }  # fmt: skip
    return json.dumps(reply)


def cited_stretches(lesson: Lesson, video: str) -> list[dict[str, Any]]:
    """A lesson's stretches of a video, by the video's label."""
    return [{"label": video, "from": round(a, 1), "to": round(b, 1)} for a, b in lesson.spans]


def options_of(rng: np.random.Generator, lesson: Lesson) -> list[str]:
    """Five in random order; none where the question has none, and for some that could."""
    if lesson.listed:
        return list(lesson.listed)
    if len(lesson.wrong) < WRONG or rng.random() < 0.4:
        return []
    if lesson.answer is None:
        if len(lesson.wrong) > WRONG:
            return [lesson.wrong[i] for i in rng.permutation(WRONG + 1)]
        mixed = [lesson.wrong[i] for i in rng.permutation(WRONG)]
        return [*mixed, _alike(rng, lesson.wrong[0])]
    every = [lesson.choice or lesson.answer, *lesson.wrong[:WRONG]]
    return [every[i] for i in rng.permutation(len(every))]


def _alike(rng: np.random.Generator, text: str) -> str:
    """Another option of the same kind."""
    if text.isdigit():
        return str(int(rng.integers(60, 102)))
    return names.thing_name(rng) if " " in text else names.room_name(rng)
