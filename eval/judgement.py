"""What is scored, and how scores are handed on: responses, judgements, rows of a table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from longtake.errors import UsageError
from longtake.eval.records import Record
from longtake.eval.samples import Sample
from longtake.timing import Span

Parsed = str | float | tuple[str, ...] | tuple[Span, ...]
"""An understood answer: letter, text or number; letters or video ids in order; stretches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What a system gave for one sample."""

    text: str
    """What the model wrote, unchanged."""
    spans: tuple[Span, ...] = ()
    """Stretches of the sample's video that the answer cites, the most telling first."""
    ranking: tuple[str, ...] = ()
    """Video ids, best first, for retrieval."""
    saliency: tuple[float, ...] = ()
    """For highlights: how telling each two seconds of the video are, from its start; a record has
    it in `extra["saliency"]`."""
    abstained: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One scorer's view of one response."""

    parsed: Parsed | None = None
    """The answer as understood; None when no answer could be read (a parse failure), or when
    there is nothing to read because the system abstained."""
    score: float | None
    """0 to 1; None where the owners of the benchmark keep the truth."""
    counted: bool = True
    """False when this scorer leaves the sample out of its denominator. Strict never does."""
    values: Mapping[str, float] = field(default_factory=dict)
    """Further measures of this sample, such as `iou`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A sample with both scorers' judgements."""

    sample: Sample
    response: Response | None
    """None when nothing was given for it. Letters are in the order of the benchmark."""
    official: Judgement
    strict: Judgement

    def by(self, scorer: Literal["official", "strict"]) -> Judgement:
        """The judgement of one of the two scorers."""
        return self.official if scorer == "official" else self.strict


Unit = Literal["percent", "points", "rank", "share"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One number of a benchmark's table, from both scorers."""

    metric: str
    """With how it is averaged: `accuracy (micro)`, `M-Avg (macro over tasks)`."""
    part: str = "all"
    """`all`, or one value of an axis: `duration=short`."""
    official: float | None
    """None where this scorer has nothing to count."""
    strict: float | None
    official_n: int
    """Samples (groups, for group scores) in the official denominator."""
    n: int
    """The same for strict: all of them."""
    unit: Unit = "percent"


def letter(index: int) -> str:
    """`A` for 0."""
    return chr(ord("A") + index)


def letters(sample: Sample) -> tuple[str, ...]:
    """The letters that this sample's options have."""
    return tuple(letter(i) for i in range(len(sample.options)))


def shown(sample: Sample, order: Sequence[int]) -> Sample:
    """The sample as it was asked: its options, and its letter, in the order shown.

    `order` has, for each place shown, the option's place in the benchmark; empty for no change.

    Raises:
        UsageError: `order` is not a permutation of the options.
    """
    if not order:
        return sample
    if sorted(order) != list(range(len(sample.options))):
        raise UsageError(
            f"sample {sample.sample_id!r} has {len(sample.options)} options, "
            f"they cannot be shown in the order {list(order)!r}"
        )
    answer = sample.answer
    if sample.kind == "option" and isinstance(answer, str) and answer:
        answer = letter(list(order).index(ord(answer) - ord("A")))
    if sample.kind == "order" and isinstance(answer, tuple):
        places = [list(order).index(ord(str(item)) - ord("A")) for item in answer]
        answer = tuple(map(letter, places))
    return replace(sample, options=tuple(sample.options[i] for i in order), answer=answer)


def unshown(parsed: Parsed | None, order: Sequence[int]) -> Parsed | None:
    """Letters as shown, as the benchmark's letters; anything else unchanged."""
    if isinstance(parsed, tuple) and order:
        names = tuple(_unshown(item, order) for item in parsed if isinstance(item, str))
        return names if len(names) == len(parsed) else parsed
    return _unshown(parsed, order) if isinstance(parsed, str) and order else parsed


def _unshown(parsed: str, order: Sequence[int]) -> str:
    if len(parsed) != 1:
        return parsed
    place = ord(parsed) - ord("A")
    return letter(order[place]) if 0 <= place < len(order) else parsed


def response_of(record: Record, sample: Sample) -> Response:
    """The response that a record holds.

    A sample that ended in anything but a reply (timeout, error, over budget, refused) gives an
    empty one. Where rules wrote the answer to a multiple-choice question, it is their letter.
    """
    if record.status not in ("ok", "parse_fail") or record.overrun:
        return Response(text="")
    text = record.raw_response
    if record.answered_by == "rules" and record.option is not None:
        text = record.option
    videos = {sample.video, str(sample.extra.get("library_video", ""))}
    return Response(
        text=text,
        spans=tuple(Span(c.start_s, c.end_s) for c in record.evidence if c.video in videos),
        ranking=record.ranked_videos,
        saliency=tuple(float(number) for number in record.extra.get("saliency", ())),
        abstained=record.abstained,
    )


def videos_of(samples: Iterable[Sample]) -> dict[str, Sample]:
    """Every video that samples are about or may be answered from, also when they name none to a
    system: each with a sample that names it and has its files."""
    found: dict[str, Sample] = {}
    beside: dict[str, Sample] = {}
    for sample in samples:
        name = sample.video or str(sample.extra["library_video"])
        found.setdefault(name, replace(sample, video=name))
        for other, (path, subtitles) in sample.extra.get("library_videos", {}).items():
            named = replace(sample, video=other, video_path=path, subtitles=subtitles)
            beside.setdefault(other, named)
    return {**beside, **found}


def without_video(sample: Sample) -> Sample:
    """The sample as asked of a whole library: no video is named, evidence keeps its own. One that
    names none stays as it is.

    Raises:
        UsageError: the sample may only see its video up to some second, which means nothing in
            a library.
    """
    if sample.visible_until_s is not None:
        raise UsageError(
            f"sample {sample.sample_id!r} sees its video only up to {sample.visible_until_s:g} s: "
            "streaming benchmarks cannot be asked of a library"
        )
    if not sample.video:
        return sample
    return replace(sample, video="", extra={**sample.extra, "library_video": sample.video})
