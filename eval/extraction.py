r"""What a reply says, by the strict rule (benchmarks.md 1.9).

Reasoning between tags is dropped. Then, in this order: a JSON object with an answer in it; a last
line `Answer: X`; a letter alone; the exact text of an option. The first of these that is there
decides, also when what it says is none of the options. Nothing is ever guessed from free text: "A
person walks" is not A. What is not understood is None, a parse failure.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from longtake.eval.samples import told_apart
from longtake.timing import Span, parse_time

JSON_KEYS = ("option", "answer", "result")
"""Where an object has its answer, the first that is not blank: longtake's own reply has two, of
which only questions with options to choose from mean the first."""

_T = TypeVar("_T")

_REASONING = re.compile(
    r"<(/?)(think|thinking|thought|reasoning|reflection|analysis)\b[^<>]*>", re.IGNORECASE
)
_OBJECT = re.compile(r'\{\s*"')
_TRIES = 256
"""Places where a broken object may begin before the rest is taken for text: a reply that repeats
itself for thousands of tokens must not cost minutes."""
_ANSWER = re.compile(r"<(/?)answer>", re.IGNORECASE)
_LINE = re.compile(
    r"(?:so[, ]+|therefore[, ]+)?(?:the\s+)?(?:(?:final|best|correct|right)\s+)?"
    r"(?:(?:answer|option|choice)\s*(?:is\s*[:\uff1a]?|[:\uff1a])\s*|option\s+)(?P<value>\S.*)",
    re.IGNORECASE,
)
_LETTER = re.compile(r"[(\[]?([A-Za-z])[)\]]?[.:\uff1a,]?")
_LABELLED = re.compile(r"(?:\(([A-Z])\)|\[([A-Z])\]|([A-Z])[.):\uff1a])\s*(\S.*)", re.DOTALL)
_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_TIME = r"(?:\d{1,4}:\d{1,2}(?::\d{1,2})?(?:\.\d{1,6})?|\d{1,9}(?:\.\d{1,9})?)"
_SPAN = re.compile(  # blanks are single where it is used
    rf"[\[(]? ?({_TIME}) ?(?:seconds|sec|s)? ?(?:-|\u2013|\u2014|~|to|,) ?({_TIME}) ?"
    r"(?:seconds|sec|s)? ?[\])]?",
    re.IGNORECASE,
)


def without_reasoning(text: str) -> str:
    """The reply after its reasoning.

    An end tag without a start drops everything before it (some templates begin inside the tag); a
    start without an end drops everything after it: the model was cut off before it answered.
    """
    kept: list[str] = []
    inside: str | None = None
    at = 0
    for tag in _REASONING.finditer(text):
        closing, name = tag[1], tag[2].lower()
        if inside is None:
            if closing:
                kept.clear()
            else:
                kept.append(text[at : tag.start()])
                inside = name
            at = tag.end()
        elif closing and name == inside:
            inside, at = None, tag.end()
    if inside is None:
        kept.append(text[at:])
    return "".join(kept).strip()


def option(text: str, options: Sequence[str]) -> str | None:
    """The letter of the option that a reply names; never one that these options do not have. Equal
    options are told apart as they are shown (`samples.told_apart`)."""
    return _said(text, lambda value: _as_option(value, options), JSON_KEYS)


def string(text: str) -> str | None:
    """The short answer that a reply gives: from JSON, a last `Answer: ...`, or the whole of it."""
    return _said(text, lambda value: str(value).strip() or None if _plain(value) else None)


def number(text: str) -> float | None:
    """The number that a reply gives; None when it has none or words around it."""
    return _said(text, _as_number)


def spans(text: str) -> tuple[Span, ...] | None:
    """Stretches that a reply gives: `[[12, 15.5], ...]` in JSON, or `12 - 15.5` and `1:02 to
    1:10`, separated by commas, semicolons, `and` or lines; None when there is anything else."""
    return _said(text, _as_spans)


def order(text: str, options: Sequence[str]) -> tuple[str, ...] | None:
    """Letters in the order that a reply gives: each at most once, none that is no option."""
    return _said(text, lambda value: _as_order(value, len(options)))


def normalised(text: str) -> str:
    """For comparing short answers: compatibility forms, no case, accents of form, punctuation at
    the ends, articles, or doubled blanks."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = " ".join(text.split()).strip(" .,;:!?\"'`*()[]")
    return re.sub(r"^(?:the|a|an) (?=\S)", "", text)


