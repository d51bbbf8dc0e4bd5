"""Thumbnails and storyboards from sampled frames."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from longtake.errors import LibraryError
from longtake.index.decode import DecodePass, DecodePlan, SampledFrame
from longtake.index.lanes import StageResult, StageState
from longtake.index.thumbnails import STORYBOARD, ThumbnailWriter, contact_sheet
from longtake.timing import Span

Pixels = NDArray[np.uint8]
MakeVideo = Callable[..., Path]


def frames(path: Path, fps: float = 1.0) -> list[SampledFrame]:
    events = DecodePass(path, DecodePlan(fps=fps, small=False, audio=None, mode="all"))
    return [event for event in events if isinstance(event, SampledFrame)]


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory, make_video: MakeVideo) -> list[SampledFrame]:
    """Twenty different pictures, one a second."""
    return frames(counting(tmp_path_factory.mktemp("numbers") / "n.mp4", make_video, 20))


def counting(path: Path, make_video: MakeVideo, seconds: int) -> Path:
    """A video that shows a new pattern of blocks every second."""
    rng = np.random.default_rng(3)
    pictures = [rng.integers(0, 2, (6, 8, 1)).repeat(3, 2) * 255 for _ in range(seconds)]
    big = [np.kron(p, np.ones((30, 40, 1))).astype(np.uint8) for p in pictures]
    return make_video(path, frames=big, fps=1)


def write(
    folder: Path, pushed: list[SampledFrame], clips: list[Span], **options: int
) -> StageResult:
    writer = ThumbnailWriter(folder, **options)
    for frame in pushed:
        writer.push(frame)
    return writer.finish(clips)


def picture(path: Path) -> Pixels:
    with Image.open(path) as image:
        return np.asarray(image)


def shows(path: Path, frame: SampledFrame) -> bool:
    found = picture(path).astype(int)
    wanted = frame.rgb(found.shape[1], found.shape[0]).astype(int)
    return bool(np.abs(found - wanted).mean() < 12)


def test_each_clip_gets_the_frame_nearest_its_middle(
    tmp_path: Path, numbers: list[SampledFrame]
) -> None:
    clips = [Span(0, 5), Span(5, 9.2), Span(9.2, 10.2), Span(10.2, 10.4), Span(10.4, 20)]
    result = write(tmp_path / "thumbs" / "v", numbers, clips)
    assert result.state is StageState.DONE
    assert result.stats == {"frames": 20, "pictures": 20, "thumbnails": 5}
    for position, second in enumerate([2, 7, 10, 10, 15]):
        assert shows(tmp_path / "thumbs" / "v" / f"{position}.jpg", numbers[second]), position
    assert sorted(p.name for p in (tmp_path / "thumbs").iterdir()) == ["v"]
    assert len(list((tmp_path / "thumbs" / "v").iterdir())) == 6


@pytest.mark.parametrize(
    ("size", "expected"),
    [((640, 360), (320, 180)), ((360, 640), (180, 320)), ((160, 120), (160, 120))],
)
def test_the_longer_side_is_320_pixels_at_most(
    tmp_path: Path, make_video: MakeVideo, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    video = make_video(tmp_path / "a.mp4", frames=3, fps=1, size=size)
    write(tmp_path / "t", frames(video), [Span(0, 3)])
    with Image.open(tmp_path / "t" / "0.jpg") as image:
        assert (image.format, image.size) == ("JPEG", expected)


def test_frames_that_did_not_change_share_a_picture(tmp_path: Path, make_video: MakeVideo) -> None:
    still = np.full((90, 160, 3), 90, np.uint8)
    line = still.copy()
    line[40:46, 20:120] = 30  # as thin as a line of text on a slide
    video = make_video(tmp_path / "a.mp4", frames=[still] * 5 + [line] * 5, fps=1)
    result = write(tmp_path / "t", frames(video), [Span(0, 5), Span(5, 10)])
    assert result.stats == {"frames": 10, "pictures": 2, "thumbnails": 2}
    assert picture(tmp_path / "t" / "0.jpg")[43, 70].max() > 80
    assert picture(tmp_path / "t" / "1.jpg")[43, 70].max() < 40


def test_the_same_frames_give_the_same_bytes(tmp_path: Path, numbers: list[SampledFrame]) -> None:
    for name in ("a", "b"):
        write(tmp_path / name, numbers, [Span(0, 10), Span(10, 20)])
    for name in ("0.jpg", "1.jpg", STORYBOARD):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_second_run_replaces_the_first(tmp_path: Path, numbers: list[SampledFrame]) -> None:
    write(tmp_path / "v", numbers, [Span(0, 5), Span(5, 10), Span(10, 20)])
    (tmp_path / "v.new").mkdir()  # left by a killed run
    (tmp_path / "v.new" / "7.jpg").touch()
    write(tmp_path / "v", numbers, [Span(10, 20)])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["v"]
    assert sorted(p.name for p in (tmp_path / "v").iterdir()) == ["0.jpg", STORYBOARD]
    assert shows(tmp_path / "v" / "0.jpg", numbers[15])


def test_nothing_to_show_is_empty_with_a_reason(
    tmp_path: Path, numbers: list[SampledFrame]
) -> None:
    assert write(tmp_path / "v", [], [Span(0, 1)]).reason == "no picture was decoded"
    assert write(tmp_path / "v", numbers, []).reason == "there are no clips"
    assert not (tmp_path / "v").exists()


def test_a_full_spool_keeps_every_second_picture(tmp_path: Path, make_video: MakeVideo) -> None:
    pushed = frames(counting(tmp_path / "n.mp4", make_video, 60))
    clips = [Span(k * 10, k * 10 + 10) for k in range(6)]
    result = write(tmp_path / "v", pushed, clips, max_pictures=16)
    pictures = result.stats["pictures"]
    assert isinstance(pictures, int)
    assert 8 <= pictures < 16
    for position, clip in enumerate(clips):
        inside = pushed[int(clip.start) : int(clip.end)]
        matching = [f.time for f in inside if shows(tmp_path / "v" / f"{position}.jpg", f)]
        assert matching, clip
        assert abs(matching[0] - clip.middle) <= 4


def test_the_spool_leaves_nothing_behind(tmp_path: Path, numbers: list[SampledFrame]) -> None:
    writer = ThumbnailWriter(tmp_path / "v")
    for frame in numbers:
        writer.push(frame)
    assert list(tmp_path.iterdir()) == []
    writer.close()


def test_a_folder_that_cannot_be_written_is_an_error(
    tmp_path: Path, numbers: list[SampledFrame]
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LibraryError, match="cannot write thumbnails to"):
        write(tmp_path / "file" / "v", numbers, [Span(0, 5)])


def test_the_storyboard_has_even_steps_and_each_picture_once(
    tmp_path: Path, make_video: MakeVideo
) -> None:
    pushed = frames(counting(tmp_path / "n.mp4", make_video, 150))
    write(tmp_path / "v", pushed, [Span(0, 150)])
    with Image.open(tmp_path / "v" / STORYBOARD) as image:
        # 6 x 10 pictures of 240x135, captions and gaps
        assert image.size == (6 * 248 + 8, 10 * (135 + 30) + 8)
        corners = [(8 + 248 * (k % 6), 8 + 165 * (k // 6)) for k in range(60)]
        tiles = [np.asarray(image.crop((x, y, x + 240, y + 135))) for x, y in corners]
    shown = [
        min(pushed, key=lambda f: np.abs(f.rgb(240, 135).astype(int) - tile).mean()).time
        for tile in tiles
    ]
    steps = np.diff(shown)
    assert steps.min() >= 1
    assert steps.max() <= 4
    assert (shown[0] <= 2, shown[-1] >= 147) == (True, True)


def test_a_still_video_has_a_storyboard_of_one_picture(
    tmp_path: Path, make_video: MakeVideo
) -> None:
    video = make_video(tmp_path / "a.mp4", frames=[np.full((120, 160, 3), 90, np.uint8)] * 9, fps=1)
    write(tmp_path / "v", frames(video), [Span(0, 9)])
    with Image.open(tmp_path / "v" / STORYBOARD) as image:
        assert image.size == (160 + 16, 120 + 22 + 16)


def test_captions_are_written_under_the_pictures() -> None:
    white = Image.new("RGB", (240, 135), (255, 255, 255))
    first = contact_sheet([(0.0, white), (61.5, white)])
    second = contact_sheet([(0.0, white), (62.5, white)])
    difference = np.asarray(first).astype(int) - np.asarray(second)
    rows, columns, _ = np.nonzero(difference)
    assert rows.min() >= 8 + 135
    assert columns.min() >= 8 + 248
