"""RTV-Bench (Xun et al. 2025, arXiv 2505.02064): the same question at several times of a stream.

Layout: `QA.json`; the videos in `<field>/<video>` (also below `videos/`). The file has 4,608
questions on 552 videos (the paper says 4,631).

**Only what is before `end_time` may be seen** (`Sample.visible_until_s`); the owners cut the file
there. Ids are `q-group-<group>-<0, 1 or 2>[-...]`: 0 and 1 are basic questions, 2 are advanced.

Official letter (scripts/utils/prompt_utils.py a928cbe): in capitals, the first capital standing
alone, if it is one of the options' letters; else the first letter after OPTION or ANSWER, if it is;
else the first character, if it is. So "A person" is A, and "I think B" is B only if it is preceded
by "option" or "answer". An older script (eval_local_model.py) takes the first of A, B, C, D that is
in the first three characters; it is not the one here.

Official score (compute_score.py a928cbe): a group's advanced questions count only if all its basic
ones are right; the score is what then counts over all advanced questions. **A basic question
without an answer is taken as passed**, and one group without advanced questions is skipped. Strict
has it failed. `accuracy` (compute_acc.py) is over all questions.

Letters of the truth are skewed towards A, so the share of the most frequent letter is shown too.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from longtake.eval.benchmarks import choices, files, submissions, tables
from longtake.eval.benchmarks.contract import Export, Facts, OfficialPrompt
from longtake.eval.judgement import Judgement, Response, Row, Scored, letter, letters
from longtake.eval.samples import Loaded, Sample

_ID = re.compile(r"q-group-([a-z0-9]+)-([012])(?:-[^-]+)*", re.IGNORECASE)
DIMENSIONS = {
    "Reasoning": ("SR", "FP"),
    "Understanding": ("IA", "PU", "GU"),
    "Perception": ("TP", "VP", "SP"),
}


class Annotation(files.RowModel):
    """A question."""

    video: str
    questionID: str
    type: str
    field: str
    start_time: float = 0.0
    end_time: float
    question: str
    options: dict[str, str]
    answer: str


class RtvBench(Facts):
    """See the module."""

    def load(self, data: Path, split: str, *, subtitles: bool = False) -> Loaded:
        """See `Benchmark.load`; there are no subtitles."""
        expected = self.split(split)
        path = files.find(data, ["QA.json"], "questions of RTV-Bench")
        videos = files.Files([data, data / "videos"])
        samples = [_sample(row, videos) for row in files.rows(path, Annotation)]
        missing = ["subtitles: RTV-Bench has none"] if subtitles else []
        if lost := sum(sample.answer == "" for sample in samples):
            missing.append(f"a right option of {lost:,} questions")
        if odd := sum(sample.group is None for sample in samples):
            missing.append(f"a readable questionID of {odd:,} questions, which no group scores")
        return files.loaded(
            self.name,
            split,
            samples,
            expected=expected,
            annotations=[path],
            missing=missing,
            strata=("main", "dimension"),
        )

    def official(self, sample: Sample, response: Response | None) -> Judgement:
        """See the module."""
        if response is None:
            return choices.by_letter(sample, None, counted=False)
        return choices.by_letter(sample, _named(response.text, letters(sample)))

    def aggregate(self, scored: Sequence[Scored]) -> tuple[Row, ...]:
        """The gated score first, overall and by dimension and kind; then accuracies."""
        rows = [_gated(scored, "all")]
        for axis in ("dimension", "main"):
            rows += [
                _gated(scored, f"{axis}={name}", (axis, name))
                for name in tables.parts(scored, axis)
            ]
        rows.append(tables.row(scored, "accuracy (micro)"))
        for axis in ("level", "main", "dimension"):
            rows += tables.by_axis(scored, axis, "accuracy (micro)")
            rows.append(tables.macro(scored, axis, f"accuracy (macro over {axis})"))
        truths = Counter(item.sample.answer for item in scored)
        share = 100 * max(truths.values()) / len(scored) if scored else None
        rows.append(
            Row(
                metric="accuracy of always the most frequent letter",
                official=share,
                strict=share,
                official_n=len(scored),
                n=len(scored),
            )
        )
        return tuple(rows)


def _sample(row: Annotation, videos: files.Files) -> Sample:
    names = sorted(row.options)
    found = _ID.fullmatch(row.questionID.strip())
    main = row.type.partition("-")[0]
    dimension = next((d for d, tags in DIMENSIONS.items() if any(t in row.type for t in tags)), "")
    return Sample(
        sample_id=row.questionID,
        video=f"{row.field}/{row.video}",
        video_path=videos.get(f"{row.field}/{row.video}", row.video),
        question=row.question,
        kind="option",
        options=tuple(row.options[name] for name in names),
        answer=letter(names.index(row.answer)) if row.answer in names else "",
        axes={
            "type": row.type,
            "main": main if main in ("Object", "Action", "Event") else "",
            "dimension": dimension,
            "level": found[2] if found else "",
        },
        visible_until_s=row.end_time,
        group=found[1] if found else None,
        extra={"row": row.model_dump()},
    )


def _named(text: str, valid: Sequence[str]) -> str | None:
    capitals = text.upper()
    for pattern in (r"\b([A-Z])\b", r"(?:OPTION|ANSWER)\s*(?:[:\-]\s*)?([A-Z])"):
        found = re.search(pattern, capitals)
        if found and found[1] in valid:
            return found[1]
    first = text.strip()[:1].upper()
    return first if first in valid else None


def _gated(scored: Sequence[Scored], part: str, only: tuple[str, str] | None = None) -> Row:
    """The gated score; by a value of an axis, that of a group's first advanced question."""
    shares: dict[str, tuple[int, int]] = {}
    scorers: tuple[Literal["official", "strict"], ...] = ("official", "strict")
    for scorer in scorers:
        won = total = 0
        groups: dict[str, dict[str, list[Scored]]] = {}
        for item in scored:
            if item.sample.group is not None and item.by(scorer).counted:
                group = groups.setdefault(item.sample.group, {})
                group.setdefault(item.sample.axes["level"], []).append(item)
        for group in groups.values():
            advanced = group.get("2", [])
            if not advanced or (only and advanced[0].sample.axes[only[0]] != only[1]):
                continue
            basic = [*group.get("0", ()), *group.get("1", ())]
            passed = all(item.by(scorer).score == 1 for item in basic)
            total += len(advanced)
            won += sum(item.by(scorer).score == 1 for item in advanced) if passed else 0
        shares[scorer] = (won, total)
    (won, counted), (strict_won, n) = shares["official"], shares["strict"]
    return Row(
        metric="score (gated by basic questions)",
        part=part,
        official=100 * won / counted if counted else None,
        strict=100 * strict_won / n if n else None,
        official_n=counted,
        n=n,
    )


def _write(scored: Sequence[Scored], path: Path) -> None:
    entries = []
    for item in scored:
        names = sorted(item.sample.extra["row"]["options"])
        place = submissions.index(item)
        pred = names[place] if 0 <= place < len(names) else "Unknown"
        entries.append({**item.sample.extra["row"], "pred": pred, "correct": _right(item)})
    submissions.write_json(entries, path)


def _right(item: Scored) -> bool:
    return submissions.chosen(item) == item.sample.answer


def _read(path: Path) -> Mapping[str, Any]:
    return {entry["questionID"]: entry["pred"] for entry in submissions.read_json(path)}


BENCHMARK = RtvBench(
    name="rtv-bench",
    splits={"test": 4608},
    licence="not stated by the owners: ask them",
    prompt=OfficialPrompt(
        template=(
            "Question:  {question}\n\nOptions: {options}\n.Answer with the option's letter from "
            "the given choices directly and only give the best option."
        )
    ),
    exports={"results": Export(filename="results.json", write=_write, read=_read)},
)
