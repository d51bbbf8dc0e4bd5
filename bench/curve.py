"""Accuracy against tokens, as tables in Markdown: by system, by length and by family, and what the
agent has over each other system on the same questions:

    python -m bench.curve RUNS [--data DIR] [--partial] [--factor code ...]

Every number is the strict scorer's over all questions asked, with its 95 % interval over videos.
Runs that differ in more than their system are compared where `--factor` names it, and labelled.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from longtake.eval import statistics as stats
from longtake.eval.areas import curves_of
from longtake.eval.compare import compare
from longtake.eval.gather import results_in
from longtake.eval.results import Result
from longtake.eval.samples import Sample
from longtake.eval.summary import summary
from longtake.eval.systems import AGENT

Wanted = Callable[[Sample], bool]
Runs = dict[str, list[Result]]
"""System -> its runs, by budget."""


def by_system(results: Sequence[Result]) -> Runs:
    """The agent first, budgets in ascending order."""
    found: Runs = {}
    for result in sorted(results, key=lambda r: r.identity.budget):
        found.setdefault(result.identity.system, []).append(result)
    return dict(sorted(found.items(), key=lambda item: (item[0] != AGENT, item[0])))


def part(runs: Runs, wanted: Wanted) -> Runs:
    """The runs as if nothing but some samples had been asked."""
    return {name: [result.only(wanted) for result in own] for name, own in runs.items()}


def budgets_of(runs: Runs) -> list[int]:
    """All that any system has."""
    return sorted({result.identity.budget for own in runs.values() for result in own})


def height(runs: Runs, name: str) -> str:
    """Mean height of a system's curve; nothing where it lacks a budget that others have."""
    (curve,) = curves_of(runs[name])
    return shown(curve.area) if list(curve.budgets) == budgets_of(runs) else ""


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


def by_budget(runs: Runs) -> str:
    """Systems by budgets."""
    budgets = budgets_of(runs)
    rows = []
    for name, own in runs.items():
        points = {result.identity.budget: shown(result.accuracy()) for result in own}
        rows.append([name, *(points.get(b, "") for b in budgets), height(runs, name)])
    return table(["system", *map(str, budgets), "mean height"], rows)


def shared(runs: Runs) -> Runs:
    """The runs with budgets that all systems have."""
    budgets = set.intersection(*({r.identity.budget for r in own} for own in runs.values()))
    return {
        name: [result for result in own if result.identity.budget in budgets]
        for name, own in runs.items()
    }


def by_family(runs: Runs) -> str:
    """Mean heights over the budgets that all systems have."""
    runs = shared(runs)
    samples = runs[AGENT][0].samples
    counts = Counter(sample.axes["family"] for sample in samples)
    rows = []
    for family, count in sorted(counts.items()):
        of_family = part(runs, lambda s, f=family: s.axes["family"] == f)  # type: ignore[misc]
        rows.append([f"{family} ({count})", *(height(of_family, name) for name in runs)])
    return table(["family (questions)", *runs], rows)


def over(runs: Runs, factors: Sequence[str]) -> str:
    """What the agent has over each other system at the same budget, on the samples that both
    have; beside the system they may differ in these factors."""
    budgets = budgets_of(runs)
    agent = {result.identity.budget: result for result in runs[AGENT]}
    rows = []
    for name, own in runs.items():
        if name != AGENT:
            others = {result.identity.budget: result for result in own}
            cells = [
                signed(compare(agent[b], others[b], ["system", *factors]).all)
                if b in agent and b in others
                else ""
                for b in budgets
            ]
            rows.append([name, *cells])
    return table(["agent less", *map(str, budgets)], rows)


def spent(runs: Runs) -> str:
    """Mean tokens, calls, evidence found and what became of the replies."""
    rows = []
    for name, own in runs.items():
        for result in own:
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


def page(runs: Runs, factors: Sequence[str] = ()) -> Iterator[str]:
    """What the numbers have to be labelled with, and all tables."""
    if factors:
        yield f"The agent was compared across differences of {', '.join(factors)}.\n"
    stamps = {stamp for own in runs.values() for result in own for stamp in result.stamps}
    if stamps:
        yield f"{'; '.join(sorted(stamps))}.\n"
    answerable = part(runs, lambda s: s.answerable)
    yield "## All questions\n\n" + by_budget(runs)
    yield "## Questions that have an answer\n\n" + by_budget(answerable)
    yield "## Questions that have none\n\n" + by_budget(part(runs, lambda s: not s.answerable))
    yield "## The agent against others\n\n" + over(runs, factors)
    about = "## The agent against others, questions that have an answer"
    yield f"{about}\n\n{over(answerable, factors)}"
    lengths = {sample.axes["length_min"] for sample in runs[AGENT][0].samples}
    for length in sorted(lengths, key=float):
        own = part(runs, lambda s, n=length: s.axes["length_min"] == n)  # type: ignore[misc]
        yield f"## Videos of {length} min\n\n" + by_budget(own)
        yield f"## Videos of {length} min: the agent against others\n\n" + over(own, factors)
    budgets = budgets_of(shared(runs))
    yield f"## Mean heights by family, {budgets[0]} to {budgets[-1]} tokens\n\n" + by_family(runs)
    yield "## Tokens and evidence\n\n" + spent(runs)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--partial", action="store_true")
    parser.add_argument("--factor", action="append", default=[], help="what runs may differ in")
    given = parser.parse_args()
    results = results_in(given.runs, given.data, partial=given.partial)
    sys.stdout.write("\n".join(page(by_system(results), given.factor)))


if __name__ == "__main__":
    main()
