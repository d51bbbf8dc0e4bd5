"""Question -> plan, by rules on the question's own words. Nothing found in a video takes part in
planning."""

import re

from longtake.agent.state import (
    AnswerType,
    LaneName,
    Ordinal,
    Plan,
    Relation,
    SubQuery,
    TimeRelation,
)
from longtake.tools.query import statement, terms

ALL_LANES: tuple[LaneName, ...] = ("speech", "text", "visual")

_QUESTION_WORD = (
    r"(?:what|when|where|who|whom|whose|which|why|how|do|does|did|is|are|was|were|can|could|in "
    r"which|at what)"
)
_SPLIT = re.compile(
    rf"\?+\s+(?=\S)|\s*;\s*|,?\s+(?:and|but|or)(?: then| also)?,?\s+(?={_QUESTION_WORD}\b)",
    re.IGNORECASE,
)
# "this year" and "that tower" name what they mean; "why is this?" does not.
_PRONOUN = re.compile(
    r"\b(?:it|its|they|them|their|he|she|his|him|her)\b"
    r"|\b(?:this|that|these|those)(?= (?:is|are|was|were|happen|mean|work)|$)",
    re.I,
)
_QUOTED = re.compile(r"\"[^\"]+\"|“[^”]+”|(?<!\w)'[^']+'(?!\w)")

_TEXT_WORDS = re.compile(
    r"\b(?:written|writing|slides?|signs?|screen|captions?|subtitles?|titles?|headings?|labels?|"
    r"labell?ed|"
    r"banners?|posters?|logos?|bullet|text|spell(?:ed|s)?|reads?|printed|diagram|chart|table|"
    r"axis|legend)\b",
    re.IGNORECASE,
)
_SPEECH_WORDS = re.compile(
    r"\b(?:say|says|said|saying|mention(?:s|ed|ing)?|tell(?:s|ing)?|told|speak(?:s|er|ers|ing)?|"
    r"spoken?|narrat\w+|"
    r"explain(?:s|ed|ing)?|discuss(?:es|ed|ing)?|talk(?:s|ed|ing)?|announce[sd]?|argue[sd]?|"
    r"claim(?:s|ed)?|"
    r"lecturer|presenter|according to|ask(?:s|ed)?|answer(?:s|ed)?|hears?|heard)\b",
    re.IGNORECASE,
)
_VISUAL_WORDS = re.compile(
    r"\b(?:colou?rs?|red|green|blue|yellow|black|white|orange|purple|brown|wear(?:s|ing)?|wore|"
    r"look(?:s|ed)? like|"
    r"visible|hold(?:s|ing)|drawn|pictured?|photo\w*|filmed|camera|seen?|appear(?:s|ed)?|shown?|"
    r"shows|"
    r"background|standing|walking|running|driving|sitting)\b",
    re.IGNORECASE,
)

_ANSWER_TYPES: tuple[tuple[AnswerType, str], ...] = (
    (
        "date",
        r"^(?:in |since |until |from )?(?:what|which) (?:year|century|decade|month|day|date|"
        r"weekday)|^when (?:was|were|did)\b",
    ),
    ("time", r"^when\b|\b(?:at )?(?:what|which) (?:time|point|moment|minute|second)\b"),
    (
        "number",
        r"\bhow (?:many|much|long|far|old|tall|deep|high|large|big|often|fast|wide|heavy|hot|"
        r"cold|thick)\b"
        r"|\b(?:what|which) (?:percentage|percent|share|number|amount|temperature|price|speed|"
        r"distance|size|"
        r"weight|height|depth|age|budget|angle|pressure)\b|\bwhat (?:do|does|did) .+ cost$|^what "
        r"is the (?:number|price) |\bat what (?:temperature|speed|price)\b",
    ),
    (
        "person",
        r"^(?:who|whom|whose)\b|\b(?:what|which) (?:person|man|woman|artist|scientist|author|"
        r"relative|friend)\b",
    ),
    (
        "place",
        r"^where\b|\b(?:in |at |on |to )?(?:what|which) (?:place|city|country|town|room|building|"
        r"street)\b",
    ),
    ("reason", r"^why\b|\b(?:what|which) (?:reason|cause)s?\b|^what causes\b|^how come\b"),
    (
        "list",
        r"^(?:list|name)\b|\b(?:what|which) are (?:the )?(?:two|three|four|five|six|some|main)\b",
    ),
    (
        "definition",
        r"^(?:what (?:is|are) (?:an? )?(?!(?:said|shown|mentioned|written)\b)[\w-]+$|define\b|"
        r"what does .+ (?:mean|stand for)$)",
    ),
    ("yes_no", r"^(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should)\b"),
)

