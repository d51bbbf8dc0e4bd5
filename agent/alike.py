"""Lines that are alike but for whom or what they are about: where one of them is about what the
question names, the others are not told, looked at or quoted."""

import re
from collections.abc import Collection, Sequence

from longtake.agent.codes import codes_in, compares, names, other_code
from longtake.agent.state import Row, State
from longtake.tools.query import words

TELLING = 2
"""Words in lower case that a sentence has at least to be like another."""


def without_others(state: State, rows: Sequence[Row]) -> list[Row]:
    """Rows without those about another code, or with the same sentence about somebody else, where
    one is about a code or name of the question; all of them where it is about others too."""
    codes = codes_in(state["question"])
    entities = state["plan"]["entities"]
    about = [row["text"] for row in rows if row["text"] and _is_about(row["text"], codes, entities)]
    if not about or compares(state["question"]):
        return list(rows)
    sentences = {_sentence(text) for text in about} - {None}
    return [
        row for row in rows if row["beside"] or not _is_other(row["text"], about, codes, sentences)
    ]


def has_another(text: str, told: str, question: str) -> bool:
    """Whether a line has another code where one that is told has the code asked for."""
    codes = codes_in(question)
    is_one = names(told, codes) and not compares(question)
    return is_one and other_code(text, codes) is not None


def _is_about(text: str, codes: Collection[str], entities: Sequence[str]) -> bool:
    return names(text, codes) or any(
        re.search(rf"(?<!\w){re.escape(entity)}(?!\w)", text, re.IGNORECASE) for entity in entities
    )


def _is_other(
    text: str | None,
    about: Collection[str],
    codes: Collection[str],
    sentences: Collection[str | None],
) -> bool:
    if not text or text in about:
        return False
    return other_code(text, codes) is not None or _sentence(text) in sentences


def _sentence(text: str) -> str | None:
    """Its words in lower case with a gap for all else; None where they are too few to tell."""
    said = words(text)
    if sum(word.islower() for word in said) < TELLING:
        return None
    return re.sub(r"_( _)*", "_", " ".join(w if w.islower() else "_" for w in said))
