"""Haystacks that `longtake eval generate` made: the one benchmark whose owner is longtake.

Its official scorer is the strict one. Besides accuracy by axis, the table has how many answerable
questions and unanswerable twins are right together, which neither always answering nor always
abstaining achieves. Where needles were pasted into a user's footage, it also has how many of them
are in scenes that a ranker which does not know the questions puts first.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from longtake.errors import UsageError
from longtake.eval.benchmarks import files, submissions, tables
from longtake.eval.benchmarks.contract import Export, Facts
from longtake.eval.grounding import twin_consistent
from longtake.eval.haystack.config import CANARY, VERSION
from longtake.eval.haystack.suites import FOOTAGE, SUITES
from longtake.eval.judgement import Judgement, Response, Row, Scored
from longtake.eval.samples import AnswerKind, Evidence, Loaded, Sample
from longtake.timing import Span

LENGTH = "length_min"
"""Axis of the length of a question's video, in minutes; draws keep its shares."""
AXES = (
    "family",
    "form",
    "length_min",
    "depth",
    "needle_s",
    "decoys",
    "modality",
    "hops",
    "px",
    "contrast",
    "degrees",
    "blur_px",
    "snr_db",
    "asr",
    "wording",
)


class Piece(files.RowModel):
    """A stretch of evidence."""

    set_id: str
    video: str
    t0: float
    t1: float
    box: tuple[float, float, float, float] | None
    modality: Literal["visual", "speech", "text"]
    role: Literal["needle", "bridge", "context", "negation"]


class Line(files.RowModel):
    """An item of `truth/items.jsonl`."""

    item_id: str
    world_id: str
    videos: tuple[str, ...]
    family: str
    kind: AnswerKind
    question: str
    options: tuple[str, ...]
    answer: Any
    accepted: tuple[str, ...]
    answerable: bool
    evidence: tuple[Piece, ...]
    axes: dict[str, str]
    twin_id: str | None
    rotation_group: str
    visible_until: float | None
    gen_version: str
    canary: str


class Recall(files.RowModel):
    """What a query-free ranker found, in `truth/worlds.json`."""

    ranker: str
    needles: int
    recall: float


class Haystack(Facts):
    """See `longtake.eval.benchmarks.contract.Benchmark`."""

    def load(self, data: Path, split: str, *, subtitles: bool = False) -> Loaded:
        """Read a generated suite; subtitles are there only where no voice was.

        Raises:
            UsageError: no such suite, or the folder holds another one or another version's.
        """
        expected = self.split(split)
        path = files.find(data, ("truth/items.jsonl",), "items")
        manifest = files.find(data, ("videos/manifest.json",), "manifest")
        told = files.read_object(manifest)
        if told.get("suite") != split or told.get("gen_version") != VERSION:
            how = "--footage FOLDER" if split == FOOTAGE else split
            raise UsageError(
                f"{str(data)!r} holds suite {told.get('suite')!r} of generator version "
                f"{told.get('gen_version')!r}, not {split!r} of {VERSION!r}: "
                f"longtake eval generate {how} --out DIR"
            )
        lines = list(files.rows(path, Line))
        if any(line.canary != CANARY for line in lines):
            raise UsageError(f"{str(path)!r} has items without the generator's canary")
        novelty: list[Recall] = []
        if told.get("half_synthetic"):
            worlds = files.find(data, ("truth/worlds.json",), "account of worlds")
            [world] = files.read_object(worlds)["worlds"]
            novelty = list(files.rows(worlds, Recall, world["novelty_in_footage"]))
        films = files.Files([data / "videos"])
        given = files.Files([data / "videos"], (".srt",)) if subtitles else None
        samples = [_sample(line, films, given, novelty) for line in lines]
        lengths = {sample.axes.get(LENGTH) for sample in samples}
        return files.loaded(
            self.name,
            split,
            samples,
            expected=expected,
            annotations=[path, manifest],
            subtitles=subtitles,
            strata=(LENGTH,) if len(lengths) > 1 else (),
        )

    def official(self, sample: Sample, response: Response | None) -> Judgement:
        """See `Benchmark.official`: the strict rule."""
        return self.strict(sample, response)

    def aggregate(self, scored: Sequence[Scored]) -> tuple[Row, ...]:
        """Accuracy, twins, then accuracy by axis."""
        rows = [tables.row(scored, "accuracy (micro)")]
        here = {item.sample.sample_id for item in scored}
        twins = {
            item.sample.sample_id: item.sample.twin
            for item in scored
            if item.sample.twin is not None and item.sample.twin in here
        }
        if twins:
            rows.append(_twins(scored, twins))
        if scored:
            rows += [_found(one) for one in scored[0].sample.extra["novelty"]]
        for axis in AXES:
            rows += tables.by_axis(scored, axis, "accuracy (micro)")
        return tuple(rows)


