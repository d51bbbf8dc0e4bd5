"""What two runs must share to be comparable (benchmarks.md, rule 4), as one hash."""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

import longtake
from longtake import prompts

Subtitles = Literal["off", "given", "asr"]
"""`off`: nothing that is said is known; `given`: the benchmark's subtitles, where a video has some;
`asr`: what our recogniser hears."""

MODES: Mapping[str, Subtitles] = {"off": "off", "given": "given", "asr": "asr"}


class Identity(BaseModel):
    """Everything that decides a run's numbers, the seed and the shard apart."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    benchmark: str
    split: str
    revision: str
    """Hash of the benchmark's annotation files."""
    expected: int
    """Samples that the run has to answer: the denominator."""
    limit: int | None = None
    """Samples that were drawn; None asks all."""
    limit_seed: int = 0
    subtitles: Subtitles
    system: str
    policy: str = ""
    preset: str = ""
    """Both empty for systems other than the agent."""
    budget: int
    """Tokens a question may cost, all calls together."""
    option_seed: int | None = None
    """Options are shown in an order drawn with it; None keeps that of the benchmark."""
    options_searched: bool = False
    """Whether retrieval is given the options (worth points by itself)."""
    library_mode: bool = False
    """Questions are asked of all videos at once, without saying which."""
    model: str
    """Name of the model that sees; `none` without one."""
    model_identity: str
    """Its endpoint, revision and number format."""
    index: str
    """Hash of engines, weights and settings of everything that is indexed."""
    settings: str
    """Hash of the settings of agent and model calls."""
    prompts: str
    """Hash of all prompt templates."""
    code: str
    """Version of longtake."""

    @property
    def run_id(self) -> str:
        """Hash of all fields, 16 hexadecimal digits."""
        return digest(self.model_dump())[:16]

    @property
    def label(self) -> str:
        """For people and folders: `agent-default-moments-4000`."""
        parts = [self.system, self.policy, self.preset, str(self.budget)]
        return "-".join(part for part in parts if part)

    def differences(self, other: "Identity") -> dict[str, tuple[Any, Any]]:
        """Fields in which another run differs, with both values."""
        mine, theirs = self.model_dump(), other.model_dump()
        return {
            key: (mine[key], theirs[key])
            for key in mine
            if json.dumps(mine[key]) != json.dumps(theirs[key])
        }


def digest(value: Any) -> str:
    """SHA-256 of a JSON value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def prompts_hash() -> str:
    """Hash over every template that can be sent."""
    texts: Mapping[str, str] = {name: prompts.text(name) for name in prompts.names()}
    return digest(texts)[:16]


_CODE = ("agent", "tools", "index", "eval")
"""Packages whose source decides what a system answers."""


@cache
def code_version() -> str:
    """Version of longtake and a hash of the source that decides answers."""
    root = Path(longtake.__file__).parent
    made = hashlib.sha256()
    for path in answering():
        made.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return f"{longtake.__version__}+{made.hexdigest()[:8]}"


_ANSWERING = frozenset(
    {
        "agents",
        "asking",
        "controls",
        "libraries",
        "material",
        "opened",
        "oracle",
        "reader",
        "reading",
        "runner",
        "samples",
        "sources",
        "systems",
        "watched",
    }
)


def answering() -> list[Path]:
    """The source files that decide what is asked and what a system answers."""
    root = Path(longtake.__file__).parent
    files = [root / "timing.py"]
    for package in _CODE:
        for path in sorted((root / package).rglob("*.py")):
            asks = path.stem in _ANSWERING or path.parent.name == "benchmarks"
            if package != "eval" or asks:
                files.append(path)
    return files
