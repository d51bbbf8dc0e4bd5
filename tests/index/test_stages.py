"""When a recorded stage still holds."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from longtake.config import Settings
from longtake.index.lanes import StageName, StageState
from longtake.index.records import StageRecord
from longtake.index.stages import DEPENDS_ON, stage_specs, stale_stages, wanted_stages

ALL = set(StageName)


def recorded_by(settings: Settings) -> dict[StageName, StageRecord]:
    """Records of a video that was just indexed with these settings, stage after stage."""
    specs = stage_specs(settings)
    return {
        name: StageRecord(
            video_id="v",
            name=name,
            state=StageState.DONE,
            engine=spec.engine,
            model=spec.model,
            version=spec.version,
            parameters=spec.parameters,
            started_at=float(place),
            finished_at=place + 0.5,
            stats={"sidecars": ""} if name is StageName.SPEECH else {},
        )
        for place, (name, spec) in enumerate(specs.items())
    }


def stale(
    records: Mapping[StageName, StageRecord],
    settings: Settings,
    *,
    wanted: set[StageName] = ALL,
    sidecars: str = "",
    retry: set[StageName] | None = None,
) -> set[StageName]:
    return stale_stages(
        records, stage_specs(settings), wanted=wanted, sidecars=sidecars, retry=retry or set()
    )


def test_nothing_is_stale_after_an_index_and_everything_before() -> None:
    settings = Settings()
    assert stale(recorded_by(settings), settings) == set()
    assert stale({}, settings) == ALL


@pytest.mark.parametrize(
    ("change", "redone"),
    [
        ({"speech": {"model": "tiny.en"}}, {StageName.SPEECH, StageName.SENTENCES}),
        ({"text": {"engine": "easyocr"}}, {StageName.TEXT, StageName.SENTENCES}),
        (
            {"shots": {"max_clip_s": 5}},
            {StageName.SHOTS, StageName.THUMBNAILS, StageName.CLIPS},
        ),
        ({"visual": {"model": "ViT-B-32/openai"}}, {StageName.VISUAL, StageName.CLIPS}),
        ({"sentences": {"model": "all-mpnet-base-v2"}}, {StageName.SENTENCES}),
        ({"threads": 1, "device": "cpu", "offline": True}, set()),
    ],
    ids=["speech", "text", "shots", "visual", "sentences", "machine"],
)
def test_a_changed_setting_redoes_its_stage_and_what_is_made_from_it(
    change: dict[str, Any], redone: set[StageName]
) -> None:
    assert stale(recorded_by(Settings()), Settings(**change)) == redone


def test_a_stage_redone_later_makes_what_was_made_from_it_stale() -> None:
    settings = Settings()
    records = recorded_by(settings)
    later = records[StageName.SENTENCES].finished_at + 1
    records[StageName.TEXT] = replace(records[StageName.TEXT], finished_at=later)
    assert stale(records, settings) == {StageName.SENTENCES}


def test_failed_stages_are_redone_and_skipped_ones_when_their_weights_are_there() -> None:
    settings = Settings()
    records = recorded_by(settings)
    records[StageName.TEXT] = replace(records[StageName.TEXT], state=StageState.FAILED)
    records[StageName.VISUAL] = replace(records[StageName.VISUAL], state=StageState.SKIPPED)
    assert stale(records, settings) == {StageName.TEXT, StageName.SENTENCES}
    assert stale(records, settings, retry={StageName.VISUAL}) == {
        StageName.TEXT,
        StageName.SENTENCES,
        StageName.VISUAL,
        StageName.CLIPS,
    }


def test_new_subtitles_beside_the_file_redo_speech() -> None:
    settings = Settings()
    redone = stale(recorded_by(settings), settings, sidecars="talk.srt:10:1")
    assert redone == {StageName.SPEECH, StageName.SENTENCES}


def test_only_speech_brings_what_is_made_from_it_and_nothing_else() -> None:
    wanted = wanted_stages({StageName.SPEECH}, recorded=set())
    assert wanted == {StageName.SPEECH, StageName.SENTENCES}
    records = {name: record for name, record in recorded_by(Settings()).items() if name in wanted}
    assert stale(records, Settings(), wanted=wanted) == set()


def test_only_visual_brings_shots_when_there_are_none_yet() -> None:
    visual = {StageName.VISUAL, StageName.CLIPS}
    assert wanted_stages({StageName.VISUAL}, recorded=set()) == visual | {StageName.SHOTS}
    assert wanted_stages({StageName.VISUAL}, recorded={StageName.SHOTS}) == visual


def test_a_stage_comes_after_what_it_is_made_from() -> None:
    order = list(DEPENDS_ON)
    for name, upstream in DEPENDS_ON.items():
        assert all(order.index(stage) < order.index(name) for stage in upstream)
