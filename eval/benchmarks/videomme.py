"""Video-MME (Fu et al. 2024, arXiv 2405.21075): 900 videos, three questions each, four options.

Layout: the one Parquet file of the Hugging Face set (`videomme/test-00000-of-00001.parquet`), or
the same rows as `videomme.jsonl`, `.json` or `.csv`; `data/` or `videos/` with `<videoID>.mp4`;
`subtitle/` with `<videoID>.srt`.

Official scorer, read in evaluation/eval_your_results.py (4e7566d) of the owners' repository:

- known openings are cut out, then the first of A, B, C, D anywhere in the reply is the answer, so
  that "A person ..." and "Based on ..." are A and B; without one there is no answer;
- a reply without an answer leaves the denominator;
- two openings of its list are joined with their neighbours by missing commas ("The best option
  isThe correct option is", "Best answer:Best option:") and so never match;
- it asserts 300 videos a duration, where a missing answer stops it; here a missing one leaves the
  denominator, and the harness labels the run as partial.

Means are over questions (micro), by duration, domain, sub-category and task. That scorer's stored
version reads `duration_category`, `video_category` and `video_subcategory`; the export has the
names of later versions (`duration`, `domain`, `sub_category`, as in the Parquet file).
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from longtake.eval.benchmarks import choices, files, submissions, tables
from longtake.eval.benchmarks.contract import Export, Facts, OfficialPrompt
from longtake.eval.judgement import Judgement, Response, Row, Scored, letter
from longtake.eval.samples import Loaded, Sample

OPENINGS = (
    "The best answer is",
    "The correct answer is",
    "The answer is",
    "The answer",
    "The best option isThe correct option is",
    "Best answer:Best option:",
)
"""With the owners' two missing commas."""


class Annotation(files.RowModel):
    """A row of the Parquet file."""

    video_id: str
    duration: str
    domain: str
    sub_category: str
    url: str = ""
    videoID: str
    question_id: str
    task_type: str
    question: str
    options: list[str]
    answer: str


def first_letter(text: str, openings: Sequence[str], allowed: str) -> str:
    """The first of the `allowed` letters after `openings` are cut out; empty for none."""
    text = text.strip()
    for opening in openings:
        text = text.replace(opening, "")
    found = re.search(f"[{allowed}]", text)
    return found[0] if found else ""


class VideoMme(Facts):
    """See the module."""

    def load(self, data: Path, split: str, *, subtitles: bool = False) -> Loaded:
        """See `Benchmark.load`."""
        expected = self.split(split)
        path = files.find(
            data,
            [
                "videomme/test-*.parquet",
                "test-*.parquet",
                "videomme.jsonl",
                "videomme.json",
                "videomme.csv",
            ],
            "annotations of Video-MME",
        )
        videos = files.Files([data / "data", data / "videos"])
        texts = files.Files([data / "subtitle", data / "subtitles"], suffixes=(".srt",))
        samples = [
            self._sample(row, videos, texts if subtitles else None)
            for row in files.rows(path, Annotation)
        ]
        return files.loaded(
            self.name,
            split,
            samples,
            expected=expected,
            annotations=[path],
            subtitles=subtitles,
            strata=("duration", "task"),
        )

    def _sample(self, row: Annotation, videos: files.Files, texts: files.Files | None) -> Sample:
        options = choices.unlabelled(row.options)
        return Sample(
            sample_id=row.question_id,
            video=row.videoID,
            video_path=videos.get(row.videoID),
            question=row.question,
            kind="option",
            options=options,
            answer=choices.checked(row.answer, options, f"question {row.question_id}"),
            axes={
                "duration": row.duration,
                "domain": row.domain,
                "sub_category": row.sub_category,
                "task": row.task_type,
            },
            subtitles=texts.get(row.videoID) if texts else None,
            extra={"video_id": row.video_id},
        )

    def official(self, sample: Sample, response: Response | None) -> Judgement:
        """See the module for its quirks."""
        found = first_letter(response.text, OPENINGS, "ABCD") if response else ""
        return choices.by_letter(sample, found, counted=bool(found))

    def aggregate(self, scored: Sequence[Scored]) -> tuple[Row, ...]:
        """Accuracy over questions, overall and by each axis."""
        metric = "accuracy (micro)"
        rows = [tables.row(scored, metric)]
        for axis in ("duration", "domain", "sub_category", "task"):
            rows += tables.by_axis(scored, axis, metric)
        return tuple(rows)


def _write(scored: Sequence[Scored], path: Path) -> None:
    videos: dict[str, dict[str, Any]] = {}
    for item in scored:
        sample = item.sample
        entry = videos.setdefault(
            str(sample.extra["video_id"]),
            {
                "video_id": sample.extra["video_id"],
                "duration": sample.axes["duration"],
                "domain": sample.axes["domain"],
                "sub_category": sample.axes["sub_category"],
                "questions": [],
            },
        )
        entry["questions"].append(
            {
                "question_id": sample.sample_id,
                "task_type": sample.axes["task"],
                "question": sample.question,
                "options": [f"{letter(i)}. {text}" for i, text in enumerate(sample.options)],
                "answer": sample.answer,
                "response": submissions.raw(item),
            }
        )
    submissions.write_json(list(videos.values()), path)


def _read(path: Path) -> Mapping[str, Any]:
    return {
        question["question_id"]: question["response"]
        for video in submissions.read_json(path)
        for question in video["questions"]
    }


BENCHMARK = VideoMme(
    name="video-mme",
    splits={"test": 2700},
    licence="academic research only, no redistribution",
    prompt=OfficialPrompt(
        template=(
            "{subtitles}Select the best answer to the following multiple-choice question based on "
            "the video. Respond with only the letter (A, B, C, or D) of the correct option.\n"
            "{question}\n{options}\nThe best answer is:"
        ),
        subtitles="This video's subtitles are listed below:\n{text}\n",
    ),
    exports={"submission": Export(filename="output_test_template.json", write=_write, read=_read)},
)
