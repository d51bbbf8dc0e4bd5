"""NExT-GQA (Xiao et al. 2024, arXiv 2309.01327): NExT-QA whose answers must show their evidence.

Layout: `val.csv`, `test.csv` with `gsub_val.json`, `gsub_test.json` beside them (also in
`nextgqa/`); videos as for NExT-QA.

The stretch is the first that the answer cites (`Response.spans`). Official scorer
(code/TempGQA/eval_ground.py 3902e7d): the best IoP and the best IoU over the true stretches (each
by itself), IoU with the hull of both as denominator, a stretch of no length inside a true one has
IoP 1 and IoU 0. `Acc@GQA` is a right letter with IoP of at least 0.5; mIoP, mIoU and shares of at
least 0.3 and 0.5. **Questions without a stretch leave every denominator, Acc@GQA included.**
Letters are read as for NExT-QA. Strict: a question without a stretch, or with one of no length, is
0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from longtake.errors import UsageError
from longtake.eval import grounding, scoring
from longtake.eval.benchmarks import files, nextqa, submissions, tables
from longtake.eval.benchmarks.contract import Export, Facts
from longtake.eval.judgement import Judgement, Response, Row, Scored
from longtake.eval.samples import Evidence, Loaded, Sample
from longtake.timing import Span

IOP_LEVEL = 0.5
LEVELS = (0.3, 0.5)


class Stretches(files.RowModel):
    """Of one video: true stretches by question."""

    duration: float
    location: dict[str, list[tuple[float, float]]]


class NextGqa(Facts):
    """See the module."""

    def load(self, data: Path, split: str, *, subtitles: bool = False) -> Loaded:
        """See `Benchmark.load`; there are no subtitles."""
        expected = self.split(split)
        path = files.find(
            data, [f"nextgqa/{split}.csv", f"{split}.csv"], f"NExT-GQA {split} questions"
        )
        truth = files.find(path.parent, [f"gsub_{split}.json"], "true stretches of NExT-GQA")
        by_video = {
            video: next(files.rows(truth, Stretches, [entry]))
            for video, entry in files.read_object(truth).items()
        }
        samples = [_with_evidence(sample, by_video) for sample in nextqa.read(path, data)]
        missing = ["subtitles: NExT-GQA has none"] if subtitles else []
        if bare := sum(not sample.evidence for sample in samples):
            missing.append(f"true stretches of {bare:,} questions: {path} may be NExT-QA's own")
        return files.loaded(
            self.name,
            split,
            samples,
            expected=expected,
            annotations=[path, truth],
            missing=missing,
        )

    def official(self, sample: Sample, response: Response | None) -> Judgement:
        """See the module; the score is Acc@GQA."""
        if response is None or not response.spans:
            return Judgement(score=0.0, counted=False)
        name = nextqa.named(response.text, sample)
        right = float(name == sample.answer) if name else 1 / nextqa.OPTIONS
        iou, iop = _owners(response.spans[0], [piece.span for piece in sample.evidence])
        return _judged(name, right, iou, iop)

    def strict(self, sample: Sample, response: Response | None) -> Judgement:
        """A right letter with IoP of at least 0.5; see the module."""
        judged = scoring.strict(sample, response)
        given = response.spans[0] if response and response.spans else None
        true = [piece.span for piece in sample.evidence]
        iou = max((grounding.iou(given, span) for span in true), default=0.0) if given else 0.0
        iop = max((grounding.iop(given, span) for span in true), default=0.0) if given else 0.0
        return _judged(judged.parsed, judged.score or 0.0, iou, iop)

    def aggregate(self, scored: Sequence[Scored]) -> tuple[Row, ...]:
        """Acc@GQA, accuracy of the letters alone, then grounding."""
        rows = [
            tables.row(scored, "Acc@GQA (micro)"),
            tables.row(scored, "Acc@QA (micro)", measure=tables.value("right")),
        ]
        for name in ("iop", "iou"):
            label = {"iop": "IoP", "iou": "IoU"}[name]
            rows.append(tables.row(scored, f"m{label}", measure=tables.value(name)))
            for level in LEVELS:
                rows.append(tables.row(scored, f"T{label}@{level}", measure=_at(name, level)))
        rows += tables.by_axis(scored, "type", "Acc@GQA (micro)")
        return tuple(rows)


def _with_evidence(sample: Sample, by_video: Mapping[str, Stretches]) -> Sample:
    qid = sample.sample_id.removeprefix(f"{sample.video}_")
    told = by_video.get(sample.video)
    spans = told.location.get(qid, []) if told else []
    return replace(
        sample,
        evidence=tuple(
            Evidence(video=sample.video, span=Span(start, end), group=str(place))
            for place, (start, end) in enumerate(spans)
        ),
        duration_s=told.duration if told else None,
    )


def _owners(given: Span, true: Sequence[Span]) -> tuple[float, float]:
    best_iou = best_iop = 0.0
    for span in true:
        if given.duration == 0:
            iou, iop = 0.0, float(span.start <= given.start <= span.end)
        else:
            shared = min(given.end, span.end) - max(given.start, span.start)
            iou, iop = shared / given.union(span).duration, shared / given.duration
        best_iou, best_iop = max(best_iou, iou), max(best_iop, iop)
    return best_iou, best_iop


def _judged(parsed: Any, right: float, iou: float, iop: float) -> Judgement:
    return Judgement(
        parsed=parsed,
        score=right if iop >= IOP_LEVEL else 0.0,
        values={"right": right, "iou": iou, "iop": iop},
    )


def _at(name: str, level: float) -> tables.Measure:
    return lambda judgement: float(judgement.values[name] >= level)


def _write_ground(scored: Sequence[Scored], path: Path) -> None:
    spans = {}
    for item in scored:
        if item.response is None or not item.response.spans:
            raise UsageError(
                f"question {item.sample.sample_id} cites no stretch; the file has one for each"
            )
        first = item.response.spans[0]
        spans[item.sample.sample_id] = [first.start, first.end]
    submissions.write_json(spans, path)


def _read_ground(path: Path) -> Mapping[str, Any]:
    return dict(submissions.read_json(path))


BENCHMARK = NextGqa(
    name="next-gqa",
    splits={"val": 3358, "test": 5553},
    licence="annotations as published by the owners; videos of VidOR (YFCC100M)",
    exports={
        "answers": nextqa.RESULTS,
        "ground": Export(filename="val_ground.json", write=_write_ground, read=_read_ground),
    },
)
