"""What every benchmark is read into: questions with their truth, and how they are to be scored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from longtake.timing import Span

AnswerKind = Literal["option", "text", "number", "spans", "order", "ranking"]
"""What an answer is: one of the options, a short string, a number, stretches of video, an order of
the options, or videos by rank."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A stretch that proves an answer. For scoring only, never shown to a model."""

    video: str
    """Id of the video within the benchmark."""
    span: Span
    """Seconds."""
    box: tuple[float, float, float, float] | None = None
    """x0, y0, x1, y1 as shares of the picture."""
    modality: Literal["visual", "speech", "text"] | None = None
    role: Literal["needle", "bridge", "context", "negation"] = "needle"
    """What is asked for, what leads to it, what stands around it, or what shows that there is no
    answer."""
    group: str = ""
    """Evidence of one group is needed together; each group by itself proves the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One question of a benchmark."""

    sample_id: str
    """Unique within benchmark and split."""
    video: str
    """Id of its video within the benchmark; empty for questions about a whole library."""
    video_path: Path | None
    """None where the file is not to be found; such a sample is scored wrong and counted."""
    question: str
    """As the benchmark asks it, without options."""
    kind: AnswerKind
    options: tuple[str, ...] = ()
    """Texts without letters, in the order of the benchmark."""
    answer: str | float | tuple[str, ...] | tuple[Span, ...] | None = None
    """The truth: an option's letter (A, B, ...), a text, a number, stretches, letters or video ids
    in order; None where the owners of the benchmark keep it."""
    answerable: bool = True
    """False when the right thing to do is to abstain."""
    evidence: tuple[Evidence, ...] = ()
    axes: Mapping[str, str] = field(default_factory=dict)
    """What results are broken down by: `task`, `duration`, `domain`, ..."""
    duration_s: float | None = None
    subtitles: Path | None = None
    visible_until_s: float | None = None
    """Only frames before this second may be read (streaming benchmarks)."""
    twin: str | None = None
    """Sample whose only difference is that its answer is absent, or present."""
    group: str | None = None
    """Samples that are scored together."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the benchmark that its official scorer or its export needs. Of questions about a
    library also `library_video`, a video that answers it, and where the library is not all videos
    of the split, `library_videos`: every video of it with its file and its subtitles or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A split of a benchmark as it lies on this machine."""

    benchmark: str
    split: str
    samples: tuple[Sample, ...]
    """Every question of the annotation files, those without a video file included."""
    expected: int | None
    """Questions that the published split has; None where it is not fixed."""
    revision: str
    """SHA-256 over the annotation files, in the order of their names."""
    missing: tuple[str, ...] = ()
    """What is not there, for people: `12 of 900 videos`, `no subtitles folder`."""
    strata: tuple[str, ...] = ()
    """Axes whose shares a draw keeps; none leaves it to `drawing.strata_of`."""


def told_apart(options: Sequence[str]) -> tuple[str, ...]:
    """Options as they are shown: one that is equal to an earlier one has its letter behind it."""
    texts: list[str] = []
    for text in options:
        letter = chr(ord("A") + len(texts))
        texts.append(text if text not in texts else f"{text} ({letter})")
    return tuple(texts)


def by_video(samples: Sequence[Sample]) -> dict[str, list[Sample]]:
    """Samples by their video, in the order of the benchmark."""
    grouped: dict[str, list[Sample]] = {}
    for sample in samples:
        grouped.setdefault(sample.video, []).append(sample)
    return grouped
