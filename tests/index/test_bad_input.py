"""Broken, odd or hostile files: each is told in one line and the rest of the batch goes on."""

import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from longtake.config import Settings
from longtake.index.lanes import StageName, StageState
from longtake.index.reports import ProgressEvent, VideoReport
from longtake.tools.library import Library

MakeVideo = Callable[..., Path]


@pytest.fixture(scope="module")
def settings() -> Settings:
    return Settings(offline=True, speech={"model": "tiny.en"})


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, make_video: MakeVideo) -> Path:
    """Two seconds of numbered frames with a tone."""
    tone = np.sin(np.arange(32_000) / 16_000 * 440 * 2 * np.pi).astype(np.float32) * 0.3
    path = tmp_path_factory.mktemp("good") / "good.mp4"
    return make_video(path, frames=50, audio=tone)


@pytest.fixture
def index(tmp_path: Path, settings: Settings, good: Path) -> Iterator[Callable[..., VideoReport]]:
    """`index(path)`: its report, after checking that a good file beside it was indexed."""
    with Library.open(tmp_path / "library", settings, create=True) as library:

        def run(path: Path, **options: Any) -> VideoReport:
            first, second = library.index([path, good], **options).videos
            assert second.action in ("indexed", "unchanged")
            assert library.check() == []
            return first

        yield run


def state(report: VideoReport, name: StageName) -> tuple[StageState, str | None]:
    stage = next(stage for stage in report.stages if stage.name is name)
    return stage.state, stage.reason


