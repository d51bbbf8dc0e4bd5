"""LongVideoBench (Wu et al. 2024, arXiv 2407.15754): 3,763 videos with subtitles, up to 5 options.

Layout: `lvb_val.json`, `lvb_test_wo_gt.json` (or the Parquet files `validation-*`, `test-*`);
`videos/` and `subtitles/` with the names that the annotations give.

Official scorer: read in lmms-eval (lmms_eval/tasks/longvideobench/utils.py 03a5823), which says
that it does as the benchmark's author does. Known openings are cut out, then the first of A to E
anywhere in the reply is the answer, also when the question has fewer options. **A reply without one
becomes a random choice**, from an unseeded generator. A score must not depend on chance, so this
port counts the expectation, 1 / number of options, which is what the random rule tends to. Missing
answers are not counted there. Overall is over questions (their mean over duration groups and
categories together, weighted by size, is the same number).

Subtitles (`subtitle_text`): a line is given where its stretch, widened to one second around its
middle when shorter, strictly holds the time of a frame shown; times count from
`starting_timestamp_for_subtitles`. `interleaved` has them between the frames as the owners do.
Frame times are those of `frame_times`: from 0 in equal steps, not the middles of segments.

The format of a test submission is taken from lmms-eval (`{id: reply}`), with the letter where one
was understood; that the owners' server reads letters is not verified.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from longtake.errors import UsageError
from longtake.eval.benchmarks import choices, files, submissions, tables
from longtake.eval.benchmarks.contract import Export, Facts, OfficialPrompt
from longtake.eval.benchmarks.videomme import first_letter
from longtake.eval.judgement import Judgement, Response, Row, Scored, letter
from longtake.eval.samples import Loaded, Sample
from longtake.index.captions import Caption

OPENINGS = (
    "The best answer is",
    "The correct answer is",
    "The answer is",
    "The answer",
    "The best option is",
    "The correct option is",
    "Best answer:",
    "Best option:",
)
FRAME = "<image>"
"""Stands for a frame in interleaved text."""
NO_OPTION = "N/A"


class Annotation(files.RowModel):
    """A question; the Parquet files have `option0` to `option4` in place of `candidates`."""

    id: str
    video_id: str
    video_path: str
    subtitle_path: str | None = None
    question: str
    candidates: list[str] | None = None
    option0: str = NO_OPTION
    option1: str = NO_OPTION
    option2: str = NO_OPTION
    option3: str = NO_OPTION
    option4: str = NO_OPTION
    correct_choice: int | None = None
    duration: float
    duration_group: str
    question_category: str
    topic_category: str = ""
    starting_timestamp_for_subtitles: float = 0.0

    def texts(self) -> tuple[str, ...]:
        """The options there are."""
        if self.candidates is not None:
            return tuple(self.candidates)
        options = (self.option0, self.option1, self.option2, self.option3, self.option4)
        return tuple(text for text in options if text != NO_OPTION)


class LongVideoBench(Facts):
    """See the module."""

    def load(self, data: Path, split: str, *, subtitles: bool = False) -> Loaded:
        """See `Benchmark.load`."""
        expected = self.split(split)
        names = {
            "val": ["lvb_val.json", "validation-*.parquet", "data/validation-*.parquet"],
            "test": ["lvb_test_wo_gt.json", "test-*.parquet", "data/test-*.parquet"],
        }[split]
        path = files.find(data, names, f"LongVideoBench {split} questions")
        videos = files.Files([data / "videos"])
        texts = files.Files([data / "subtitles"], suffixes=(".json",))
        samples = [
            self._sample(row, videos, texts if subtitles else None, answered=split == "val")
            for row in files.rows(path, Annotation)
        ]
        return files.loaded(
            self.name,
            split,
            samples,
            expected=expected,
            annotations=[path],
            subtitles=subtitles,
        )

    def _sample(
        self, row: Annotation, videos: files.Files, texts: files.Files | None, *, answered: bool
    ) -> Sample:
        options = row.texts()
        answer = None
        if answered:
            if row.correct_choice is None:
                raise UsageError(f"question {row.id} has no correct_choice: is this the val file?")
            answer = choices.checked(letter(row.correct_choice), options, f"question {row.id}")
        return Sample(
            sample_id=row.id,
            video=row.video_id,
            video_path=videos.get(row.video_path, row.video_id),
            question=row.question,
            kind="option",
            options=options,
            answer=answer,
            axes={
                "duration_group": row.duration_group,
                "category": row.question_category,
                "topic": row.topic_category,
            },
            duration_s=row.duration,
            subtitles=texts.get(row.subtitle_path or "") if texts else None,
            extra={"subtitles_from_s": row.starting_timestamp_for_subtitles},
        )

    def official(self, sample: Sample, response: Response | None) -> Judgement:
        """See the module: no answer counts as much as a random one."""
        if response is None:
            return Judgement(score=None if sample.answer is None else 0.0, counted=False)
        found = first_letter(response.text, OPENINGS, "ABCDE")
        judged = choices.by_letter(sample, found)
        if found or sample.answer is None or not sample.options:
            return judged
        return replace(judged, score=1 / len(sample.options))

    def aggregate(self, scored: Sequence[Scored]) -> tuple[Row, ...]:
        """Accuracy over questions, overall, by duration group and by category."""
        metric = "accuracy (micro)"
        return (
            tables.row(scored, metric),
            *tables.by_axis(scored, "duration_group", metric),
            *tables.by_axis(scored, "category", metric),
        )

    def captions(self, sample: Sample) -> list[Caption]:
        """Subtitles on the video's own timeline; what ends before it begins is left out."""
        found = [
            Caption(max(0.0, start), end, (text,))
            for start, end, text in _entries(sample)
            if end > 0
        ]
        return sorted(caption for caption in found if caption.end > caption.start)

    def subtitle_text(self, sample: Sample, times_s: Sequence[float]) -> str:
        """See the module."""
        return "\n".join(line for line in interleaved(sample, times_s) if line != FRAME)


