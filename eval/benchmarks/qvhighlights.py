"""QVHighlights (Lei et al. 2021, arXiv 2107.09609): find the moments, and the best two seconds.

Layout: `highlight_val_release.jsonl`, `highlight_test_release.jsonl` (also in `data/`); `videos/`
with `<vid>.mp4`. The truth of the test split is with the owners.

Moments are what the reply gives as stretches, else those that the answer cites, best first;
saliency is `Response.saliency`. Official scorer: `qvhighlights_metrics`. It asserts that exactly
the questions of the split are answered and fails on an empty list of moments; its numbers are None
here when that is so. Strict counts such questions as 0. All numbers are rounded to two decimals, as
there.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from longtake.eval import extraction
from longtake.eval.benchmarks import files, qvhighlights_metrics, submissions
from longtake.eval.benchmarks.contract import Export, Facts
from longtake.eval.judgement import Judgement, Response, Row, Scored
from longtake.eval.samples import Evidence, Loaded, Sample
from longtake.eval.scoring import span_values
from longtake.timing import Span


class Annotation(files.RowModel):
    """A line; the test split has no truth."""

    qid: int
    query: str
    duration: float
    vid: str
    relevant_windows: list[tuple[float, float]] | None = None
    relevant_clip_ids: list[int] | None = None
    saliency_scores: list[list[int]] | None = None


class QvHighlights(Facts):
    """See the module."""

    def load(self, data: Path, split: str, *, subtitles: bool = False) -> Loaded:
        """See `Benchmark.load`; there are no subtitles."""
        expected = self.split(split)
        name = f"highlight_{split}_release.jsonl"
        path = files.find(data, [name, f"data/{name}"], f"QVHighlights {split}")
        videos = files.Files([data / "videos"])
        samples = [_sample(row, videos) for row in files.rows(path, Annotation)]
        missing = ["subtitles: QVHighlights has none"] if subtitles else []
        return files.loaded(
            self.name, split, samples, expected=expected, annotations=[path], missing=missing
        )

    def official(self, sample: Sample, response: Response | None) -> Judgement:
        """The moments as read; the score is that the first has an IoU of at least 0.5."""
        if response is None:
            return Judgement(score=0.0, counted=False)
        moments = extraction.spans(response.text) or response.spans
        if not isinstance(sample.answer, tuple):
            return Judgement(parsed=moments or None, score=None)
        true = [span for span in sample.answer if isinstance(span, Span)]
        values = span_values(moments, true)
        return Judgement(parsed=moments or None, score=values["r1@0.5"], values=values)

    def aggregate(self, scored: Sequence[Scored]) -> tuple[Row, ...]:
        """Moments, then highlights."""
        known = [item for item in scored if item.sample.answer is not None]
        whole = all(item.response is not None and item.official.parsed for item in known)
        truths = [qvhighlights_metrics.Truth(**item.sample.extra["truth"]) for item in known]
        official = [_moments(item.official) for item in known]
        strict = [_moments(item.strict) for item in known]
        saliency = [item.response.saliency if item.response else () for item in known]
        rows = _rows(
            qvhighlights_metrics.moments(official, truths) if known and whole else {},
            qvhighlights_metrics.moments(strict, truths) if known else {},
            len(known),
        )
        if any(saliency):
            found = qvhighlights_metrics.highlights(saliency, truths)
            rows += _rows(found if all(saliency) else {}, found, len(known))
        return tuple(rows)


def _rows(official: Mapping[str, float], strict: Mapping[str, float], n: int) -> list[Row]:
    return [
        Row(
            metric=name,
            official=official.get(name),
            strict=number,
            official_n=n if name in official else 0,
            n=n,
        )
        for name, number in strict.items()
    ]


def _moments(judgement: Judgement) -> list[Span]:
    parsed = judgement.parsed
    return [s for s in parsed if isinstance(s, Span)] if isinstance(parsed, tuple) else []


def _sample(row: Annotation, videos: files.Files) -> Sample:
    windows = row.relevant_windows
    spans = None if windows is None else tuple(Span(start, end) for start, end in windows)
    return Sample(
        sample_id=str(row.qid),
        video=row.vid,
        video_path=videos.get(row.vid),
        question=row.query,
        kind="spans",
        answer=spans,
        evidence=tuple(
            Evidence(video=row.vid, span=span, group=str(i)) for i, span in enumerate(spans or ())
        ),
        duration_s=row.duration,
        extra={
            "truth": {
                "duration_s": row.duration,
                "windows": spans or (),
                "clips": tuple(row.relevant_clip_ids or ()),
                "saliency": tuple(tuple(scores) for scores in row.saliency_scores or ()),
            }
        },
    )


def _write(scored: Sequence[Scored], path: Path) -> None:
    """Moments with falling scores by their order; `[0, 0]` where there is none, since the owners'
    scorer fails on an empty list."""
    lines = []
    for item in scored:
        spans = _moments(item.strict) or _moments(item.official)
        count = len(spans)
        windows = [[s.start, s.end, (count - i) / count] for i, s in enumerate(spans)]
        saliency = list(item.response.saliency) if item.response else []
        line: dict[str, Any] = {
            "qid": int(item.sample.sample_id),
            "query": item.sample.question,
            "vid": item.sample.video,
            "pred_relevant_windows": windows or [[0.0, 0.0, 0.0]],
        }
        lines.append({**line, "pred_saliency_scores": saliency} if saliency else line)
    submissions.write_lines(lines, path)


def _read(path: Path) -> Mapping[str, Any]:
    return {
        str(line["qid"]): line["pred_relevant_windows"] for line in submissions.read_lines(path)
    }


BENCHMARK = QvHighlights(
    name="qvhighlights",
    splits={"val": 1550, "test": 1542},
    licence="CC BY-NC-SA 4.0",
    exports={"submission": Export(filename="hl_val_submission.jsonl", write=_write, read=_read)},
)
