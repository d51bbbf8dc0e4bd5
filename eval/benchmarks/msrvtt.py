"""MSR-VTT 1k-A (Xu et al. 2016; Yu et al. 2018): which of 1,000 clips does a sentence tell of?

Layout: `MSRVTT_JSFUSION_test.csv` (columns key, vid_key, video_id, sentence); `videos/` (also
`videos/all/`) with `<video_id>.mp4`. Every question is asked of the library of all 1,000 videos.

A system gives video ids, best first (`Response.ranking`). Official measures, as in CLIP4Clip's
metrics.py (read in copies, which agree): R@1, R@5, R@10 in percent, median and mean rank from 1.
They come from a full matrix of similarities; so where a ranking stops before the right video, or a
question has none, the official numbers are None. Strict counts such a question as missed, at the
worst rank there is. (In the owners' matrix, equal similarities give a question several ranks; a
ranking has no ties.) No dual softmax or query bank: a ranking may depend on its own question only.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

from longtake.eval.benchmarks import files, submissions
from longtake.eval.benchmarks.contract import Export, Facts
from longtake.eval.judgement import Judgement, Response, Row, Scored, Unit
from longtake.eval.samples import Loaded, Sample


class Annotation(files.RowModel):
    """A row."""

    key: str
    vid_key: str
    video_id: str
    sentence: str


class MsrVtt(Facts):
    """See the module."""

    def load(self, data: Path, split: str, *, subtitles: bool = False) -> Loaded:
        """See `Benchmark.load`; there are no subtitles."""
        expected = self.split(split)
        path = files.find(
            data,
            ["MSRVTT_JSFUSION_test.csv", "msrvtt_data/MSRVTT_JSFUSION_test.csv"],
            "the 1k-A split",
        )
        videos = files.Files([data / "videos"])
        samples = [_sample(row, videos) for row in files.rows(path, Annotation)]
        missing = ["subtitles: MSR-VTT has none"] if subtitles else []
        gone = sum(sample.video_path is None for sample in samples)
        if gone:
            missing.append(f"{gone:,} of {len(samples):,} videos: ranks among fewer are no result")
        return files.loaded(
            self.name, split, samples, expected=expected, annotations=[path], missing=missing
        )

    def official(self, sample: Sample, response: Response | None) -> Judgement:
        """The right video's rank; the score is that it is first."""
        ranking = response.ranking if response else ()
        right = str(sample.extra["library_video"])
        if right not in ranking:
            return Judgement(parsed=ranking or None, score=0.0, counted=False)
        rank = ranking.index(right) + 1
        return Judgement(parsed=ranking, score=float(rank == 1), values={"rank": float(rank)})

    def aggregate(self, scored: Sequence[Scored]) -> tuple[Row, ...]:
        """R@1, R@5, R@10, MdR, MnR."""
        worst = float(len({item.sample.extra["library_video"] for item in scored}))
        official = [i.official.values["rank"] for i in scored if i.official.counted]
        if len(official) < len(scored):
            official = []
        strict = [item.strict.values.get("rank") for item in scored]
        rows = []
        for k in (1, 5, 10):
            of = [100.0 * (rank <= k) for rank in official]
            st = [100.0 * (rank is not None and rank <= k) for rank in strict]
            rows.append(
                _row(f"R@{k}", fmean(of) if of else None, fmean(st) if st else None, scored)
            )
        ranks = [worst if rank is None else rank for rank in strict]
        for name, taken in (("MdR", median), ("MnR", fmean)):
            of_rank = float(taken(official)) if official else None
            st_rank = float(taken(ranks)) if ranks else None
            rows.append(_row(name, of_rank, st_rank, scored, unit="rank"))
        return tuple(rows)


def _row(
    metric: str,
    official: float | None,
    strict: float | None,
    scored: Sequence[Scored],
    *,
    unit: Unit = "percent",
) -> Row:
    counted = sum(item.official.counted for item in scored)
    return Row(
        metric=metric,
        official=official,
        strict=strict,
        official_n=counted,
        n=len(scored),
        unit=unit,
    )


def _sample(row: Annotation, videos: files.Files) -> Sample:
    return Sample(
        sample_id=row.key,
        video="",
        video_path=videos.get(row.video_id),
        question=row.sentence,
        kind="ranking",
        answer=(row.video_id,),
        extra={"library_video": row.video_id},
    )


def _write(scored: Sequence[Scored], path: Path) -> None:
    lines = [
        {
            "key": item.sample.sample_id,
            "video_id": item.sample.extra["library_video"],
            "ranking": list(item.response.ranking) if item.response else [],
        }
        for item in scored
    ]
    submissions.write_lines(lines, path)


def _read(path: Path) -> Mapping[str, Any]:
    return {line["key"]: line["ranking"] for line in submissions.read_lines(path)}


BENCHMARK = MsrVtt(
    name="msrvtt-1ka",
    splits={"test": 1000},
    licence="research only",
    exports={"rankings": Export(filename="rankings.jsonl", write=_write, read=_read)},
)