def frame_times(duration_s: float, frames: int) -> list[float]:
    """When the owners take their frames: `frames` equal steps from 0, or every whole second of a
    video with no more seconds than that."""
    if duration_s > frames:
        return [duration_s / frames * i for i in range(frames)]
    return [float(i) for i in range(int(duration_s))]


def interleaved(sample: Sample, times_s: Sequence[float]) -> list[str]:
    """Frames (as `FRAME`) and subtitle lines in the owners' order: a line stands after the frames
    up to its middle."""
    out: list[str] = []
    placed = 0
    for start, end, text in _entries(sample):
        middle = (start + end) / 2
        while placed < len(times_s) and times_s[placed] <= middle:
            out.append(FRAME)
            placed += 1
        if end - start < 1:
            start, end = middle - 0.5, middle + 0.5
        if any(start < time < end for time in times_s):
            out.append(text)
    return out + [FRAME] * (len(times_s) - placed)


def _entries(sample: Sample) -> list[tuple[float, float, str]]:
    """Start, end and text of the subtitle file, in its order, on the video's timeline."""
    if sample.subtitles is None:
        return []
    offset = float(sample.extra["subtitles_from_s"])
    found = []
    for entry in files.read_objects(sample.subtitles):
        if "timestamp" in entry:
            start, end = entry["timestamp"]
            if not isinstance(end, float):  # the owners take only a float for an end
                end = sample.duration_s or 0.0
            text = entry["text"]
        else:
            start, end, text = _clock(entry["start"]), _clock(entry["end"]), entry["line"]
        found.append((float(start) - offset, float(end) - offset, str(text)))
    return found


def _clock(text: str) -> float:
    hours, minutes, seconds = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _write(scored: Sequence[Scored], path: Path) -> None:
    answers = {i.sample.sample_id: submissions.chosen(i) or submissions.raw(i) for i in scored}
    submissions.write_json(answers, path)


def _read(path: Path) -> Mapping[str, Any]:
    return dict(submissions.read_json(path))


BENCHMARK = LongVideoBench(
    name="longvideobench",
    splits={"val": 1337, "test": 5341},
    licence="CC BY-NC-SA 4.0, gated",
    prompt=OfficialPrompt(
        template=(
            "{subtitles}Question: {question}\n{options}\n"
            "Answer with the option's letter from the given choices directly."
        ),
        subtitles="{text}\n",
    ),
    exports={
        "submission": Export(
            filename="longvideobench_test_for_submission.json", write=_write, read=_read
        )
    },
)