_WHICH_VIDEO = re.compile(
    r"\b(?:in |on |from )?(?:which|what)(?: of the| of my)? (?:videos?|clips?|recordings?|films?|"
    r"lectures?|talks?|files?)"
    r"\b(?! (?:says?|about|cameras?|games?|files?|formats?)\b)",
    re.IGNORECASE,
)
_MENTIONS = re.compile(
    r"^(?:is|are|was|were|does|do|did|has|have)\b.*\b(?:mention|mentions|mentioned|say anything|"
    r"talk|talks|talked|"
    r"discuss|discusses|discussed|said|shown|cover|covers|covered|appear|appears)\b",
    re.IGNORECASE,
)

_ORDINALS = {
    word: number
    for number, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split(),
        start=1,
    )
}
_ORDER = re.compile(
    rf"\b(last|final|{'|'.join(_ORDINALS)}|[1-9]\d?(?:st|nd|rd|th))\b"
    r"(?= (?:time|moment|occurrence|appear|seen|"
    r"shown|mention|scene|shot)|[^.?]*\b(?:appears?|seen|shown|mentioned|happens?)\b)"
    r"|\bthe (first|last|latest|most recent)(?= (?:\w+ ){1,3}(?:that|who|which) )"
    r"|\b(most recently)\b",
    re.IGNORECASE,
)
_LAST = ("last", "final", "latest", "most recent", "most recently")
_NTH_TIME = re.compile(
    rf" ?\b(?:for )?the (?:very )?"
    rf"(?:last|final|{'|'.join(_ORDINALS)}|[1-9]\d?(?:st|nd|rd|th)) time\b",
    re.IGNORECASE,
)
_HEARD = re.compile(
    r"\b(?:(?:is|are|was|were|gets?|got) )?(?:heard|said|mentioned|announced|played|sounded)\b"
    r"|\b(?:rings?|rang|sounds?|goes off|go off|went off)\b",
    re.IGNORECASE,
)
_SEEN = re.compile(r"\b(?:(?:is|are|was|were|gets?|got) )?(?:shown|seen|written)\b", re.IGNORECASE)
_WHOLE = re.compile(
    r"\b(?:summar\w+|overall|throughout|main (?:topic|theme|point|idea)s?|how many times|"
    r"(?:what|which) order|sequence of|list all|every|whole video|entire|mostly|mainly|about\?)",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?<=[\w,] )[A-Z][\w.-]*(?: [A-Z][\w.-]*)*")

_LEADING = re.compile(
    r"^(?:(?:right|just|immediately|shortly) )?(after|before|while|when|once|as soon as|during) "
    r"(?P<anchor>[^,]+), ?"
    rf"(?P<target>(?:{_QUESTION_WORD})\b.+)$",
    re.IGNORECASE,
)
_TRAILING = re.compile(
    r"^(?P<target>.+?),? (?:(?:right|just|immediately|shortly|directly) )?"
    r"(after|before|while|when|once|as soon as|during) (?P<anchor>.+)$",
    re.IGNORECASE,
)
_PLACED = re.compile(
    r"\b(?:stands?|stood) (?:(?:right|just|directly) )?(?:after|before) "
    r"|\b(?:written|printed|listed|noted) (?:(?:right|just|directly) )?(?:after|before) "
    r".+ (?:on|in) the (?:\w+ )?"
    r"(?:\w*board|slide|sign|screen|list|table|page|poster|card|menu|label)\b",
    re.IGNORECASE,
)
"""Before and after in a line of writing."""
_KINDS: dict[str, Relation] = {
    "after": "after",
    "once": "after",
    "as soon as": "after",
    "before": "before",
    "while": "during",
    "when": "during",
    "during": "during",
}
_OPEN_WORDS = frozenset(
    "slide screen written text shown visible read say said mention explain come happen happens "
    "show shown next follow follows topic step thing do does done "
    "right just immediately shortly directly first next then event following previous sentence "
    "line".split()
)


