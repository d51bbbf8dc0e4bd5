"""CG-Bench (Chen et al. 2025, ICLR): multiple choice whose clues in the video are annotated.

Layout: `cgbench_mini.json` (3,000 questions) and `cgbench.json` (12,129); `cg_videos_720p/` with
`<video_uid>.mp4`; `cg_subtitles/` with `<video_uid>.srt`.

Official scorer (run/utils.py `post_process` 440b30c, stat_with_key.py). Of the reply, the block
between ```json and ``` is read, bare words in it quoted; its `result` must be the letter. Without
such a block, or when it cannot be read, **the right letter anywhere as a word of its own is
right**, so that "A, B, C or D" always is. A reply without any letter A to H is not counted.
`long_acc` is the mean.

Grounding: the owners ask a second time, for the stretches where the clues are; here they are the
stretches that the answer cites. `mIoU` is over all seconds, overlaps once; `rec@IoU` and `acc@IoU`
are shares with IoU of at least 0.1, 0.2, 0.3, 0.4, 0.5 (and, for acc, a right answer), averaged
over the five. The owners count only questions with stretches; strict counts a question without as
0.

`clue_acc` asks about the clues' stretches alone; it is what an oracle run measures, and
`clue_recovery` relates the two. The owners' prompt also lists the times of the frames; `prompt` has
not got them. Open-ended answers need a judge and are not supported.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from longtake.eval import scoring
from longtake.eval.benchmarks import choices, files, submissions, tables
from longtake.eval.benchmarks.contract import Export, Facts, OfficialPrompt
from longtake.eval.judgement import Judgement, Response, Row, Scored
from longtake.eval.samples import Evidence, Loaded, Sample
from longtake.timing import Span

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5)
_BARE_WORD = re.compile(r"(?<=:\s)([A-Za-z_]\w*)")


class Annotation(files.RowModel):
    """A question."""

    qid: str
    video_uid: str
    question: str
    answer: str
    choices: list[str]
    right_answer: str
    clue_intervals: list[tuple[float, float]]
    duration: float | None = None
    domain: str | None = None
    sub_category: str | None = None


class CgBench(Facts):
    """See the module."""

    def load(self, data: Path, split: str, *, subtitles: bool = False) -> Loaded:
        """See `Benchmark.load`."""
        expected = self.split(split)
        name = {"mini": "cgbench_mini.json", "full": "cgbench.json"}[split]
        path = files.find(data, [name], f"CG-Bench {split}")
        videos = files.Files([data / "cg_videos_720p", data / "cg_videos", data / "videos"])
        texts = files.Files([data / "cg_subtitles", data / "subtitles"], suffixes=(".srt",))
        samples = [
            _sample(row, videos, texts if subtitles else None)
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

    def official(self, sample: Sample, response: Response | None) -> Judgement:
        """See the module."""
        if response is None:
            return Judgement(score=0.0, counted=False)
        judged = _letter(sample, response.text)
        return replace(judged, values=_grounding(sample, response) if response.spans else {})

    def strict(self, sample: Sample, response: Response | None) -> Judgement:
        """As everywhere, with the grounding of what the answer cites; none is 0."""
        judged = scoring.strict(sample, response)
        return replace(judged, values=_grounding(sample, response or Response(text="")))

    def aggregate(self, scored: Sequence[Scored]) -> tuple[Row, ...]:
        """Accuracy, then grounding, then accuracy by domain."""
        rows = [tables.row(scored, "long_acc (micro)")]
        rows += [
            tables.row(scored, "mIoU", measure=tables.value("iou")),
            tables.row(scored, "rec@IoU", measure=_levels),
            tables.row(scored, "acc@IoU", measure=_grounded),
        ]
        for axis in ("domain", "sub_category"):
            rows += tables.by_axis(scored, axis, "long_acc (micro)")
        return tuple(rows)


def clue_recovery(long_acc: float, clue_acc: float) -> float:
    """CRR: how much of what is answered with the clues in hand is answered from the whole video,
    `min(long, clue) / clue`; 0 when nothing is."""
    return min(long_acc, clue_acc) / clue_acc if clue_acc else 0.0


def _sample(row: Annotation, videos: files.Files, texts: files.Files | None) -> Sample:
    options = tuple(row.choices)
    return Sample(
        sample_id=row.qid,
        video=row.video_uid,
        video_path=videos.get(row.video_uid),
        question=row.question,
        kind="option",
        options=options,
        answer=choices.checked(row.right_answer, options, f"question {row.qid}"),
        evidence=tuple(
            Evidence(video=row.video_uid, span=Span(start, end))
            for start, end in row.clue_intervals
        ),
        axes={"domain": row.domain or "", "sub_category": row.sub_category or ""},
        duration_s=row.duration,
        subtitles=texts.get(row.video_uid) if texts else None,
        extra={"answer": row.answer},
    )


def _letter(sample: Sample, text: str) -> Judgement:
    found, stated = _stated(text)
    if found:
        parsed = stated if isinstance(stated, str) and len(stated) == 1 else None
        return Judgement(parsed=parsed, score=float(stated == sample.answer))
    named = re.findall(r"\b[A-H]\b", text)
    if not named:
        return Judgement(score=0.0, counted=False)
    right = sample.answer in named
    parsed = str(sample.answer) if right else named[0]
    return Judgement(parsed=parsed, score=float(right))


def _stated(text: str) -> tuple[bool, Any]:
    """Whether the reply's JSON block can be read, and its `result`."""
    begin = text.find("```json")
    end = text.find("```", begin + len("```json"))
    if begin == -1 or end == -1:
        return False, None
    block = _BARE_WORD.sub(r'"\1"', text[begin + len("```json") : end].strip())
    try:
        return True, json.loads(block)["result"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return False, None


def _grounding(sample: Sample, response: Response) -> dict[str, float]:
    clues = [piece.span for piece in sample.evidence]
    return {"iou": scoring.union_iou(response.spans, clues)}


def _levels(judgement: Judgement) -> float | None:
    overlap = judgement.values.get("iou")
    return None if overlap is None else sum(overlap >= level for level in LEVELS) / len(LEVELS)


def _grounded(judgement: Judgement) -> float | None:
    share = _levels(judgement)
    return None if share is None else share * (judgement.score == 1)


def _write(scored: Sequence[Scored], path: Path) -> None:
    """A folder as run_api.py leaves it: one file a question, with results by key."""
    path.mkdir(parents=True, exist_ok=True)
    for item in scored:
        sample = item.sample
        results: dict[str, dict[str, float]] = {}
        if item.official.counted:
            results["long_acc_longtake"] = {"version": 0, "result": int(item.official.score or 0)}
        if "iou" in item.official.values:
            results["miou_longtake"] = {"version": 0, "result": item.official.values["iou"]}
        entry = {
            "qid": sample.sample_id,
            "video_uid": sample.video,
            "question": sample.question,
            "answer": sample.extra["answer"],
            "choices": list(sample.options),
            "right_answer": sample.answer,
            "clue_intervals": [[e.span.start, e.span.end] for e in sample.evidence],
            "version": 0,
            "results": results,
        }
        submissions.write_json(entry, path / f"{sample.sample_id}.json")


def _read(path: Path) -> Mapping[str, Any]:
    entries = (submissions.read_json(file) for file in sorted(path.glob("*.json")))
    return {entry["qid"]: entry["results"] for entry in entries}


BENCHMARK = CgBench(
    name="cg-bench",
    splits={"mini": 3000, "full": 12129},
    licence="research only, gated",
    prompt=OfficialPrompt(
        system=(
            "You will be provided with sampled frames from a video, along with a multiple-choice "
            "question that includes a question and several answer options.\n"
            "Your task is to analyze the provided frames, infer the most plausible answer based on "
            "the visual information.\n"
            "If the video does not provide enough information, infer the answer based on the "
            "options available and still provide a result. Therefore, In all cases, an answer must "
            "be given.\nOnly output the answer in the following format:\n\n"
            '```json\n{"result": "option"}\n```\n\n'
            'The "option" is the uppercase letter corresponding to your answer.\n\n'
        ),
        template="{subtitles}Question: {question}\n\n{options}\n\n",
        option="{letter}:{text}",
        subtitles="The subtitles of the video are as follows:\n\n{text}\n\n",
    ),
    exports={"results": Export(filename="cg_annotations", write=_write, read=_read)},
)
