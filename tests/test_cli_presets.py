"""The list of presets, as a table and as a document."""

import json

from typer.testing import CliRunner

from longtake.cli import app
from longtake.tools.select.presets import PRESETS


def test_every_preset_is_listed_with_source_needs_and_cost() -> None:
    done = CliRunner().invoke(app, ["presets"])
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].split("  ")[0] == "preset"
    assert len(lines) == 1 + len(PRESETS)
    mdp3 = next(line for line in lines if line.startswith("mdp3 "))
    assert "ICCV 2025" in mdp3 and "features; query; relevance" in mdp3
    uniform = next(line for line in lines if line.startswith("uniform "))
    assert " nothing " in uniform


def test_the_document() -> None:
    done = CliRunner().invoke(app, ["presets", "--json"])
    document = json.loads(done.stdout)
    assert document["schema"] == "longtake.presets/1"
    assert [row["name"] for row in document["presets"]] == list(PRESETS)
    quota = next(row for row in document["presets"] if row["name"] == "quota")
    assert quota["needs"] == ["probability or relevance"]
    assert set(quota) == {"name", "line", "source", "needs", "uses", "scored", "calls"}
