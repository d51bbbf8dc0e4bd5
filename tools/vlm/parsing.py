"""Replies of models -> values: tolerant of fences, prose, thoughts and slips of JSON; strict about
what the schema asks for, so that nothing required is ever made up."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import json_repair
from pydantic import BaseModel, ValidationError

_THOUGHTS = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.S | re.I)
_FENCE = re.compile(r"```[a-zA-Z]*\s*(.*?)(?:```|\Z)", re.S)
_LONGEST_FAULT = 300
_MOST_CHARACTERS = 100_000
"""Longer replies are no JSON object that anybody asked for."""


def parse_reply(text: str, schema: type[BaseModel]) -> tuple[BaseModel | None, str]:
    """The value in a reply, or None and what is wrong with it, for the model to read.

    Looks for a JSON object in fences, then between the outermost braces, then in all of the text;
    mends what can be mended, and always validates. A schema whose replies have another form too
    reads it by a class method `from_words(text)`: the fields, or None where the text has not that
    form.
    """
    fault = "there is no JSON object in it"
    if len(text) > _MOST_CHARACTERS:
        return None, fault
    from_words: Callable[[str], object] | None = getattr(schema, "from_words", None)
    spoken = from_words(text) if from_words is not None else None
    if spoken is not None:
        try:
            return schema.model_validate(spoken), ""
        except ValidationError as exc:
            return None, _told(exc)
    for candidate in _candidates(_THOUGHTS.sub("", text)):
        for load in _LOADERS:
            found = load(candidate)
            if not isinstance(found, dict) or not found:
                continue
            try:
                return schema.model_validate(found), ""
            except ValidationError as exc:
                fault = _told(exc)
    return None, fault


def _candidates(text: str) -> Iterator[str]:
    yield from (match[1] for match in _FENCE.finditer(text))
    start, end = text.find("{"), text.rfind("}")
    if start >= 0:
        yield text[start : end + 1] if end > start else text[start:]
        if end > start:
            yield text[start:]
        # an example or a first try before the answer: the last object of several
        last = text.rfind("{", 0, end)
        if last > start:
            yield text[last : end + 1]


def _strict(text: str) -> Any:
    """Strings may hold raw control characters: some servers' grammars let them through."""
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def _mended(text: str) -> Any:
    try:
        return json_repair.loads(text)
    except (ValueError, RecursionError):
        return None


_LOADERS: tuple[Callable[[str], Any], ...] = (_strict, _mended)


def _told(error: ValidationError) -> str:
    """The faults in words a model can act on."""
    faults = [
        f"{'.'.join(str(part) for part in fault['loc']) or 'the object'}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_input=False)
    ]
    return "; ".join(faults)[:_LONGEST_FAULT]
