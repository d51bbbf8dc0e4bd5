"""Video-MME-v2 (2026, arXiv 2604.05015): 800 videos, 3,200 questions in groups of four, 8 options.

Layout: `test.parquet` (or the same rows as `test.jsonl`, `.json`, `.csv`); `videos/` (also
`videos_original/`) with `<video_id>.mp4`; `subtitle/` with `<video_id>.jsonl`, a word a line.

Official scorer (evaluation/test_video_mme_v2.py 013b6c9): known openings are cut out, then the
first of A to H is the answer. A reply without one scores -1, and that number is used as it is:

- in a relevance group (scores summed, the sum's square over 16 of it) it takes a right answer away,
  and a negative sum is 0 points;
- in a logic group (how far the chain of right answers goes) **-1 is true, so a failed reply counts
  as a right one**;
- it leaves the denominator of the simple accuracy.

A missing answer is an empty reply there, so -1 as well. The strict scorer has 0 for all of these.

The reference makes groups of four rows that follow each other, so that one row lost shifts every
later group. Here a group is what its `question_id` says ("017-3" is in group 017), in order of the
number behind it, and a group that has not four is an error. On a whole file both are the same.

Level, second and third head of a group are those of its last question. Final score: mean of groups.

Subtitles: `subtitle_text` is all words in a row, as the owners' setting "concatenated";
`interleaved` is their other setting, sentences between frames.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from longtake.eval.benchmarks import choices, files, submissions, tables
from longtake.eval.benchmarks import videomme_v2_groups as groups
from longtake.eval.benchmarks.contract import Export, Facts, OfficialPrompt
from longtake.eval.benchmarks.videomme import first_letter
from longtake.eval.judgement import Judgement, Response, Row, Scored, letter
from longtake.eval.samples import Loaded, Sample
from longtake.index.captions import Caption

OPENINGS = (
    "Final Answer:",
    "The best answer is",
    "The correct answer is",
    "The answer is",
    "The answer",
    "The best option is",
    "The correct option is",
    "Best answer:",
    "Best option:",
    "Answer:",
    "Option:",
)
LETTERS = "ABCDEFGH"
GAP_S = 0.5
SENTENCE_GAP_S = 0.1
COLUMNS = (
    "video_id url group_type group_structure question_id question options answer level second_head "
    "third_head"
).split()


class Annotation(files.RowModel):
    """A row of the Parquet file."""

    video_id: str
    url: str = ""
    group_type: str
    group_structure: str | None = None
    question_id: str
    question: str
    options: str
    answer: str
    level: str | None = None
    second_head: str | None = None
    third_head: str | None = None


class VideoMmeV2(Facts):
    """See the module."""

    def load(self, data: Path, split: str, *, subtitles: bool = False) -> Loaded:
        """See `Benchmark.load`."""
        expected = self.split(split)
        path = files.find(
            data,
            ["test.parquet", "data/test*.parquet", "test.jsonl", "test.json", "test.csv"],
            "annotations of Video-MME-v2",
        )
        videos = files.Files([data / "videos", data / "videos_original"])
        texts = files.Files([data / "subtitle", data / "subtitles"], suffixes=(".jsonl",))
        samples = [
            _sample(row, videos, texts if subtitles else None)
            for row in files.rows(path, Annotation)
        ]
        groups.by_prefix(samples, lambda sample: sample)
        return files.loaded(
            self.name,
            split,
            samples,
            expected=expected,
            annotations=[path],
            subtitles=subtitles,
        )

    def official(self, sample: Sample, response: Response | None) -> Judgement:
        """See the module; `counted` is for the simple accuracy."""
        found = first_letter(response.text, OPENINGS, LETTERS) if response else ""
        return choices.by_letter(sample, found, counted=bool(found))

    def aggregate(self, scored: Sequence[Scored]) -> tuple[Row, ...]:
        """Points of groups, overall and by level, kind and heads; then the accuracies.

        Raises:
            UsageError: a group has not its four questions.
        """
        found = list(groups.by_prefix(scored, lambda item: item.sample).values())
        final = "group score (mean over groups)"
        rows = [groups.mean(found, final, "all", groups.points)]
        for axis in ("level", "group_type", "second_head", "third_head"):
            values = dict.fromkeys(group[-1].sample.axes[axis] for group in found)
            for value in values:
                part = [group for group in found if group[-1].sample.axes[axis] == value]
                if value:
                    rows.append(groups.mean(part, final, f"{axis}={value}", groups.points))
        relevant = [group for group in found if group[-1].sample.axes["group_type"] == "relevance"]
        rows.append(
            groups.mean(relevant, "relevance, linear (mean over groups)", "all", groups.linear)
        )
        rows.append(tables.row(scored, "accuracy (micro)"))
        return tuple(rows)

    def captions(self, sample: Sample) -> list[Caption]:
        """Words joined into sentences, as the owners join them for interleaving."""
        words = _words(sample)
        found: list[list[Caption]] = []
        for word in words:
            if found:
                last = found[-1][-1]
                gap = word.start - last.end
                ends = last.lines[0].rstrip().endswith((".", "!", "?"))
                if gap <= GAP_S and not (ends and gap > SENTENCE_GAP_S):
                    found[-1].append(word)
                    continue
            found.append([word])
        return [
            Caption(part[0].start, part[-1].end, (" ".join(w.lines[0] for w in part),))
            for part in found
        ]

    def subtitle_text(self, sample: Sample, times_s: Sequence[float]) -> str:
        """All words, whatever the frames: see the module."""
        return " ".join(word.lines[0] for word in _words(sample))

    def interleaved(
        self, sample: Sample, times_s: Sequence[float], duration_s: float
    ) -> list[list[str]]:
        """For each frame, the subtitle lines that follow it: sentences that touch the time from it
        to the next frame (to the end, after the last)."""
        sentences = self.captions(sample)
        ends = [*times_s[1:], duration_s]
        return [
            [
                f"[Subtitle {s.start:.2f}s - {s.end:.2f}s]: {s.lines[0]}"
                for s in sentences
                if s.end >= start and s.start < end
            ]
            for start, end in zip(times_s, ends, strict=True)
        ]


def _sample(row: Annotation, videos: files.Files, texts: files.Files | None) -> Sample:
    _, options = choices.split_lines(row.options, LETTERS)
    return Sample(
        sample_id=row.question_id,
        video=row.video_id,
        video_path=videos.get(row.video_id),
        question=row.question,
        kind="option",
        options=options,
        answer=choices.checked(row.answer, options, f"question {row.question_id}"),
        axes={
            "level": _or_none(row.level),
            "group_type": row.group_type,
            "second_head": _or_none(row.second_head),
            "third_head": _or_none(row.third_head),
        },
        subtitles=texts.get(row.video_id) if texts else None,
        group=row.question_id.rpartition("-")[0],
        extra={"row": row.model_dump()},
    )


def _or_none(text: str | None) -> str:
    return "" if text in (None, "None") else str(text)


def _words(sample: Sample) -> list[Caption]:
    if sample.subtitles is None:
        return []
    return [
        Caption(float(word["start_time"]), float(word["end_time"]), (str(word["text"]),))
        for word in files.read_objects(sample.subtitles)
    ]


def _write(scored: Sequence[Scored], path: Path) -> None:
    rows = []
    for place, item in enumerate(scored):
        row = item.sample.extra["row"]
        given = {name: row[name] for name in COLUMNS}
        video = {"index": place, "video": row["video_id"]}
        rows.append({**given, **video, "prediction": submissions.raw(item)})
    submissions.write_table(rows, path)


def _read(path: Path) -> Mapping[str, Any]:
    return {row["question_id"]: row["prediction"] for row in submissions.read_table(path)}


BENCHMARK = VideoMmeV2(
    name="video-mme-v2",
    splits={"test": 3200},
    licence="academic research only",
    prompt=OfficialPrompt(
        template=(
            "These are the frames of a video.{subtitles}\nQuestion: {question}\n{options}\n"
            "Select the best answer to the following multiple-choice question based on the video. "
            f"Respond with only the letter ({', '.join(map(letter, range(7)))}, or H) of the "
            "correct option."
        ),
        subtitles=" This video's subtitles are listed below:\n{text}\n",
    ),
    exports={"table": Export(filename="Video-MME-v2.tsv", write=_write, read=_read)},
)
