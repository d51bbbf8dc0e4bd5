"""Indexing real files into a real library: what is done, redone, recognised and told."""

import json
import os
import shutil
import wave
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from longtake.config import Settings
from longtake.index.lanes import StageName, StageState
from longtake.index.reports import VideoReport
from longtake.index.store import Store
from longtake.tools.library import Library

VISUAL = {StageName.VISUAL, StageName.CLIPS}


@pytest.fixture(scope="module")
def settings() -> Settings:
    return Settings(offline=True, speech={"model": "tiny.en"})


@pytest.fixture(scope="module")
def indexed(
    tmp_path_factory: pytest.TempPathFactory, lecture: Path, settings: Settings
) -> Iterator[tuple[Path, Path, VideoReport]]:
    """A library with one copy of the lecture: (library folder, video, report)."""
    folder = tmp_path_factory.mktemp("indexed")
    video = folder / "videos" / "lecture.mp4"
    video.parent.mkdir()
    shutil.copy(lecture, video)
    with Library.open(folder / "library", settings, create=True) as library:
        report = library.index([video.parent])
    yield folder / "library", video, report.videos[0]


@pytest.fixture
def copy(
    tmp_path: Path, indexed: tuple[Path, Path, VideoReport], settings: Settings
) -> Iterator[tuple[Library, Path]]:
    """A library of one's own, as `indexed` left it, over a copy of the video."""
    source, video, _ = indexed
    shutil.copytree(source, tmp_path / "library")
    mine = tmp_path / "videos" / "lecture.mp4"
    mine.parent.mkdir()
    shutil.copy2(video, mine)
    with Store.open(tmp_path / "library", write=True) as store:
        (record,) = store.videos()
        store.put_video(replace(record, path=mine))
        store.put_path(mine, record.id, record.size, record.mtime_ns)
        store.forget_path(video)
    with Library.open(tmp_path / "library", settings) as library:
        yield library, mine


def states(report: VideoReport) -> dict[str, str]:
    return {stage.name.value: stage.state.value for stage in report.stages}


def test_every_stage_ends_in_a_state_that_says_what_happened(
    indexed: tuple[Path, Path, VideoReport], lecture: Path
) -> None:
    _, _, report = indexed
    assert report.action == "indexed"
    truth = json.loads(lecture.with_suffix(".json").read_text(encoding="utf-8"))
    assert report.duration_s == pytest.approx(truth["duration"], abs=0.1)
    assert states(report) == {
        "shots": "done",
        "thumbnails": "done",
        "visual": "skipped",
        "clips": "skipped",
        "speech": "done",
        "text": "done",
        "sentences": "done",
    }
    visual = next(stage for stage in report.stages if stage.name is StageName.VISUAL)
    assert visual.reason is not None
    assert visual.reason.startswith("no weights for open_clip model")


def test_rows_lie_inside_the_video_and_say_what_the_lecture_says(
    indexed: tuple[Path, Path, VideoReport], settings: Settings
) -> None:
    root, _, report = indexed
    video_id = report.video_id
    assert video_id is not None
    with Library.open(root, settings) as library:
        speech = " ".join(row.segment.text for row in library.segments(video_id))
        text = " ".join(row.cue.text for row in library.cues(video_id))
        clips = [clip.span for clip in library.clips(video_id)]
    assert "until it burned down in 1755" in speech
    assert "B-217" in text
    assert clips[0].start == 0
    assert clips[-1].end == report.duration_s
    assert all(a.end == b.start for a, b in pairwise(clips))
    assert max(clip.duration for clip in clips) <= settings.shots.max_clip_s
    thumbnails = sorted((root / "thumbs" / video_id).glob("[0-9]*.jpg"))
    assert len(thumbnails) == len(clips)


def test_an_unchanged_file_is_left_alone(copy: tuple[Library, Path]) -> None:
    library, video = copy
    report = library.index([video]).videos[0]
    assert (report.action, report.stages) == ("unchanged", ())


def test_a_touched_file_with_the_same_content_is_left_alone(copy: tuple[Library, Path]) -> None:
    library, video = copy
    os.utime(video, (1, 1))
    report = library.index([video]).videos[0]
    assert report.stages == ()
    assert len(library.videos()) == 1


def test_a_moved_file_keeps_its_id(copy: tuple[Library, Path]) -> None:
    library, video = copy
    (before,) = library.videos()
    moved = video.parent / "renamed talk.mp4"
    video.rename(moved)
    report = library.index([moved]).videos[0]
    assert (report.action, report.video_id, report.stages) == ("moved", before.id, ())
    (after,) = library.videos()
    assert (after.path, after.title) == (moved, "renamed talk")
    assert library.store.paths(after.id) == [moved]


