"""LVBench (Wang et al. 2024, arXiv 2406.08035): 1,549 questions on 103 videos of half to two hours.

Layout: `video_info.meta.jsonl` (also in `data/`), one video a line; `videos/`, `all_videos/` or
`scripts/videos/` with `<key>.mp4`. The owners give YouTube ids; some videos are gone.

Official scorer (lvbench/utils/answer_util.py 1dd4612, metrics/compute_accuracy.py dd7d99d): of the
reply, what is before the first ")", of that what is after "(", of that the first word, of that the
first character. So "The answer is B" is T and wrong, "A person" is A, "b" is b and wrong.
**Questions without an answer leave the denominator**, so a partial run looks whole there. Overall
is over questions; a question has one or more of six types and counts in each, so the types' sizes
sum to more than all.

`time_reference` tells where the answer is to be seen: it is read as evidence, for scoring only.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from longtake.eval.benchmarks import choices, files, submissions, tables
from longtake.eval.benchmarks.contract import Export, Facts
from longtake.eval.judgement import Judgement, Response, Row, Scored
from longtake.eval.samples import Evidence, Loaded, Sample
from longtake.timing import Span

TYPES = {
    "key information retrieval": "KIR",
    "event understanding": "EU",
    "summarization": "Sum",
    "entity recognition": "ER",
    "reasoning": "Rea",
    "temporal grounding": "TG",
}
"""Types of questions, and what result.json calls them."""

_CLOCKS = re.compile(r"\s*(\d+(?::\d+){1,2})\s*-\s*(\d+(?::\d+){1,2})\s*")


class Question(files.RowModel):
    """An entry of `qa`."""

    uid: str
    question: str
    answer: str
    question_type: list[str]
    time_reference: str = ""


class VideoInfo(files.RowModel):
    """What is told of a video itself."""

    duration_minutes: float | None = None


class Annotation(files.RowModel):
    """A line of the file: a video with its questions."""

    key: str
    type: str = ""
    video_info: VideoInfo = VideoInfo()
    qa: list[Question]


class LvBench(Facts):
    """See the module."""

    def load(self, data: Path, split: str, *, subtitles: bool = False) -> Loaded:
        """See `Benchmark.load`; LVBench has no subtitles."""
        expected = self.split(split)
        path = files.find(
            data,
            ["video_info.meta.jsonl", "data/video_info.meta.jsonl"],
            "annotations of LVBench",
        )
        folders = ("videos", "all_videos", "scripts/videos", "data/videos")
        videos = files.Files([data / folder for folder in folders])
        rows = list(files.rows(path, Annotation))
        samples = [_sample(row, qa, videos) for row in rows for qa in row.qa]
        missing = ["subtitles: LVBench has none"] if subtitles else []
        untold = sum(not sample.evidence for sample in samples)
        if untold:
            missing.append(f"a readable time_reference of {untold:,} of {len(samples):,} questions")
        return files.loaded(
            self.name, split, samples, expected=expected, annotations=[path], missing=missing
        )

    def official(self, sample: Sample, response: Response | None) -> Judgement:
        """See the module."""
        if response is None:
            return choices.by_letter(sample, None, counted=False)
        said = response.text.strip().split(")")[0].strip()
        if "(" in said:
            said = said.split("(")[1].strip()
        return choices.by_letter(sample, said.split(" ")[0][:1])

    def aggregate(self, scored: Sequence[Scored]) -> tuple[Row, ...]:
        """Accuracy over questions, overall, by type of question and by type of video."""
        metric = "accuracy (micro)"
        return (
            tables.row(scored, metric),
            *tables.by_axis(scored, "type", metric),
            *tables.by_axis(scored, "video_type", metric),
        )


def _sample(row: Annotation, qa: Question, videos: files.Files) -> Sample:
    question, options = choices.split_lines(qa.question, "ABCD")
    minutes = row.video_info.duration_minutes
    span = _stretch(qa.time_reference)
    return Sample(
        sample_id=qa.uid,
        video=row.key,
        video_path=videos.get(row.key),
        question=question,
        kind="option",
        options=options,
        answer=choices.checked(qa.answer, options, f"question {qa.uid}"),
        evidence=(Evidence(video=row.key, span=span),) if span else (),
        axes={"type": "|".join(qa.question_type), "video_type": row.type},
        duration_s=None if minutes is None else minutes * 60,
    )


def _stretch(clocks: str) -> Span | None:
    """`12:05-13:10` or `1:02:05-1:03:00` in seconds; None for anything else."""
    found = _CLOCKS.fullmatch(clocks)
    if not found:
        return None
    start, end = (_seconds(clock) for clock in found.groups())
    return Span(start, end) if start <= end else None


def _seconds(clock: str) -> float:
    total = 0
    for part in clock.split(":"):
        total = total * 60 + int(part)
    return float(total)


def _write_answers(scored: Sequence[Scored], path: Path) -> None:
    submissions.write_json({i.sample.sample_id: submissions.chosen(i) for i in scored}, path)


def _write_result(scored: Sequence[Scored], path: Path) -> None:
    """As the owners' compute_accuracy has them, shares from 0 to 1."""
    shares = {"Overall": tables.mean(tables.kept(scored, "official", tables.score))}
    for name, part in tables.parts(scored, "type").items():
        shares[TYPES.get(name, name)] = tables.mean(tables.kept(part, "official", tables.score))
    submissions.write_json({k: v for k, v in shares.items() if v is not None}, path)


def _read(path: Path) -> Mapping[str, Any]:
    return dict(submissions.read_json(path))


BENCHMARK = LvBench(
    name="lvbench",
    splits={"test": 1549},
    licence="CC BY-NC-SA 4.0, academic research only",
    exports={
        "answers": Export(filename="answers.json", write=_write_answers, read=_read),
        "submission": Export(filename="result.json", write=_write_result, read=_read),
    },
)
