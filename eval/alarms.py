"""Signs that a number is not what it seems (benchmarks.md 3.5)."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from longtake.eval.areas import model_of
from longtake.eval.opened import read_opened
from longtake.eval.records import Record
from longtake.eval.results import Result
from longtake.eval.systems import SELECT

UNPARSED = 0.02
ONE_LETTER = 0.45
FEW = 20
"""Answers below which shares say nothing."""
_REPEATED = re.compile(r"(\S{1,4}?)\1{15,}")
_SHUFFLED = "shuffled"
_SHOWS = frozenset(
    {
        "uniform",
        "topk",
        "uniform_transcript",
        "video_rag",
        "black",
        "novelty",
        "oracle",
        _SHUFFLED,
    }
)
"""Systems whose every request has frames of one size, beside those that select."""
_QUOTES = {
    "transcript": "of speech: are there subtitles?",
    "uniform_transcript": "of speech: are there subtitles?",
    "ocr": "of on-screen text: was any indexed?",
}
"""Systems that show words, and what to ask where none of them had any."""
_CONTROLS = {
    "blind": "the pictures may not matter",
    "black": "the pictures may not matter",
    "options_only": "the options may give the answers away",
}
"""Systems that should do worse than any that sees, and what it may mean where they do not."""


def alarms(result: Result) -> list[str]:
    """Everything odd about one run, for people."""
    return [*_replies(result), *_inputs(result), *_files(result), *_accounts(result)]


def _replies(result: Result) -> Iterator[str]:
    unparsed = result.unparsed()
    if unparsed is not None and unparsed > UNPARSED:
        yield f"{unparsed:.1%} of replies could not be read"
    letters = Counter(r.option for r in result.records.values() if r.option is not None)
    if letters.total() >= FEW:
        letter, count = letters.most_common(1)[0]
        if count > ONE_LETTER * letters.total():
            yield f"{count / letters.total():.0%} of answers are {letter}"
    repeated = sum(bool(_REPEATED.search(r.raw_response)) for r in result.records.values())
    if repeated:
        yield f"{repeated} replies repeat one token"


def _inputs(result: Result) -> Iterator[str]:
    records = list(result.records.values())
    system = result.identity.system
    asked = [r for r in records if r.status in ("ok", "parse_fail")]
    if system in _SHOWS or system.startswith(SELECT):
        empty = sum(not r.frames for r in asked)
        if empty:
            yield f"{empty} of {len(asked)} requests had no frames"
        if system != _SHUFFLED and any(not _ascending(r) for r in asked):
            yield "times of frames do not ascend"
        sides = Counter(max(f.width, f.height) for r in asked for f in r.frames)
        if len(sides) > 1 and system in _SHOWS:
            some = ", ".join(f"{side} px ({n})" for side, n in sorted(sides.items()))
            yield f"frames were sent in several sizes: {some}"
    if system in _QUOTES and asked and not any(r.extra.get("lines") for r in asked):
        yield f"no request had a line {_QUOTES[system]}"
    until = {s.sample_id: s.visible_until_s for s in result.samples}
    late = sum(
        limit is not None and any(f.t_s >= limit for f in r.frames)
        for r in records
        if (limit := until.get(r.sample_id)) is not None
    )
    if late:
        yield f"{late} samples were shown frames later than their question"
    lost = [
        item
        for seed, scored in result.scored.items()
        for item in scored
        if (found := result.records.get((item.sample.sample_id, seed))) is not None
        and found.status == "no_video"
        and (item.strict.score or 0) > 0
    ]
    if lost:
        yield f"{len(lost)} samples are right without their video"


def _files(result: Result) -> Iterator[str]:
    opened = read_opened(result.log.folders)
    if opened is not None and opened.others:
        some = ", ".join(opened.others[:5])
        yield (
            f"{len(opened.others)} files of the benchmark other than videos were opened while "
            f"questions were answered: {some}"
        )


def _ascending(record: Record) -> bool:
    by_video: dict[str, list[float]] = {}
    for frame in record.frames:
        by_video.setdefault(frame.video, []).append(frame.t_s)
    return all(a < b for times in by_video.values() for a, b in pairwise(times))


def _accounts(result: Result) -> Iterator[str]:
    records = list(result.records.values())
    overruns = sum(r.overrun for r in records)
    if overruns:
        yield f"{overruns} samples spent more than their budget and count as wrong"
    above = sum(r.extra.get("mismatch", 0) > 0 for r in records)
    if above:
        yield f"{above} samples were reported above their price: token counts are not exact"
    unknown = sum(r.extra.get("estimated", 0) > 0 for r in records)
    if unknown:
        yield f"the server reported no tokens for {unknown} samples: they count as planned"
    for status, what in (
        ("error", "failed"),
        ("timeout", "ran out of time"),
        ("refused", "were refused by the model or its provider"),
        ("no_video", "lack their video"),
    ):
        count = sum(r.status == status for r in records)
        if count:
            yield f"{count} samples {what} and count as wrong"


def across(results: Sequence[Result]) -> list[str]:
    """What is odd about several runs that ask the same of one model at one budget: controls that do
    as well as what they control for."""
    found = []
    several = len({r.identity.model for r in results} - {"none"}) > 1
    alike: dict[tuple[object, ...], list[Result]] = {}
    for result in results:
        asked = (*asked_of(result), result.identity.model)
        alike.setdefault(asked, []).append(result)
    for runs in alike.values():
        seeing = [r for r in runs if r.identity.system in ("agent", "uniform", "topk")]
        for control, meaning in _CONTROLS.items():
            for other in (r for r in runs if r.identity.system == control):
                for full in seeing:
                    if _as_good(other, full):
                        name = full.identity.label + (model_of(full) if several else "")
                        found.append(
                            f"{control} is within a standard error of {name}: at "
                            f"{full.identity.budget} tokens {meaning}"
                        )
    return found


def asked_of(result: Result) -> tuple[object, ...]:
    """What runs that are held against each other share, beside the model."""
    identity = result.identity
    return (
        identity.benchmark,
        identity.split,
        identity.subtitles,
        identity.library_mode,
        identity.budget,
    )


def _as_good(control: Result, full: Result) -> bool:
    """Over the samples that the control was asked."""
    low, high = control.accuracy(), full.accuracy(control.samples)
    if low is None or high is None or high.se is None:
        return False
    return low.value >= high.value - high.se
