"""The line that every finished sample leaves in a run's log, with everything needed to score it
again (benchmarks.md 3.3)."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Status = Literal["ok", "parse_fail", "refused", "timeout", "budget", "error", "no_video"]
"""How a sample ended, apart from whether its answer is right: `parse_fail` has a reply without an
answer in it, `budget` spent more than allowed, `no_video` lacks the file."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FrameSent(_Part):
    """A frame that a model was sent."""

    video: str
    t_s: float
    width: int
    height: int
    crop: tuple[float, float, float, float] | None = None


class Cited(_Part):
    """A stretch that an answer cites."""

    video: str
    start_s: float
    end_s: float
    lane: str


class Spent(_Part):
    """Query tokens of a sample over all calls, as the receipt has them."""

    visual: int
    """As planned: providers report no split."""
    text_in: int
    """Reported tokens in less the visual ones."""
    out: int
    cached: int
    total: int
    """Charged against the budget."""
    calls: int
    usd: float | None = None
    """None when a price is not known."""


class Record(_Part):
    """One finished sample of one run."""

    run_id: str
    """Identity of the run: hash of everything that two comparable runs share."""
    sample_id: str
    video: str
    seed: int
    status: Status
    raw_response: str
    """What the model wrote, unchanged; the answer's text where rules wrote it."""
    answered_by: Literal["model", "rules", "none"]
    options_order: tuple[int, ...] = ()
    """Place in the benchmark of each option as shown."""
    answer_text: str = ""
    option: str | None = None
    """The letter in the order of the benchmark, as the system itself understood its model."""
    abstained: bool = False
    confidence: float | None = None
    evidence: tuple[Cited, ...] = ()
    ranked_videos: tuple[str, ...] = ()
    """For retrieval, best first."""
    frames: tuple[FrameSent, ...] = ()
    spent: Spent
    budget: int
    overrun: bool = False
    seconds: dict[str, float] = {}
    """By stage: `ask`, `vlm`."""
    retries: int = 0
    error: str | None = None
    agent_run: str | None = None
    """Run id in the library, for `longtake show-run`."""
    finished_at: float
    extra: dict[str, Any] = {}