def cut(source: Path, share: float, target: Path) -> Path:
    content = source.read_bytes()
    target.write_bytes(content[: int(len(content) * share)])
    return target


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("notes.mp4", b"These are minutes of a meeting.\n" * 40, "is not a video or audio file"),
        ("empty.mkv", b"", "is empty"),
        ("zeros.mp4", bytes(100_000), "is not a video or audio file"),
        (
            "header.mp4",
            struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 0, b"isom"),
            "without a readable index",
        ),
        ("page.avi", b"<html><body>404</body></html>", "is not a video or audio file"),
    ],
    ids=["text", "empty", "zeros", "header only", "web page"],
)
def test_what_is_no_video_is_told_in_one_line(
    index: Callable[..., VideoReport], tmp_path: Path, name: str, content: bytes, problem: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    report = index(path)
    assert report.action == "failed"
    assert report.error is not None
    assert problem in report.error
    assert name in report.error
    assert "\n" not in report.error


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_cut_recording_gives_what_it_holds_and_says_so(
    index: Callable[..., VideoReport], tmp_path: Path, make_video: MakeVideo, share: float
) -> None:
    whole = make_video(tmp_path / "whole.mkv", frames=250, size=(320, 240))
    report = index(cut(whole, share, tmp_path / "cut.mkv"))
    assert report.action == "indexed"
    assert report.duration_s == pytest.approx(10 * share, abs=1.5)
    assert any("truncated" in note for note in report.notes)


def test_a_recording_whose_index_was_cut_off_cannot_be_read(
    index: Callable[..., VideoReport], tmp_path: Path, make_video: MakeVideo
) -> None:
    whole = make_video(tmp_path / "whole.mp4", frames=250)
    report = index(cut(whole, 0.9, tmp_path / "cut.mp4"))
    assert report.action == "failed"
    assert report.error == (
        f"{str(tmp_path / 'cut.mp4')!r} is an MP4 file without a readable index: it is cut off or "
        "damaged"
    )


def test_a_wrong_extension_does_not_matter(
    index: Callable[..., VideoReport], tmp_path: Path, make_video: MakeVideo
) -> None:
    path = make_video(tmp_path / "talk.mkv", frames=25).rename(tmp_path / "talk.txt")
    report = index(path)
    assert report.action == "indexed"
    assert report.duration_s == pytest.approx(1.0, abs=0.01)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_told(
    index: Callable[..., VideoReport], tmp_path: Path, make_video: MakeVideo
) -> None:
    path = make_video(tmp_path / "secret.mp4", frames=25)
    path.chmod(0)
    report = index(path)
    assert report.error == f"cannot read {str(path)!r}: Permission denied"


@pytest.mark.parametrize(
    "recipe",
    [
        {"frames": 1},
        {"frames": 3},
        {"frames": 25, "size": (2, 2)},
        {"frames": 2, "size": (8192, 64)},
        {"frames": [np.zeros((1, 1, 3), np.uint8)] * 5, "codec": "ffv1", "pix_fmt": "bgr0"},
    ],
    ids=["1 frame", "0.12 s", "2x2", "8192 wide", "1x1"],
)
def test_tiny_and_huge_videos_are_indexed(
    index: Callable[..., VideoReport], tmp_path: Path, make_video: MakeVideo, recipe: dict[str, Any]
) -> None:
    report = index(make_video(tmp_path / "odd.mkv", **recipe))
    assert (report.action, report.error) == ("indexed", None)
    assert state(report, StageName.SHOTS) == (StageState.DONE, None)
    assert state(report, StageName.SPEECH) == (StageState.EMPTY, "no audio stream")
    assert state(report, StageName.TEXT)[0] is not StageState.FAILED


def test_a_header_that_claims_ten_hours_is_not_believed(
    index: Callable[..., VideoReport], tmp_path: Path, make_video: MakeVideo
) -> None:
    path = make_video(tmp_path / "boast.mkv", frames=125)
    content = bytearray(path.read_bytes())
    at = content.index(b"\x44\x89\x88") + 3  # Matroska: Segment > Info > Duration, a double
    assert struct.unpack_from(">d", content, at)[0] == pytest.approx(5000, abs=50)
    struct.pack_into(">d", content, at, 36_000_000.0)
    path.write_bytes(content)
    report = index(path)
    assert report.duration_s == pytest.approx(5.0, abs=0.05)
    assert any("36000" in note for note in report.notes)


def test_timestamps_that_jump_back_are_repaired_and_noted(
    index: Callable[..., VideoReport], tmp_path: Path, make_video: MakeVideo
) -> None:
    first = make_video(tmp_path / "a.ts", frames=50, container="mpegts")
    twice = tmp_path / "twice.ts"
    twice.write_bytes(first.read_bytes() * 2)
    report = index(twice)
    assert report.action == "indexed"
    assert report.duration_s == pytest.approx(4.0, abs=0.15)
    assert any("timestamps" in note for note in report.notes)


@pytest.mark.parametrize(("picture_s", "sound_s"), [(1, 3), (3, 1)], ids=["longer", "shorter"])
def test_sound_longer_or_shorter_than_the_picture(
    index: Callable[..., VideoReport],
    tmp_path: Path,
    make_video: MakeVideo,
    picture_s: int,
    sound_s: int,
) -> None:
    hum = np.sin(np.arange(sound_s * 16_000) / 16_000 * 90 * 2 * np.pi).astype(np.float32) * 0.2
    report = index(make_video(tmp_path / "uneven.mkv", frames=25 * picture_s, audio=hum))
    assert report.action == "indexed"
    assert report.duration_s == pytest.approx(3.0, abs=0.1)


def test_an_audio_file_is_a_video_with_only_speech(
    index: Callable[..., VideoReport], tmp_path: Path, make_video: MakeVideo
) -> None:
    silence = np.zeros(16_000, np.float32)
    report = index(make_video(tmp_path / "memo.m4a", frames=0, audio=silence))
    assert report.action == "indexed"
    assert state(report, StageName.SHOTS) == (StageState.EMPTY, "no video stream")
    assert state(report, StageName.TEXT) == (StageState.EMPTY, "no video stream")
    speech, reason = state(report, StageName.SPEECH)
    assert speech is StageState.EMPTY
    assert reason is not None
    assert "silence" in reason


@pytest.mark.parametrize(
    "name", ['it\'s "quoted".mkv', "two\nlines.mkv", "🎬 снято.mkv", "-rf.mkv", "a%sb{0}.mkv"]
)
def test_strange_names(
    index: Callable[..., VideoReport], tmp_path: Path, make_video: MakeVideo, name: str
) -> None:
    path = make_video(tmp_path / "plain.mkv", frames=25).rename(tmp_path / name)
    report = index(path)
    assert (report.action, report.title) == ("indexed", Path(name).stem)


def test_a_file_that_grows_while_it_is_indexed_is_not_taken(
    index: Callable[..., VideoReport], tmp_path: Path, make_video: MakeVideo
) -> None:
    path = make_video(tmp_path / "growing.mkv", frames=50)

    def grow(event: ProgressEvent) -> None:
        if event.kind == "video" and event.path == path:
            with path.open("ab") as file:
                file.write(b"more")

    report = index(path, progress=grow)
    assert report.error == (
        f"{str(path)!r} changed while it was indexed; index it again when it is complete"
    )


def test_a_file_that_vanishes_while_it_is_indexed_is_told(
    index: Callable[..., VideoReport], tmp_path: Path, make_video: MakeVideo
) -> None:
    path = make_video(tmp_path / "gone.mkv", frames=50)

    def vanish(event: ProgressEvent) -> None:
        if event.kind == "video" and event.path == path:
            path.unlink()

    report = index(path, progress=vanish)
    assert report.action == "failed"
    assert "gone.mkv" in (report.error or "")


def test_a_stage_that_fails_leaves_the_others_alone_and_is_tried_again(
    tmp_path: Path, settings: Settings, good: Path
) -> None:
    broken = tmp_path / "broken-model"
    broken.mkdir()
    (broken / "model.bin").write_bytes(b"not a model")
    bad = settings.model_copy(
        update={"speech": settings.speech.model_copy(update={"model": str(broken)})}
    )
    with Library.open(tmp_path / "library", bad, create=True) as library:
        report = library.index([good])
        assert not report.ok
        speech, reason = state(report.videos[0], StageName.SPEECH)
        assert speech is StageState.FAILED
        assert reason is not None
        assert "broken-model" in reason
        assert state(report.videos[0], StageName.SHOTS)[0] is StageState.DONE
        again = library.index([good]).videos[0]
        assert {stage.name for stage in again.stages} == {StageName.SPEECH, StageName.SENTENCES}


def test_interrupting_commits_nothing_half_done(
    tmp_path: Path, settings: Settings, good: Path
) -> None:
    def interrupt(event: ProgressEvent) -> None:
        if event.kind == "stage":
            raise KeyboardInterrupt

    with Library.open(tmp_path / "library", settings, create=True) as library:
        with pytest.raises(KeyboardInterrupt):
            library.index([good], progress=interrupt)
        assert library.check() == []
        assert library.index([good]).ok


def test_nothing_there_is_an_error_of_its_own(index: Callable[..., VideoReport]) -> None:
    report = index(Path("no-such-file.mp4"))
    assert report.error == "'no-such-file.mp4': no such file or folder"
