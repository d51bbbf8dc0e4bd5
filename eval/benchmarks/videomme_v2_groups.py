"""Group scores of Video-MME-v2: see `videomme_v2` for the rules and the owners' quirks."""

import ast
from collections.abc import Callable, Sequence
from typing import TypeVar

from longtake.errors import UsageError
from longtake.eval.benchmarks import tables
from longtake.eval.judgement import Judgement, Row, Scored
from longtake.eval.samples import Sample

_T = TypeVar("_T")

SQUARES = (0.0, 100 / 16, 400 / 16, 900 / 16, 100.0)
CHAINS: dict[str, tuple[float, ...]] = {
    "[1, 2, 3, 4]": SQUARES,
    "[1, [2, 3], 4]": (0.0, 100 / 12, 400 / 12, 700 / 12, 100.0),
    "[[1, 2], 3, 4]": (0.0, 100 / 10, 200 / 10, 500 / 10, 100.0),
}
"""Points of a logic group by the length of its chain; inner lists may be in either order."""


def by_prefix(items: Sequence[_T], sample_of: Callable[[_T], Sample]) -> dict[str, list[_T]]:
    """Items by the group of their sample, each in the order of its questions' numbers.

    Raises:
        UsageError: a group has not four.
    """
    groups: dict[str, list[_T]] = {}
    for item in items:
        groups.setdefault(sample_of(item).group or "", []).append(item)
    for name, group in groups.items():
        group.sort(key=lambda item: int(sample_of(item).sample_id.rpartition("-")[2]))
        if len(group) != 4:
            raise UsageError(
                f"group {name!r} of Video-MME-v2 has {len(group)} questions, not 4: group scores "
                "need whole groups, so take samples by group"
            )
    return groups


def mean(
    groups: Sequence[Sequence[Scored]],
    metric: str,
    part: str,
    points_of: Callable[[Sequence[Scored], Sequence[int]], float],
) -> Row:
    """The mean over groups of what `points_of` gives for their marks."""
    official = [points_of(group, [_mark(item.official) for item in group]) for group in groups]
    strict = [points_of(group, [int(item.strict.score or 0) for item in group]) for group in groups]
    return Row(
        metric=metric,
        part=part,
        official=tables.mean(official),
        strict=tables.mean(strict),
        official_n=len(groups),
        n=len(groups),
        unit="points",
    )


def _mark(judgement: Judgement) -> int:
    return -1 if judgement.parsed is None else int(judgement.score or 0)


def points(group: Sequence[Scored], marks: Sequence[int]) -> float:
    """Points of a group, 0 to 100, by its kind.

    Raises:
        UsageError: a kind or structure that the owners do not score.
    """
    last = group[-1].sample
    if last.axes["group_type"] == "relevance":
        right = sum(marks)
        return SQUARES[right] if right >= 0 else 0.0
    if last.axes["group_type"] == "logic":
        return chain_points(marks, str(last.extra["row"]["group_structure"]))
    raise UsageError(f"{last.sample_id}: unknown group_type {last.axes['group_type']!r}")


def linear(group: Sequence[Scored], marks: Sequence[int]) -> float:
    """Points of a relevance group if each question were worth 25."""
    return sum(marks) * 25.0


def chain_points(marks: Sequence[int], structure: str) -> float:
    """Points of a logic group: 0 is wrong, anything else goes on with the chain.

    Where the structure has two questions side by side, the second may stand in for the first.

    Raises:
        UsageError: a structure that the owners do not score.
    """
    try:
        form = str(ast.literal_eval(structure))
    except (ValueError, SyntaxError):
        form = structure
    if form not in CHAINS:
        raise UsageError(f"unknown group_structure {structure!r}; known: {', '.join(CHAINS)}")
    length = next((i for i, mark in enumerate(marks) if not mark), len(marks))
    beside = {"[1, [2, 3], 4]": 1, "[[1, 2], 3, 4]": 0}.get(form)
    if length == beside and marks[beside + 1]:
        length += 1
    return CHAINS[form][length]
