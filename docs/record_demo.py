"""Run the demo's commands in a terminal and write what they show to docs/demo.svg.

python docs/record_demo.py
"""

import json
import os
import pty
import shlex
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
COLUMNS = 100


def record(library: Path) -> str:
    """The SVG picture of indexing the examples and asking the demo's questions."""
    lecture = json.loads((ROOT / "examples" / "lecture.json").read_text(encoding="utf-8"))
    asked = [["ask", item["question"]] for item in lecture["questions"] if item["demo"]]
    screen = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    for command in [["index", "examples"], *asked]:
        screen.print(Text(f"$ longtake {shlex.join(command)}", style="bold green"))
        shown = run_in_terminal(
            [sys.executable, "-m", "longtake", "--library", str(library), *command]
        )
        screen.print(Text.from_ansi(shown.rstrip()))
        screen.print()
    return screen.export_svg(title="longtake")


def run_in_terminal(command: list[str]) -> str:
    """What a command writes to a terminal on its stdout.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=theirs, stderr=subprocess.DEVNULL
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while block := os.read(ours, 65536):
                shown += block
        except OSError:  # Linux ends a terminal with EIO
            pass
        os.close(ours)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return shown.decode("utf-8").replace("\r\n", "\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        picture = record(Path(folder) / "library")
    (ROOT / "docs" / "demo.svg").write_text(picture, encoding="utf-8")