def test_the_same_content_twice_is_indexed_once(copy: tuple[Library, Path]) -> None:
    library, video = copy
    twin = video.with_name("twin.mp4")
    shutil.copy(video, twin)
    first, second = library.index([video.parent]).videos
    assert (first.action, second.action, second.stages) == ("unchanged", "duplicate", ())
    assert first.video_id == second.video_id
    video.unlink()
    assert library.index([twin]).videos[0].action == "moved"
    assert library.videos()[0].path == twin


def test_a_file_with_new_content_replaces_the_old_video(
    copy: tuple[Library, Path], tmp_path: Path
) -> None:
    library, video = copy
    (before,) = library.videos()
    with wave.open(str(tmp_path / "tone.wav"), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16000)
        out.writeframes(b"\0\0\xff\x3f" * 8000)
    os.replace(tmp_path / "tone.wav", video)
    report = library.index([video]).videos[0]
    assert report.action == "indexed"
    (after,) = library.videos()
    assert after.id == report.video_id != before.id
    assert after.duration == 1.0


def test_a_changed_parameter_redoes_its_stage_only(
    copy: tuple[Library, Path], settings: Settings
) -> None:
    library, video = copy
    (before,) = library.videos()
    speech = [row.segment for row in library.segments(before.id)]
    shorter = settings.model_copy(
        update={"shots": settings.shots.model_copy(update={"max_clip_s": 4.0})}
    )
    with Library.open(library.root, shorter) as again:
        report = again.index([video]).videos[0]
        assert set(states(report)) == {"shots", "thumbnails", "clips"}
        assert max(clip.span.duration for clip in again.clips(before.id)) <= 4
        assert [row.segment for row in again.segments(before.id)] == speech


def test_only_and_force_redo_what_they_name(copy: tuple[Library, Path]) -> None:
    library, video = copy
    report = library.index([video], only=[StageName.SHOTS], force=True).videos[0]
    assert set(states(report)) == {"shots", "thumbnails", "clips"}


def test_the_visual_lane_fills_the_gap_when_weights_come(
    copy: tuple[Library, Path], settings: Settings, clip_folder: Path
) -> None:
    library, video = copy
    with_weights = settings.model_copy(
        update={"visual": settings.visual.model_copy(update={"model": str(clip_folder)})}
    )
    with Library.open(library.root, with_weights) as again:
        report = again.index([video]).videos[0]
        assert states(report) == {"visual": "done", "clips": "done"}
        (record,) = again.videos()
        frames = again.store.frame_vectors(record.id)
        clips = again.store.clip_vectors(record.id)
    assert frames is not None
    assert clips is not None
    assert len(frames.times) == 204
    assert len(clips.vectors) == len(clips.starts)


def test_side_car_subtitles_are_preferred_and_replace_recognition(
    copy: tuple[Library, Path],
) -> None:
    library, video = copy
    (record,) = library.videos()
    subtitle = "1\n00:00:01,000 --> 00:00:03,000\nA line nobody says.\n"
    video.with_suffix(".srt").write_text(subtitle, encoding="utf-8")
    report = library.index([video]).videos[0]
    assert set(states(report)) == {"speech", "sentences"}
    (row,) = library.segments(record.id)
    assert (row.segment.text, row.segment.start, row.segment.end, row.segment.source) == (
        "A line nobody says.",
        1.0,
        3.0,
        "subtitles",
    )


def test_pruning_takes_out_only_what_is_gone(copy: tuple[Library, Path]) -> None:
    library, video = copy
    (record,) = library.videos()
    assert library.prune() == []
    video.unlink()
    assert [gone.id for gone in library.prune()] == [record.id]
    assert library.videos() == []
    assert not (library.root / "thumbs" / record.id).exists()


def test_removing_leaves_the_file(copy: tuple[Library, Path]) -> None:
    library, video = copy
    assert [gone.title for gone in library.remove(["lecture"])] == ["lecture"]
    assert library.videos() == []
    assert video.exists()


def test_stage_states_survive_in_the_library(
    indexed: tuple[Path, Path, VideoReport], settings: Settings
) -> None:
    root, _, report = indexed
    assert report.video_id is not None
    with Library.open(root, settings) as library:
        recorded = library.stages(report.video_id)
    assert {name for name, stage in recorded.items() if stage.state is StageState.SKIPPED} == VISUAL
