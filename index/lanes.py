"""What lanes exchange: recognised speech, on-screen text, embeddings, and the engine protocols.

Times are seconds from the start of the video; boxes are relative to the upright frame (0..1,
origin top left); B frames, T decoded frames, N samples, D dimensions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from longtake.timing import Span

U8 = NDArray[np.uint8]
F16 = NDArray[np.float16]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]

SAMPLE_RATE = 16_000
"""Audio samples per second, everywhere after decoding (mono, float32 in -1..1)."""

SMALL_WIDTH, SMALL_HEIGHT = 48, 27
"""Size of the frames that shot detectors see."""


class StageName(StrEnum):
    """Units of indexing work, each recorded, skipped and redone on its own."""

    SHOTS = "shots"
    """Shots, and the clips made from them."""
    THUMBNAILS = "thumbnails"
    """A picture a clip and a storyboard."""
    VISUAL = "visual"
    """Frame embeddings."""
    CLIPS = "clips"
    """Clip embeddings: frame embeddings pooled over clips."""
    SPEECH = "speech"
    TEXT = "text"
    SENTENCES = "sentences"
    """Sentence embeddings of speech segments and on-screen text cues."""


class StageState(StrEnum):
    """How a stage ended. `empty`, `skipped` and `failed` always come with a reason."""

    DONE = "done"
    EMPTY = "empty"
    SKIPPED = "skipped"
    FAILED = "failed"


class Box(NamedTuple):
    """Axis-aligned box in relative coordinates of the upright frame."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One spoken word with its own times."""

    start: float
    end: float
    text: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One sentence or phrase of speech, at most 15 s."""

    start: float
    end: float
    text: str
    confidence: float
    """Mean word probability, 0..1; 1.0 for subtitles."""
    language: str | None = None
    source: Literal["asr", "subtitles"] = "asr"
    words: tuple[Word, ...] = ()

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised(Segment):
    """A segment as a speech engine gives it, with what the engine thinks of it."""

    window: int
    """Number of the window of audio it was heard in."""
    log_probability: float
    """Mean log probability of the tokens of its decoding."""
    no_speech_probability: float
    """Probability that its window holds no speech at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of text read in one frame."""

    text: str
    box: Box
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """On-screen text over the time it stands: the same text over several frames is one cue."""

    start: float
    end: float
    text: str
    box: Box
    confidence: float

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameVectors:
    """Frame embeddings of one video. Frames that did not change share a row of `vectors`."""

    times: F64
    """[N] presentation time of every sampled frame, ascending."""
    rows: I32
    """[N] row of `vectors` that stands for the frame."""
    vectors: F16
    """[M, D] unit-length embeddings, M <= N."""

    def expand(self) -> F16:
        """[N, D]: one vector a sampled frame."""
        return self.vectors[self.rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageResult:
    """What a finished stage tells the pipeline beside its data."""

    state: StageState
    reason: str | None = None
    """Why it is empty, skipped or failed, in one clause a user can act on."""
    stats: dict[str, float | int | str] = field(default_factory=dict)
    """Counts worth recording: frames, gated, segments, dropped, language..."""


class ShotDetector(Protocol):
    """Streaming shot boundary detector over the small frames of every decoded frame."""

    def push(self, times: F64, frames: U8) -> None:
        """Take the next T frames: times [T] ascending, frames u8 [T, 27, 48, 3] RGB."""

    def finish(self, duration: float) -> list[Span]:
        """The shots, without gaps, covering [0, duration)."""


class ImageTextEncoder(Protocol):
    """CLIP-like encoder: images and texts in one space."""

    @property
    def dimension(self) -> int: ...
    @property
    def identity(self) -> str:
        """Name of model and weights; vectors of different identities are never compared."""

    @property
    def input_size(self) -> tuple[int, int]:
        """(width, height) the images must have; they are squashed to it by the decoder's scaler."""

    def images(self, frames: U8) -> F32:
        """u8 [B, H, W, 3] RGB -> f32 [B, D], unit length."""

    def texts(self, texts: list[str]) -> F32:
        """-> f32 [B, D], unit length."""


class SpeechEngine(Protocol):
    """Speech recogniser over one piece of audio."""

    @property
    def identity(self) -> str: ...

    def detect_language(self, audio: F32) -> dict[str, float]:
        """Probability of every language from the first 30 s; English-only models: `{"en": 1.0}`."""

    def transcribe(
        self, audio: F32, *, cuts: Sequence[int] = (), language: str | None = None
    ) -> Iterator[Recognised]:
        """f32 [N] at 16 kHz -> segments with word times, relative to the start of `audio`.

        The audio is heard in windows that begin at 0 and at `cuts` (sample positions), none longer
        than 30 s; longer ones are cut every 30 s. A `language` of None is detected.
        """


class TextReader(Protocol):
    """OCR engine: detection and recognition apart, so that known lines are not read again."""

    @property
    def identity(self) -> str: ...

    def detect(self, frame: U8) -> list[Box]:
        """u8 [H, W, 3] RGB -> boxes of text lines, reading order."""

    def recognise(self, frame: U8, boxes: list[Box]) -> list[Line]:
        """Texts of these boxes, one line a box, in their order (text may be empty)."""


class SentenceEncoder(Protocol):
    """Sentence embeddings for retrieval over speech and on-screen text."""

    @property
    def dimension(self) -> int: ...
    @property
    def identity(self) -> str: ...

    def embed(self, texts: list[str]) -> F32:
        """-> f32 [B, D], unit length."""
