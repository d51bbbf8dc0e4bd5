"""Writing and reading back the files that owners of benchmarks take."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from longtake.eval.judgement import Scored


def chosen(item: Scored) -> str:
    """The letter to hand in: as strictly understood, else as the owners' own rule reads it."""
    for judgement in (item.strict, item.official):
        if isinstance(judgement.parsed, str):
            return judgement.parsed
    return ""


def index(item: Scored) -> int:
    """The number of the chosen option from 0; -1 when none was understood."""
    found = chosen(item)
    return ord(found) - ord("A") if len(found) == 1 else -1


def raw(item: Scored) -> str:
    """The reply as it is; empty for none."""
    return item.response.text if item.response else ""


def write_json(content: Any, path: Path) -> None:
    """As owners' own scripts write it: UTF-8, indented."""
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_lines(objects: Sequence[Mapping[str, Any]], path: Path) -> None:
    """One JSON object a line."""
    lines = (json.dumps(item, ensure_ascii=False) + "\n" for item in objects)
    path.write_text("".join(lines), encoding="utf-8")


def read_lines(path: Path) -> list[Any]:
    """Objects of a JSONL file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write_table(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Tab separated, with a header."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_table(path: Path) -> list[dict[str, str]]:
    """Rows of a tab separated file with a header."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))
