"""Pieces that multiple-choice benchmarks share: labels of options, letters, judgements."""

import re
from collections.abc import Sequence

from longtake.errors import UsageError
from longtake.eval.judgement import Judgement, letter
from longtake.eval.samples import Sample

_LABEL = re.compile(r"\s*(?:\(([A-Z])\)|([A-Z])[.):\uff1a])\s*")


def without_label(text: str, index: int) -> str:
    """An option's text without `B. `, `B) ` or `(B) ` where that is the label of its place."""
    found = _LABEL.match(text)
    if found and (found[1] or found[2]) == letter(index):
        text = text[found.end() :]
    return text.strip()


def unlabelled(options: Sequence[str]) -> tuple[str, ...]:
    """Options without their labels."""
    return tuple(without_label(text, i) for i, text in enumerate(options))


def split_lines(text: str, marks: str = "ABCDEFGH") -> tuple[str, tuple[str, ...]]:
    """A question with its options inline, as question and options.

    Each option begins a line (or the text) with `(A)` or `A.`, in order of the alphabet; a line
    that is no such label belongs to what is before it.
    """
    question: list[str] = []
    options: list[str] = []
    for line in text.splitlines():
        found = _LABEL.match(line)
        named = (found[1] or found[2]) if found else None
        if found and len(options) < len(marks) and named == marks[len(options)]:
            options.append(line[found.end() :].strip())
        elif options:
            options[-1] += " " + line.strip()
        else:
            question.append(line)
    return "\n".join(question).strip(), tuple(options)


def by_letter(sample: Sample, chosen: str | None, *, counted: bool = True) -> Judgement:
    """Whether a letter is the sample's answer; one that is None or empty was not understood."""
    if sample.answer is None:
        return Judgement(parsed=chosen or None, score=None, counted=counted)
    right = bool(chosen) and chosen == sample.answer
    return Judgement(parsed=chosen or None, score=float(right), counted=counted)


def checked(answer: str, options: Sequence[str], where: str) -> str:
    """A letter of the truth, which must be one of the options'.

    Raises:
        UsageError: it is not.
    """
    if len(answer) != 1 or not 0 <= ord(answer) - ord("A") < len(options):
        raise UsageError(f"{where}: the answer {answer!r} is none of its {len(options)} options")
    return answer


def place(text: str, options: Sequence[str]) -> str | None:
    """The letter of the first option that is this very text; None where there is none."""
    return letter(list(options).index(text)) if text in options else None
