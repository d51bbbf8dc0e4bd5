"""Run every benchmark and print one table: target, measured, limit.

    python -m bench.run [--quick] [--only decode,shots,...]

Each benchmark runs in a process of its own; its rows come as JSON lines. The table goes to stdout,
and with every row's note to `bench/results/<date>.md`.
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

BENCHMARKS = ("decode", "shots", "visual", "speech", "ocr", "stores", "index")


@dataclass(frozen=True, slots=True)
class Row:
    """One measured target."""

    target: str
    name: str
    measured: float
    limit: float
    better: str
    """`higher` or `lower`."""
    unit: str
    note: str = ""

    @property
    def met(self) -> bool:
        if self.better == "higher":
            return self.measured >= self.limit
        return self.measured <= self.limit


def run(name: str, *, quick: bool) -> list[Row]:
    """The rows of one benchmark; none when it failed, with its words on stderr."""
    command = [sys.executable, "-m", f"bench.{name}", *(["--quick"] if quick else [])]
    print(f"== {name}", file=sys.stderr, flush=True)
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if result.returncode:
        print(f"== {name} failed with exit code {result.returncode}", file=sys.stderr)
    return [Row(**json.loads(line)) for line in result.stdout.splitlines() if line[:1] == "{"]


def table(rows: list[Row]) -> Table:
    """All rows, in the order of the targets."""
    grid = Table("target", "what", "measured", "limit", "unit", "met")
    for row in rows:
        sign = "≥" if row.better == "higher" else "≤"
        grid.add_row(
            row.target,
            row.name,
            f"{row.measured:.4g}",
            f"{sign} {row.limit:g}",
            row.unit,
            "yes" if row.met else "NO",
        )
    return grid


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter inputs, fewer rounds")
    parser.add_argument("--only", default=",".join(BENCHMARKS), help="comma-separated names")
    options = parser.parse_args()
    names = options.only.split(",")
    if unknown := set(names) - set(BENCHMARKS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(BENCHMARKS)}")
    measured = {name: run(name, quick=options.quick) for name in names}
    rows = [row for found in measured.values() for row in found]
    rows.sort(key=lambda row: (int("".join(filter(str.isdigit, row.target)) or 0), row.target))
    Console(width=140).print(table(rows))
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    report = folder / time.strftime("%Y-%m-%d-%H%M.md")
    lines = ["| target | what | measured | limit | note |", "|---|---|---|---|---|"]
    lines += [
        f"| {r.target} | {r.name} | {r.measured:.4g} {r.unit} | {r.better} {r.limit:g} | {r.note} |"
        for r in rows
    ]
    report.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0 if all(measured.values()) and all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