def _found(one: Recall) -> Row:
    return Row(
        metric="needles found by a query-free novelty ranker (20 by chance)",
        part=f"ranker={one.ranker}",
        official=100.0 * one.recall,
        strict=100.0 * one.recall,
        official_n=one.needles,
        n=one.needles,
    )


def _twins(scored: Sequence[Scored], twins: dict[str, str]) -> Row:
    right = {item.sample.sample_id: item.strict.score or 0.0 for item in scored}
    pairs = twin_consistent(right, twins)
    share = 100.0 * sum(pairs.values()) / len(pairs)
    return Row(
        metric="twin-consistent accuracy",
        official=share,
        strict=share,
        official_n=len(pairs),
        n=len(pairs),
    )


def _sample(
    line: Line, films: files.Files, given: files.Files | None, novelty: list[Recall]
) -> Sample:
    whole = len(line.videos) > 1
    first = line.evidence[0].video if line.evidence else line.videos[0]
    extra: dict[str, Any] = {"accepted": line.accepted, "world": line.world_id, "novelty": novelty}
    if whole:
        extra["library_video"] = first
        extra["library_videos"] = {
            name: (films.get(name), given.get(name) if given else None) for name in line.videos
        }
    return Sample(
        sample_id=line.item_id,
        video="" if whole else line.videos[0],
        video_path=films.get(first),
        question=line.question,
        kind=line.kind,
        options=line.options,
        answer=_answer(line),
        answerable=line.answerable,
        evidence=tuple(
            Evidence(
                video=piece.video,
                span=Span(piece.t0, piece.t1),
                box=piece.box,
                modality=piece.modality,
                role=piece.role,
                group=piece.set_id,
            )
            for piece in line.evidence
        ),
        axes=line.axes,
        subtitles=given.get(first) if given else None,
        visible_until_s=line.visible_until,
        twin=line.twin_id,
        group=line.rotation_group,
        extra=extra,
    )


def _answer(line: Line) -> str | float | tuple[str, ...] | tuple[Span, ...] | None:
    match line.kind, line.answer:
        case _, None:
            return None
        case "spans", list(pairs):
            return tuple(Span(start, end) for start, end in pairs)
        case "order", list(letters):
            return tuple(str(letter) for letter in letters)
        case "number", int() | float() as number:
            return float(number)
        case _, str(text):
            return text
    raise UsageError(f"item {line.item_id}: the answer {line.answer!r} is no {line.kind}")


def _write(scored: Sequence[Scored], path: Path) -> None:
    submissions.write_lines(
        [
            {
                "item_id": item.sample.sample_id,
                "response": item.response.text if item.response else None,
                "abstained": bool(item.response and item.response.abstained),
            }
            for item in scored
        ],
        path,
    )


def _read(path: Path) -> dict[str, Any]:
    return {line["item_id"]: line for line in submissions.read_lines(path)}


BENCHMARK = Haystack(
    name="haystack",
    splits={**{name: suite.items for name, suite in SUITES.items()}, FOOTAGE: None},
    licence="generated on your machine: yours, under the licences in its manifest",
    exports={"answers": Export(filename="answers.jsonl", write=_write, read=_read)},
)
