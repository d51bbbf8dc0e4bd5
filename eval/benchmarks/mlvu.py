"""MLVU (Zhou et al. 2024, arXiv 2406.04264): the multiple-choice tasks of its dev and test sets.

Layout of dev: `json/` with `1_plotQA.json` ... `7_topic_reasoning.json`, and `video/` with a folder
of that name for each task. Of test: `test-ground-truth/test_mcq_gt.json` (or, without answers,
`test_multi_choice_tasks.json`), and the videos in `video/`. All may lie one folder deeper, in
`MLVU/` or `MLVU_Test/`, as the owners' archives unpack.

Official check (video_chat/choice_bench.py 0b16f40; Evaluation_Test/test_bench.py 2d80156): the
reply is made to begin with "Best Option: (", and what the model writes after that, up to its first
")", must be the letter itself. So "B) Red" is B and "The answer is B" is wrong, as is "(B)", whose
bracket is the second one. A truth that is none of the candidates can never be met: those questions
are in the denominator of both scorers.

`M-Avg` is the unweighted mean of the tasks' accuracies. The owners' script prints the pooled
accuracy of all questions as `Avg`; both are shown, named. Dev and test have different tasks and 4
and 6 options: never compare across them.

The two generation tasks (sub-scene captions, summaries; G-Avg) are scored by a judge, gpt-4-turbo
in the owners' scripts, whose prompts and version decide the number. They are refused, not guessed.
Number of test questions: summed from the tasks' sizes in the paper; the dev counts are those of the
files.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from longtake.errors import UsageError
from longtake.eval.benchmarks import choices, files, submissions, tables
from longtake.eval.benchmarks.contract import Export, Facts, OfficialPrompt
from longtake.eval.judgement import Judgement, Response, Row, Scored
from longtake.eval.samples import Loaded, Sample

DEV = {
    "1_plotQA": 539,
    "2_needle": 355,
    "3_ego": 352,
    "4_count": 206,
    "5_order": 259,
    "6_anomaly_reco": 200,
    "7_topic_reasoning": 264,
}
"""Files of the dev set's multiple-choice tasks and their questions."""


class Annotation(files.RowModel):
    """A question; dev has no `question_id`, the test questions without answers no `answer`."""

    video: str
    duration: float | None = None
    question: str
    candidates: list[str]
    answer: str | None = None
    question_type: str
    question_id: str | None = None


class Mlvu(Facts):
    """See the module."""

    def load(self, data: Path, split: str, *, subtitles: bool = False) -> Loaded:
        """See `Benchmark.load`; MLVU has no subtitles.

        Raises:
            UsageError: also for the generation tasks, which need a judge.
        """
        if "generation" in split:
            raise UsageError(
                "MLVU's generation tasks are scored by a judge model; longtake has none. "
                f"Splits without one: {', '.join(self.splits)}"
            )
        expected = self.split(split)
        roots = [data, data / "MLVU", data / "MLVU_Test"]
        videos = files.Files([root / "video" for root in roots])
        missing = ["subtitles: MLVU has none"] if subtitles else []
        samples: list[Sample] = []
        if split == "dev":
            paths = {task: _there(roots, f"json/{task}.json") for task in DEV}
            found = {task: path for task, path in paths.items() if path}
            if not found:
                raise UsageError(f"no json/1_plotQA.json ... json/7_topic_reasoning.json in {data}")
            missing += [f"json/{task}.json" for task in DEV if task not in found]
            for task, path in found.items():
                rows = list(files.rows(path, Annotation))
                samples += [_sample(row, videos, f"{task}-{i}", task) for i, row in enumerate(rows)]
                if len(rows) != DEV[task]:
                    missing.append(f"json/{task}.json has {len(rows)} of {DEV[task]} questions")
            annotations = list(found.values())
        else:
            names = ("test-ground-truth/test_mcq_gt.json", "test_multi_choice_tasks.json")
            places = [p.relative_to(data) / name for name in names for p in roots]
            path = files.find(
                data, [place.as_posix() for place in places], "questions of MLVU test"
            )
            if path.name == "test_multi_choice_tasks.json":
                missing.append("answers (test-ground-truth/test_mcq_gt.json)")
            samples = [
                _sample(row, videos, row.question_id or f"test-{i}", "")
                for i, row in enumerate(files.rows(path, Annotation))
            ]
            annotations = [path]
        return files.loaded(
            self.name, split, samples, expected=expected, annotations=annotations, missing=missing
        )

    def official(self, sample: Sample, response: Response | None) -> Judgement:
        """See the module; nothing at all is wrong, as a reply without a letter is."""
        said = response.text if response else ""
        said = said.split("###")[0].split("Assistant:")[-1].strip()
        found = said.partition(")")[0]
        if (
            sample.extra.get("question_id") is not None
        ):  # as the test script does and the dev one not
            found = found.strip()
        parsed = found if len(found) == 1 and found.isupper() else None
        return choices.by_letter(sample, parsed)

    def aggregate(self, scored: Sequence[Scored]) -> tuple[Row, ...]:
        """M-Avg first, then the pooled accuracy, then the tasks."""
        return (
            tables.macro(scored, "task", "M-Avg (macro over tasks)"),
            tables.row(scored, "accuracy (micro, pooled)"),
            *tables.by_axis(scored, "task", "accuracy"),
        )


def _there(roots: Sequence[Path], name: str) -> Path | None:
    return next((root / name for root in roots if (root / name).is_file()), None)


def _sample(row: Annotation, videos: files.Files, sample_id: str, folder: str) -> Sample:
    video = f"{folder}/{row.video}" if folder else row.video
    answer = None
    if row.answer is not None:  # the text of a candidate
        answer = choices.place(row.answer, row.candidates) or ""
    return Sample(
        sample_id=sample_id,
        video=video,
        video_path=videos.get(video, row.video),
        question=row.question,
        kind="option",
        options=tuple(row.candidates),
        answer=answer,
        axes={"task": row.question_type},
        duration_s=row.duration,
        extra={"question_id": row.question_id},
    )


def _write(scored: Sequence[Scored], path: Path) -> None:
    if any(item.sample.extra["question_id"] is None for item in scored):
        raise UsageError("only MLVU's test set is handed in; dev questions have no ids")
    rows = [
        {
            "question_id": item.sample.sample_id,
            "question_type": item.sample.axes["task"],
            "option": submissions.chosen(item),
        }
        for item in scored
    ]
    submissions.write_json(rows, path)


def _read(path: Path) -> Mapping[str, Any]:
    return {row["question_id"]: row["option"] for row in submissions.read_json(path)}


BENCHMARK = Mlvu(
    name="mlvu",
    splits={"dev": sum(DEV.values()), "test": 502},
    licence="CC BY-NC-SA 4.0, research only",
    prompt=OfficialPrompt(
        system=(
            "Carefully watch this video and pay attention to every detail. Based on your "
            "observations, select the best option that accurately addresses the question."
        ),
        template="Question: {question}\nOptions:\n{options}\nOnly give the best option.",
        option="({letter}) {text}",
        prefill="Best Option: (",
    ),
    exports={"submission": Export(filename="test_res.json", write=_write, read=_read)},
)
