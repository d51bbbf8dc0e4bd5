"""Whether a sentence can hold the kind of answer that a question asks for (English, by surface
form)."""

import re
from collections.abc import Mapping

from longtake.agent.state import AnswerType

_NUMBER = (
    r"\d|\b(?:half|quarter|third|both|none|nobody|zero|one|two|three|four|five|six|seven|eight|"
    r"nine|ten|eleven|twelve|"
    r"thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|"
    r"sixty|seventy|eighty|"
    r"ninety|hundreds?|thousands?|millions?|billions?|dozens?|once|twice|double[ds]?|few|several|"
    r"percent)\b"
)
_MONTH = (
    r"January|February|March|April|May|June|July|August|September|October|November|December|"
    r"spring|summer|autumn|"
    r"winter|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?"
)
_DATE = rf"\b(?:1\d|20)\d\d\b|\b(?:{_MONTH})\b|\b(?:century|decade|years?|ago|{_NUMBER[3:]})"
_NAME = (
    r"(?<=[\w,;:] )[A-Z][a-z]+|^(?!(?:The|A|An|In|On|At|It|This|That|We|You|He|She|They|"
    r"If)\b)[A-Z][a-z]+ [A-Z][a-z]+"
)
_PERSON = (
    rf"{_NAME}|\b(?:brother|sister|mother|father|daughter|son|cousin|grandmother|grandfather|"
    rf"uncle|aunt|friend|"
    r"neighbours?|doctor|teacher|captain|president|professor|engineer|officers?|company|state|"
    r"firm|\w+ists?|maker|"
    r"secretary|students?)\b"
)
_PLACE = (
    rf"\b(?:in|at|on|from|to|into|near|behind|beside|above|under|up|of) (?:the |a |an |my |her |"
    rf"his )?\w+|{_NAME}"
)
_REASON = (
    r"\b(?:because|since|so that|so|due to|as|for|therefore|reason|thanks to|in order|otherwise|"
    r"or|which is why|"
    r"means|that way|when|by|to)\b"
)

_PATTERNS: Mapping[AnswerType, re.Pattern[str]] = {
    "number": re.compile(_NUMBER, re.IGNORECASE),
    "date": re.compile(_DATE, re.IGNORECASE),
    "person": re.compile(_PERSON),
    "place": re.compile(_PLACE),
    "reason": re.compile(_REASON, re.IGNORECASE),
    "definition": re.compile(
        r"\b(?:is|are|means?|called|refers?|forms?|stands? for)\b", re.IGNORECASE
    ),
}


def holds(answer_type: AnswerType, text: str) -> bool | None:
    """True or False when the type has a recognisable form, None when any sentence could answer."""
    pattern = _PATTERNS.get(answer_type)
    return None if pattern is None else bool(pattern.search(text))
