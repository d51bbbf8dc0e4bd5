"""Words that stand for one thing and no other, such as `CH986`: a line about `CH686` is not about
it, however near it comes."""

import re
from collections.abc import Collection

from longtake.tools.query import words

SHORTEST = 4
"""Letters and digits of a word with digits that is a code."""
_COMPARES = re.compile(
    r"\b(?:others?|another|same|also|besides|except|than|both|else|different|compared?|versus|vs)\b",
    re.IGNORECASE,
)


def compares(question: str) -> bool:
    """Whether a question is about others too: `Which flights leave from the same gate as CH986?`"""
    return bool(_COMPARES.search(question))


def codes_in(text: str) -> frozenset[str]:
    """Codes in a text, in lower case."""
    return frozenset(
        word.lower() for word in words(text) if len(word) >= SHORTEST and re.search(r"\d", word)
    )


def names(text: str, codes: Collection[str]) -> bool:
    """Whether a text has one of these codes, whole or spelled (`C H 986`)."""
    return any(
        re.search(rf"(?<![^\W_]){'[^0-9a-z]{0,2}'.join(code)}(?![^\W_])", text.lower())
        for code in codes
    )


def other_code(text: str, codes: Collection[str]) -> str | None:
    """The code that a text has in place of one of these: letters and digits where that has them;
    None where it has none, or one of these too. Plain numbers are in place of nothing."""
    if names(text, codes):
        return None
    shapes = {_shape(code) for code in codes if not code.isdigit()}
    return next((word for word in words(text) if _shape(word.lower()) in shapes), None)


def _shape(code: str) -> str:
    return re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", code))
