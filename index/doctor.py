"""What each lane would run with on this machine."""

from dataclasses import dataclass
from pathlib import Path

from longtake import models
from longtake.config import Settings
from longtake.errors import WeightsError
from longtake.index.lane_consumers import stage_weights
from longtake.index.lanes import StageName
from longtake.index.stages import package_version


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneStatus:
    """A lane's engine, weights and device, or what is missing."""

    lane: StageName
    engine: str
    version: str
    """Version of the engine's package."""
    model: str
    path: Path | None
    """Weights found; None when there are none or the engine needs none."""
    source: models.Source | None
    verified: bool
    """The weights were compared with a known SHA-256."""
    device: str
    problem: str | None = None
    fix: str | None = None
    """What to do about the problem."""


def lane_statuses(settings: Settings, *, device: str) -> list[LaneStatus]:
    """One status a lane that has an engine; looks only at this machine, never at the hub."""
    engines = {
        StageName.SHOTS: settings.shots.engine,
        StageName.VISUAL: settings.visual.engine,
        StageName.SPEECH: settings.speech.engine,
        StageName.TEXT: settings.text.engine,
        StageName.SENTENCES: "sentence-transformers",
    }
    weights = stage_weights(settings)
    return [_status(stage, engine, weights.get(stage), device) for stage, engine in engines.items()]


def _status(
    stage: StageName, engine: str, wanted: tuple[models.Kind, str] | None, device: str
) -> LaneStatus:
    found: models.Weights | None = None
    problem = fix = None
    if wanted is not None:
        try:
            found = models.resolve(*wanted, offline=True)
        except WeightsError as exc:
            problem, _, fix = str(exc).partition(": ")
    return LaneStatus(
        lane=stage,
        engine=engine,
        version=package_version(engine),
        model=wanted[1] if wanted else "built in",
        path=found.path if found else None,
        source=found.source if found else None,
        verified=bool(found and found.verified),
        device=device if wanted else "cpu",
        problem=problem,
        fix=fix,
    )
