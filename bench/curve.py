"""Accuracy against tokens, as tables in Markdown: by system, by length and by family, and what the
agent has over each other system on the same questions:

    python -m bench.curve RUNS [--data DIR] [--partial]

Every number is the strict scorer's over all questions asked, with its 95 % interval over videos.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from longtake.eval import statistics as stats
from longtake.eval.curves import log2_weights
from longtake.eval.drawing import cluster_of
from longtake.eval.gather import results_in
from longtake.eval.results import Result
from longtake.eval.samples import Sample
from longtake.eval.summary import summary
from longtake.eval.systems import AGENT

Curve = list[Result]
"""A system's runs, by budget."""
Wanted = Callable[[Sample], bool]


def curves(results: Sequence[Result]) -> dict[str, Curve]:
    """System -> its runs in the order of budgets, the agent first."""
    by_system: dict[str, Curve] = {}
    for result in sorted(results, key=lambda r: r.identity.budget):
        by_system.setdefault(result.identity.system, []).append(result)
    return dict(sorted(by_system.items(), key=lambda item: (item[0] != AGENT, item[0])))


def point(result: Result, wanted: Wanted) -> stats.Estimate | None:
    """Accuracy of a run on some samples."""
    return result.accuracy([sample for sample in result.samples if wanted(sample)])


def height(curve: Curve, wanted: Wanted) -> stats.Estimate | None:
    """Mean height of a curve over log2(tokens), on some samples."""
    weights = log2_weights([result.identity.budget for result in curve])
    scores = [result.scores() for result in curve]
    samples = [s for s in curve[0].samples if wanted(s) and all(s.sample_id in of for of in scores)]
    values = [weights @ np.array([of[s.sample_id] for of in scores]) for s in samples]
    return stats.mean(values, [cluster_of(s) for s in samples])


def shown(estimate: stats.Estimate | None) -> str:
    """`0.42 (0.35-0.50)`."""
    if estimate is None:
        return ""
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.2f}"
    return f"{estimate.value:.2f} ({estimate.low:.2f}-{estimate.high:.2f})"


def signed(paired: stats.Paired | None) -> str:
    """`+0.08 (-0.01 to +0.17)`, bold where the interval leaves 0 out."""
    if paired is None:
        return ""
    own = paired.difference
    if own.low is None or own.high is None:
        return f"{own.value:+.2f}"
    text = f"{own.value:+.2f} ({own.low:+.2f} to {own.high:+.2f})"
    return f"**{text}**" if own.low > 0 or own.high < 0 else text


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """In Markdown."""
    lines = [f"| {' | '.join(row)} |" for row in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]]) + "\n"


def by_budget(of: dict[str, Curve], wanted: Wanted) -> str:
    """Systems by budgets."""
    budgets = sorted({result.identity.budget for curve in of.values() for result in curve})
    rows = []
    for name, curve in of.items():
        own = {result.identity.budget: result for result in curve}
        cells = [shown(point(own[b], wanted)) if b in own else "" for b in budgets]
        rows.append([name, *cells, shown(height(curve, wanted))])
    return table(["system", *map(str, budgets), "mean height"], rows)


def by_part(of: dict[str, Curve], axis: str) -> str:
    """Mean heights by a part of the questions."""
    samples = next(iter(of.values()))[0].samples
    key: Callable[[Sample], str] = lambda s: s.axes.get(axis, "")  # noqa: E731
    rows = []
    for part, group in groupby(sorted(samples, key=key), key=key):
        count = len(list(group))
        cells = [shown(height(c, lambda s, p=part: key(s) == p)) for c in of.values()]  # type: ignore[misc]
        rows.append([f"{part} ({count})", *cells])
    return table([f"{axis} (questions)", *of], rows)


def over(of: dict[str, Curve], wanted: Wanted) -> str:
    """What the agent has over each other system at the same budget."""
    budgets = [result.identity.budget for result in of[AGENT]]
    rows = []
    for name, curve in of.items():
        if name == AGENT:
            continue
        pairs = {b.identity.budget: b for b in curve}
        cells = [
            signed(difference(result, pairs[result.identity.budget], wanted))
            if result.identity.budget in pairs
            else ""
            for result in of[AGENT]
        ]
        rows.append([name, *cells])
    return table(["agent less", *map(str, budgets)], rows)


def difference(one: Result, two: Result, wanted: Wanted) -> stats.Paired | None:
    """On the samples that both have."""
    first, second = one.scores(), two.scores()
    both = [s for s in one.samples if wanted(s) and s.sample_id in first.keys() & second.keys()]
    return stats.paired(
        [first[s.sample_id] for s in both],
        [second[s.sample_id] for s in both],
        [cluster_of(s) for s in both],
    )


def spent(of: dict[str, Curve]) -> str:
    """Mean tokens, calls, evidence found and what became of the replies."""
    rows = []
    for name, curve in of.items():
        for result in curve:
            made = summary(result)
            assert made.costs is not None
            rows.append([
                name, str(result.identity.budget), f"{made.costs.total:.0f}",
                str(made.costs.most), f"{made.costs.calls:.1f}",
                shown(made.grounding.get("recall")),
                f"{made.parse_fail:.2f}" if made.parse_fail is not None else "",
                ", ".join(f"{n} {status}" for status, n in sorted(made.statuses.items())),
            ])  # fmt: skip
    head = "system budget mean most calls evidence unread statuses".split()
    return table(head, rows)


def page(of: dict[str, Curve]) -> Iterator[str]:
    """All tables."""
    yield "## All questions\n\n" + by_budget(of, lambda s: True)
    yield "## Questions that have an answer\n\n" + by_budget(of, lambda s: s.answerable)
    yield "## Questions that have none\n\n" + by_budget(of, lambda s: not s.answerable)
    yield "## The agent against others\n\n" + over(of, lambda s: True)
    yield "## The agent against others, questions that have an answer\n\n" + over(
        of, lambda s: s.answerable
    )
    samples = next(iter(of.values()))[0].samples
    for length in sorted({s.axes["length_min"] for s in samples}, key=float):
        of_length: Wanted = lambda s, n=length: s.axes["length_min"] == n  # type: ignore[misc]  # noqa: E731
        yield f"## Videos of {length} min\n\n" + by_budget(of, of_length)
        yield f"## Videos of {length} min: the agent against others\n\n" + over(of, of_length)
    yield "## Mean heights by family\n\n" + by_part(of, "family")
    yield "## Tokens and evidence\n\n" + spent(of)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--partial", action="store_true")
    given = parser.parse_args()
    results = results_in(given.runs, given.data, partial=given.partial)
    sys.stdout.write("\n".join(page(curves(results))))


if __name__ == "__main__":
    main()
