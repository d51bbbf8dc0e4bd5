"""What two runs must share to be comparable (benchmarks.md, rule 4), as one hash."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

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