def make_plan(question: str) -> Plan:
    """The plan of a question.

    Conjunctions split it where a new question starts; before, after, when and while make a time
    relation, except in a line of writing (`Which number stands after Total?`); words about
    writing, speaking or looks choose lanes; the question word chooses the type of answer.
    """
    question = " ".join(question.split()).strip()
    across = bool(_WHICH_VIDEO.search(_QUOTED.sub("", question)))
    relation = _time_relation(question.rstrip("?!. "))
    # a target with words of its own is looked for together with its anchor
    parts = [question] if relation is not None else _parts(question)
    return {
        "sub_queries": [sub_query(part) for part in parts],
        "relation": relation,
        "across_videos": across,
        "mentions": bool(_MENTIONS.search(question)),
        **_order(question if relation is None else relation["target"]["text"]),
        "entities": _entities(question),
        "whole": bool(_WHOLE.search(question)),
    }


def _parts(question: str) -> list[str]:
    """The questions in a question; a later part that says 'it' gets the subject of the first."""
    quotes: list[str] = []

    def hide(match: re.Match[str]) -> str:
        quotes.append(match[0])
        return f"\x00{len(quotes) - 1}\x00"

    pieces = [p.strip(" ,.?") for p in _SPLIT.split(_QUOTED.sub(hide, question))]
    shown = [
        re.sub(r"\x00(\d+)\x00", lambda m: quotes[int(m[1])], piece) for piece in pieces if piece
    ]
    parts = [part for part in shown if terms(part) or _PRONOUN.search(part)] or [question]
    first = statement(parts[0])
    return parts[:1] + [f"{p} ({first})" if _PRONOUN.search(p) else p for p in parts[1:]]


def _time_relation(question: str) -> TimeRelation | None:
    match = _LEADING.match(question) or _TRAILING.match(question)
    if match is None or not terms(match["anchor"]) or _PLACED.search(question):
        return None
    kind = _KINDS[next(g for g in match.groups() if g and g.lower() in _KINDS).lower()]
    target = match["target"]
    if not re.match(rf"{_QUESTION_WORD}\b", target, re.IGNORECASE):
        return None
    is_open = all(t in _OPEN_STEMS for t in terms(target))
    if kind == "during" and not is_open and not is_moment(match["anchor"]):
        # "why does ice float when it is cold?": a condition, not a moment
        return None
    return {
        "kind": kind,
        "anchor": sub_query(match["anchor"]),
        "target": sub_query(target),
        "open": is_open,
        **_order(match["anchor"]),
    }


def is_moment(text: str) -> bool:
    """Whether a clause says when something is heard or seen, once or for the nth time."""
    return bool(_HEARD.search(text) or _SEEN.search(text) or _NTH_TIME.search(text))


def is_heard(text: str) -> bool:
    """Whether a clause says that something is heard."""
    return bool(_HEARD.search(text))


def without_count(text: str) -> str:
    """A clause without `for the second time`."""
    return " ".join(_NTH_TIME.sub("", text).split())


def perceived(text: str) -> str:
    """What is heard or seen, of a clause that says so: `the roof alarm is heard for the second
    time` -> `the roof alarm`."""
    return " ".join(_SEEN.sub("", _HEARD.sub("", without_count(text))).split())


_OPEN_STEMS = frozenset(t for word in _OPEN_WORDS for t in terms(word))


def _order(question: str) -> Ordinal:
    match = _ORDER.search(_QUOTED.sub("", question))
    if match is None:
        return {"order": None, "nth": None}
    word = next(group for group in match.groups() if group).lower()
    if word in _LAST:
        return {"order": "last", "nth": None}
    number = _ORDINALS.get(word) or int(re.sub(r"\D", "", word))
    return {"order": "first", "nth": None} if number == 1 else {"order": "nth", "nth": number}


def _entities(question: str) -> list[str]:
    """Quoted words, and capitalised ones behind the first."""
    quoted = [found.strip("\"'“”") for found in _QUOTED.findall(question)]
    return list(dict.fromkeys(quoted + _NAME.findall(_QUOTED.sub("", question))))


def sub_query(text: str) -> SubQuery:
    """What to look for, with lanes and answer type by the words of the question."""
    return {
        "text": text,
        "statement": statement(text),
        "lanes": _lanes(text),
        "answer_type": _answer_type(text),
    }


def _lanes(text: str) -> list[LaneName]:
    """Lanes that words outside of quotation marks point to; writing beats speaking beats looks."""
    plain = _QUOTED.sub("", text)
    if _TEXT_WORDS.search(plain):
        return ["text"]
    if _SPEECH_WORDS.search(plain):
        return ["speech"]
    if _VISUAL_WORDS.search(plain):
        return ["visual"]
    return list(ALL_LANES)


def _answer_type(text: str) -> AnswerType:
    for name, pattern in _ANSWER_TYPES:
        if re.search(pattern, text.strip().rstrip("?!. "), re.IGNORECASE):
            return name
    return "other"