def _said(
    text: str, read: Callable[[Any], _T | None], keys: Sequence[str] = JSON_KEYS[1:]
) -> _T | None:
    text = without_reasoning(text)
    objects = [found for found in _objects(text) if any(key in found for key in JSON_KEYS)]
    if objects:
        values = (objects[-1].get(key) for key in keys)
        value = next((value for value in values if not _blank(value)), None)
        return None if value is None else read(value)
    tagged = _tagged(text)
    if tagged is not None:
        return read(_bare(tagged))
    lines = [bare for line in text.splitlines() if (bare := _bare(line))]
    stated = _LINE.fullmatch(lines[-1]) if lines else None
    return read(_bare(stated["value"])) if stated else read(_bare(text))


def _tagged(text: str) -> str | None:
    """What stands in the last `<answer>` that is closed."""
    start, found = None, None
    for tag in _ANSWER.finditer(text):
        if not tag[1]:
            start = tag.end()
        elif start is not None:
            found, start = text[start : tag.start()], None
    return found


def _bare(text: str) -> str:
    """Without the marks of Markdown around it."""
    text = text.strip()
    fenced = re.fullmatch(r"```\w*\n(.*)\n```", text, re.DOTALL)
    return (fenced[1] if fenced else text).replace("**", "").strip(" \t\r\n`*_\"'")


def _objects(text: str) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder()
    end = failed = 0
    for place in _OBJECT.finditer(text):
        if place.start() < end:
            continue  # inside the last one
        try:
            found, end = decoder.raw_decode(text, place.start())
        except (ValueError, RecursionError):
            failed += 1
            if failed == _TRIES:
                return
            continue
        yield found


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _plain(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _as_option(value: Any, options: Sequence[str]) -> str | None:
    if not _plain(value):
        return None
    said = _bare(str(value))
    valid = [chr(ord("A") + i) for i in range(len(options))]
    alone = _LETTER.fullmatch(said)
    if alone and alone[1].upper() in valid:
        return alone[1].upper()
    texts = [normalised(option) for option in told_apart(options)]
    labelled = _LABELLED.fullmatch(said)
    if labelled:
        named = labelled[1] or labelled[2] or labelled[3]
        if named in valid:
            place = valid.index(named)
            if normalised(labelled[4]) in (texts[place], normalised(options[place])):
                return str(named)
    same = [valid[i] for i, text in enumerate(texts) if text and text == normalised(said)]
    return same[0] if len(same) == 1 else None


def _as_number(value: Any) -> float | None:
    if not _plain(value):
        return None
    found = _NUMBER.fullmatch(str(value).strip().rstrip("."))
    if not found:
        return None
    read = float(found[0].replace(",", ""))
    return read if abs(read) != float("inf") else None


def _as_spans(value: Any) -> tuple[Span, ...] | None:
    if isinstance(value, str):
        if value.lstrip().startswith("[["):
            try:
                return _as_spans(json.loads(value))
            except (ValueError, RecursionError):
                return None
        value = " ".join(value.split())
        rest = re.sub(r"[\s,;]|\band\b", "", _SPAN.sub("", value))
        pairs: list[Any] = [list(pair) for pair in _SPAN.findall(value)]
        return None if rest.strip(".") or not pairs else _spans_of(pairs)
    if isinstance(value, list) and len(value) == 2 and all(map(_plain, value)):
        value = [value]
    return _spans_of(value) if isinstance(value, list) and value else None


def _spans_of(pairs: list[Any]) -> tuple[Span, ...] | None:
    made = []
    for pair in pairs:
        if not (isinstance(pair, list) and len(pair) == 2 and all(map(_plain, pair))):
            return None
        try:
            made.append(Span(parse_time(str(pair[0])), parse_time(str(pair[1]))))
        except (ValueError, OverflowError):
            return None
    return tuple(made)


def _as_order(value: Any, count: int) -> tuple[str, ...] | None:
    if isinstance(value, list):
        value = " ".join(map(str, value))
    if not isinstance(value, str):
        return None
    given = re.fullmatch(
        r"[(\[]?\s*([A-Z](?:(?:\s*(?:,|->|→|>|<|-)\s*|\s*)[A-Z])*)\s*[)\]]?\.?", value
    )
    if not given:
        return None
    named = tuple(re.findall(r"[A-Z]", given[1]))
    valid = {chr(ord("A") + i) for i in range(count)}
    return named if len(set(named)) == len(named) and set(named) <= valid else None
