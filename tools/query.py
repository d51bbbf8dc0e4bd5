"""What a question asks for, word by word: informative terms, and the statement inside a
question."""

import re

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)?", re.UNICODE)

STOP_WORDS = frozenset(
    """a about also am an and any are as at be been being but by can could did do does doing for
    from get had has
    have he her here hers him his how i if in into is it its just may me might more most much must
    my no nor not
    of on or our she should so some such than that the their them then there these they this those
    to too up us
    very was we were what when where which while who whom whose why will with would you your many
    long""".split()
)
"""English words that say nothing about a subject."""

META_WORDS = frozenset(
    """video videos clip recording film lecture talk speaker narrator presenter host lecturer
    person people someone
    say says said mention mentions mentioned tell tells told talk talks explain explains explained
    describe
    describes described discuss discussed shown show shows slide slides screen written read happen
    happens
    happened name names called kind sort thing things according next first last""".split()
)
"""Words about the video rather than its subject; they count only when a question has no others."""

_SUFFIX = re.compile(r"(?:ations?|ings?|ies|ied|edly|ed|ers?|es|ly|s)$")

_FRAMES = (
    r"(?:at what (?:time|point|moment)|at which (?:time|point|moment)|when|where|how|why|what|"
    r"who|whom|whose|which)"
    r"(?: exactly)?",
    r"(?:in|on|from) (?:which|what|the|this|that) (?:video|clip|recording|film|lecture|talk)s?",
    r"(?:according to|in) the (?:video|speaker|narrator|lecturer|presenter|host|talk|lecture)",
    r"(?:do|does|did|is|are|was|were|has|have|had|can|could|will|would|should)",
    r"(?:the|a|an|any)? ?(?:speaker|narrator|lecturer|presenter|host|video|lecture|talk|someone|"
    r"anyone|anybody|"
    r"he|she|they|we|it)s? (?:say|says|mention|mentions|talk about|talks about|explain|explains|"
    r"tell us|tells us|"
    r"describe|describes|discuss|discusses|show|shows)(?: (?:about|that))?",
    r"(?:said|mentioned|told|explained|described|discussed|shown)(?: (?:about|that))?",
    r"there|kind of|sort of|many|much|long|often|far|old|about",
)
_FRAME = re.compile(rf"^(?:{'|'.join(_FRAMES)})\b[\s,:]*", re.IGNORECASE)


def stem(word: str) -> str:
    """A word without its commonest English endings (only for comparing words with each other)."""
    word = word.lower().replace("\u2019", "'").removesuffix("'s")
    if len(word) <= 3:
        return word
    short = _SUFFIX.sub("", word)
    short = short if len(short) >= 3 else word
    if len(short) > 3 and short[-1] == short[-2] and short[-1] not in "aeiouls":
        short = short[:-1]
    return short.removesuffix("e") if len(short) > 3 else short


def words(text: str) -> list[str]:
    """All words and numbers of a text, as written."""
    return _WORD.findall(text)


def content_words(text: str) -> list[str]:
    """The informative words as written, in order; those about the video only if there are no
    others."""
    kept = [w for w in words(text) if w.lower() not in STOP_WORDS]
    return [w for w in kept if w.lower() not in META_WORDS] or kept


def terms(text: str) -> list[str]:
    """Stems of the informative words, in order, each once."""
    return list(dict.fromkeys(stem(w) for w in content_words(text)))


def coverage(query_terms: list[str], text: str) -> float:
    """Share of the query's terms (see `terms`) that occur in the text, 0..1; 0 for a query
    without terms."""
    if not query_terms:
        return 0.0
    present = {stem(w) for w in words(text)}
    return sum(t in present for t in query_terms) / len(query_terms)


def statement(question: str) -> str:
    """The question without question words and talk about the video: 'When does she say that ice
    floats?' -> 'ice floats'.

    Returns the question itself (without its question mark) when nothing else would remain.
    """
    rest = whole = " ".join(question.split()).rstrip("?!. ")
    while (shorter := _FRAME.sub("", rest, count=1)) != rest:
        rest = shorter
    return rest or whole
