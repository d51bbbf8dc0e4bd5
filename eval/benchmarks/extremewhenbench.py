"""ExtremeWhenBench (Seo and Kim 2026, arXiv 2606.12300): when does it happen, in hours of video.

2,273 questions on 194 videos of LVBench, MLVU and Video-MME; the owners give annotations only.

Layout: the Parquet file (`data/test-*.parquet`, `test-*.parquet`) or the same rows as `test.jsonl`,
`.json` or `.csv`; the videos anywhere below the folder as `<video_id>.mp4`, or in folders
`LVBench/`, `MLVU/`, `VideoMME/`. The name of the file in the owners' set is not verified; its
fields are.

Official scorer (lmms_eval/tasks/extremewhenbench/utils.py 226ba42, by the owners): the last two
numbers in the reply that have "-", "to" or "~" between them, swapped when in wrong order; no such
pair is IoU 0 and counts. Clock notation is not understood: "1:02 to 1:10" is 2 to 1. Missing
answers leave the denominator. Reported: mean IoU and shares with IoU of at least 0.3, 0.5, 0.7.

The video's length must be in the prompt, and frames must come with their times: the owners measured
losses of 40 % without the first and about tenfold without the second.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from longtake.eval.benchmarks import files, tables
from longtake.eval.benchmarks.contract import Facts, OfficialPrompt
from longtake.eval.grounding import iou
from longtake.eval.judgement import Judgement, Response, Row, Scored
from longtake.eval.samples import Evidence, Loaded, Sample
from longtake.eval.scoring import IOU_LEVELS
from longtake.timing import Span

# The owners' pattern; that it begins with a whole number spares it looking from each digit.
_PAIR = re.compile(r"(?<!\d)(\d+(?:\.\d+)?)\s*(?:-|to|~|\u2013|\u2014)\s*(\d+(?:\.\d+)?)")


class Annotation(files.RowModel):
    """A row."""

    qid: str
    video_id: str
    source_corpus: str
    question: str
    correct_interval: tuple[float, float]
    video_duration_s: float | None = None
    category: str | None = None


class ExtremeWhenBench(Facts):
    """See the module."""

    def load(self, data: Path, split: str, *, subtitles: bool = False) -> Loaded:
        """See `Benchmark.load`; there are no subtitles."""
        expected = self.split(split)
        path = files.find(
            data,
            ["data/test-*.parquet", "test-*.parquet", "test.jsonl", "test.json", "test.csv"],
            "annotations of ExtremeWhenBench",
        )
        videos = files.Files([data])
        samples = [_sample(row, videos) for row in files.rows(path, Annotation)]
        missing = ["subtitles: ExtremeWhenBench has none"] if subtitles else []
        if any(sample.duration_s is None for sample in samples):
            missing.append("video_duration_s, which the official prompt needs")
        return files.loaded(
            self.name, split, samples, expected=expected, annotations=[path], missing=missing
        )

    def official(self, sample: Sample, response: Response | None) -> Judgement:
        """See the module; the score is the IoU."""
        pairs = _PAIR.findall(response.text) if response else []
        if not pairs:
            return _judged(sample, None, counted=response is not None)
        start, end = sorted(map(float, pairs[-1]))
        return _judged(sample, Span(start, end), counted=True)

    def aggregate(self, scored: Sequence[Scored]) -> tuple[Row, ...]:
        """mIoU, shares above thresholds, and replies without a stretch in them."""
        rows = [tables.row(scored, "mIoU", measure=tables.value("iou"), unit="share")]
        for level in IOU_LEVELS:
            measure = tables.value(f"r1@{level}")
            rows.append(tables.row(scored, f"R@{level}", measure=measure, unit="share"))
        rows.append(tables.row(scored, "parse failures", measure=lambda j: float(j.parsed is None)))
        for axis in ("corpus", "category"):
            rows += tables.by_axis(scored, axis, "mIoU", tables.value("iou"), "share")
        return tuple(rows)


def _sample(row: Annotation, videos: files.Files) -> Sample:
    span = Span(*row.correct_interval)
    video = f"{row.source_corpus}/{row.video_id}"
    names = [f"{video}{suffix}" for suffix in files.VIDEO_SUFFIXES]
    return Sample(
        sample_id=row.qid,
        video=video,
        video_path=videos.get(*names, row.video_id),
        question=row.question,
        kind="spans",
        answer=(span,),
        evidence=(Evidence(video=video, span=span),),
        axes={"corpus": row.source_corpus, "category": row.category or ""},
        duration_s=row.video_duration_s,
    )


def _judged(sample: Sample, given: Span | None, *, counted: bool) -> Judgement:
    true = sample.answer[0] if isinstance(sample.answer, tuple) else None
    overlap = iou(given, true) if given is not None and isinstance(true, Span) else 0.0
    return Judgement(
        parsed=None if given is None else (given,),
        score=overlap,
        counted=counted,
        values={"iou": overlap, **{f"r1@{x}": float(overlap >= x) for x in IOU_LEVELS}},
    )


BENCHMARK = ExtremeWhenBench(
    name="extremewhenbench",
    splits={"test": 2273},
    licence="annotations CC BY 4.0; videos as in LVBench, MLVU and Video-MME",
    prompt=OfficialPrompt(
        template=(
            "[Video Temporal Grounding]\n"
            "You are watching a {duration}-second long video.\n"
            "Please find the moment described by the following question, determining its starting "
            "and ending times. The format should be: 'The event happens in the start time - end "
            "time'. For example, The event 'person turn a light on' happens in the 24.3 - 30.4 "
            'seconds. Now I will give you the question: "{question}"\n'
            "Please return its start time and end time."
        )
    ),
)
