"""Index this folder and ask the demo's questions: commands and output as a user sees them.

python examples/demo.py [LIBRARY]      (default: .demo)
"""

import json
import shlex
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> int:
    library = sys.argv[1] if len(sys.argv) > 1 else ".demo"
    questions = json.loads((HERE / "lecture.json").read_text(encoding="utf-8"))["questions"]
    asked = [["ask", item["question"]] for item in questions if item["demo"]]
    for command in [["index", "examples"], *asked]:
        print(f"\n$ longtake {shlex.join(command)}", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "longtake", "--library", library, *command],
            cwd=HERE.parent,
            check=False,
        )
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
