"""Media made for tests (every frame carries its number, every sound its time), and libraries."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from longtake.index.lanes import Box, Cue, FrameVectors, Segment, StageName, StageState, Word
from longtake.index.records import ClipVectors, SentenceVectors, StageRecord, VideoRecord
from longtake.index.store import Store
from longtake.timing import Span

Image = NDArray[np.uint8]
Sound = NDArray[np.float32]
MakeVideo = Callable[..., Path]
GRID = 4
"""Frame numbers are written as GRID x GRID black and white blocks, most significant first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What `make_video` makes."""

    frames: int | Sequence[Image] = 25
    """How many numbered frames, or the frames themselves (RGB, all of one size); 0 for no video."""
    fps: Fraction | int = 25
    size: tuple[int, int] = (160, 120)
    """(width, height) of numbered frames."""
    times: Sequence[float] | None = None
    """Presentation times for a variable frame rate, to the millisecond."""
    codec: str = "libx264"
    pix_fmt: str = "yuv420p"
    gop: int = 12
    bframes: int = 0
    options: Mapping[str, str] = field(default_factory=dict)
    """Further options of the video encoder."""
    start: float = 0.0
    """Presentation time of the first frame."""
    rotation: int = 0
    """Degrees counterclockwise that a player has to turn the picture."""
    sar: Fraction | None = None
    interlaced: bool = False
    audio: Sound | Mapping[str, Sound] | None = None
    """Mono sound in -1..1, or one for each language."""
    audio_codec: str = "aac"
    audio_rate: int = 16_000
    audio_start: float = 0.0
    container: str | None = None
    """Format when the file name does not tell."""
    container_options: Mapping[str, str] = field(default_factory=dict)


@pytest.fixture(scope="session")
def make_video() -> MakeVideo:
    """`make_video(path, **recipe) -> path` writes a media file; `Recipe` says what can be asked."""
    return write_video


@pytest.fixture(scope="session")
def read_number() -> Callable[[Image], int]:
    """The number that a frame made by `make_video` shows, whatever its size."""
    return number_of


@pytest.fixture(scope="session")
def numbered() -> Callable[[int, int, int], Image]:
    """`numbered(number, width, height)`: a frame that shows a number below 65536."""
    return numbered_frame


@pytest.fixture(scope="session")
def clicks() -> Callable[..., Sound]:
    """`clicks(seconds, at, rate=16000)`: silence with 20 ms of 1 kHz from each time in `at`."""
    return clicks_at


def numbered_frame(number: int, width: int, height: int) -> Image:
    """See the fixture `numbered`."""
    bits = [(number >> shift) & 1 for shift in reversed(range(GRID * GRID))]
    blocks = np.array(bits, np.uint8).reshape(GRID, GRID) * 200 + 28
    rows = np.arange(height) * GRID // height
    columns = np.arange(width) * GRID // width
    return np.repeat(blocks[rows][:, columns][..., None], 3, axis=2)


def number_of(image: Image) -> int:
    """See the fixture `read_number`."""
    height, width = image.shape[:2]
    number = 0
    for row in range(GRID):
        for column in range(GRID):
            y, x = (2 * row + 1) * height // (2 * GRID), (2 * column + 1) * width // (2 * GRID)
            number = number * 2 + int(image[y, x].mean() > 128)
    return number


def clicks_at(seconds: float, at: Sequence[float], rate: int = 16_000) -> Sound:
    """See the fixture `clicks`."""
    sound = np.zeros(round(seconds * rate), np.float32)
    burst = np.sin(np.arange(rate // 50) / rate * 1000 * 2 * np.pi).astype(np.float32) * 0.8
    for time in at:
        first = round(time * rate)
        sound[first : first + len(burst)] = burst[: len(sound) - first]
    return sound


def write_video(path: Path, **options: Any) -> Path:
    """See the fixture `make_video`."""
    recipe = Recipe(**options)
    with av.open(
        str(path), "w", format=recipe.container, options=dict(recipe.container_options)
    ) as container:
        writers = []
        if not isinstance(recipe.frames, int) or recipe.frames:
            writers.append(_write_frames(container, recipe))
        sounds = recipe.audio
        if sounds is not None:
            by_language = sounds if isinstance(sounds, Mapping) else {"": sounds}
            for language, sound in by_language.items():
                writers.append(_write_sound(container, recipe, language, sound))
        # Every writer adds its stream before the first packet is written.
        for writer in writers:
            next(writer)
        for writer in writers:
            for packet in writer:
                container.mux(packet)
    return path


def _write_frames(container: Any, recipe: Recipe) -> Iterator[Any]:
    stream = container.add_stream(recipe.codec, rate=recipe.fps)
    images = _images(recipe)
    first = images(0)
    stream.height, stream.width = first.shape[:2]
    stream.pix_fmt = recipe.pix_fmt
    tick = Fraction(1, 1000) if recipe.times is not None else 1 / Fraction(recipe.fps)
    context: Any = stream.codec_context
    context.time_base = tick
    context.gop_size = recipe.gop
    context.options = {"bf": str(recipe.bframes), **recipe.options}
    if recipe.bframes and recipe.codec != "libx265":
        context.options |= {"b_strategy": "0"}  # every B-frame asked for, whatever the content
    if recipe.interlaced:
        context.flags |= 1 << 18 | 1 << 29  # AV_CODEC_FLAG_INTERLACED_DCT, _ME
    if recipe.sar is not None:
        context.sample_aspect_ratio = recipe.sar
    if recipe.rotation:
        stream.set_display_rotation(recipe.rotation)
    yield None
    count = recipe.frames if isinstance(recipe.frames, int) else len(recipe.frames)
    for number in range(count):
        frame = av.VideoFrame.from_ndarray(images(number), format="rgb24")
        frame = frame.reformat(format=recipe.pix_fmt)
        time = recipe.times[number] if recipe.times is not None else number * float(tick)
        frame.pts = round((time + recipe.start) / float(tick))
        frame.time_base = tick
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _images(recipe: Recipe) -> Callable[[int], Image]:
    frames = recipe.frames
    if isinstance(frames, int):
        return lambda number: numbered_frame(number, *recipe.size)
    return lambda number: frames[number]


def _write_sound(container: Any, recipe: Recipe, language: str, sound: Sound) -> Iterator[Any]:
    stream = container.add_stream(recipe.audio_codec, rate=recipe.audio_rate, layout="mono")
    if language:
        stream.metadata["language"] = language
    yield None
    resampler = av.AudioResampler(stream.format, "mono", recipe.audio_rate)
    step = 1024
    for first in range(0, len(sound), step):
        piece = np.ascontiguousarray(sound[first : first + step][None], np.float32)
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
        frame.sample_rate = recipe.audio_rate
        frame.time_base = Fraction(1, recipe.audio_rate)
        frame.pts = first + round(recipe.audio_start * recipe.audio_rate)
        for out in resampler.resample(frame):
            yield from stream.encode(out)
    yield from stream.encode(None)


@pytest.fixture(scope="session")
def fill_library() -> Callable[..., None]:
    """`fill_library(root, videos=2)` writes a library with every stage done, always the same."""
    return _fill_library


def _fill_library(root: Path, videos: int = 2) -> None:
    with Store.open(root, write=True, create=True) as store:
        for number in range(videos):
            path = root.parent / f"video {number}.mp4"
            path.write_bytes(b"content %d" % number)
            store.put_video(
                VideoRecord(
                    id=f"{number:032x}",
                    path=path,
                    size=9,
                    mtime_ns=5,
                    title=path.stem,
                    duration=20.0,
                    fps=25.0,
                    width=160,
                    height=120,
                    video_codec="h264",
                    audio_codec=None,
                    added_at=1.0,
                    notes=("odd",),
                )
            )
            store.put_path(path, f"{number:032x}", 9, 5)
            for name, data in _stage_data(number).items():
                store.commit(_stage(number, name), **data)


def _stage(number: int, name: StageName) -> StageRecord:
    return StageRecord(
        video_id=f"{number:032x}",
        name=name,
        state=StageState.DONE,
        engine="engine",
        model="some/model",
        version="1.0",
        parameters="hash",
        started_at=1.0,
        finished_at=2.0,
        stats={"count": 2},
    )


def _stage_data(number: int) -> dict[StageName, dict[str, Any]]:
    vectors = np.eye(6, 8, k=number).astype(np.float16)
    spans = [Span(0.0, 12.0), Span(12.0, 20.0)]
    starts, ends = np.array([0.0, 12.0]), np.array([12.0, 20.0])
    word = Word(start=1.0, end=1.5, text="wolves", probability=0.5)
    return {
        StageName.SHOTS: {"shots": spans, "clips": list(enumerate(spans))},
        StageName.VISUAL: {
            "frames": FrameVectors(
                times=np.arange(6.0),
                rows=np.array([0, 1, 1, 2, 3, 3], np.int32),
                vectors=vectors[:4],
            )
        },
        StageName.CLIPS: {
            "clip_vectors": ClipVectors(vectors=vectors[4:], starts=starts, ends=ends)
        },
        StageName.SPEECH: {
            "segments": [
                Segment(
                    start=1,
                    end=3,
                    text=f"The wolves ran {number} miles",
                    confidence=0.9,
                    language="en",
                    words=(word,),
                ),
                Segment(start=13, end=15, text="They slept in a café", confidence=0.8),
            ]
        },
        StageName.TEXT: {
            "cues": [
                Cue(
                    start=2,
                    end=9,
                    text="Gradient descent",
                    box=Box(0, 0, 0.5, 0.25),
                    confidence=0.7,
                )
            ]
        },
        StageName.SENTENCES: {
            "sentence_vectors": SentenceVectors(
                vectors=vectors[:3],
                lanes=np.array([0, 0, 1], np.uint8),
                positions=np.array([0, 1, 0], np.int32),
                starts=np.array([1.0, 13.0, 2.0]),
                ends=np.array([3.0, 15.0, 9.0]),
            )
        },
    }
