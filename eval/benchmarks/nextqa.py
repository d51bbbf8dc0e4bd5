"""NExT-QA (Xiao et al. 2021), multiple choice: short videos, five options, why, how, when, what.

Layout: `val.csv` and `test.csv` (also in `nextqa/`), `map_vid_vidorID.json` beside them when the
videos lie in VidOR's folders; `NExTVideo/` or `videos/`.

The owners' scorer (eval_mc.py 005bbc9) compares numbers: Acc_C (CW, CH), Acc_T (TN with TP counted
as TN, TC), Acc_D (DC, DL, DO) and all, each over questions. It has no rule for replies in words and
stops at a missing answer; here a missing one leaves its denominator. For words, the official rule
is that of lmms-eval (lmms_eval/tasks/nextqa/utils.py 0a589d6): marks at the ends go; the options'
letters in brackets, else letters before a blank, else letters before a full stop; else, in replies
of more than five words, texts of options; of several the last in the reply. **None becomes a random
choice** there, which counts here as its expectation, one in five.

Open-ended NExT-QA is scored by WordNet similarity, which needs data that we cannot ship: refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from longtake.errors import UsageError
from longtake.eval.benchmarks import choices, files, submissions, tables
from longtake.eval.benchmarks.contract import Export, Facts
from longtake.eval.judgement import Judgement, Response, Row, Scored, letter, letters
from longtake.eval.samples import Loaded, Sample

OPTIONS = 5
GROUPS = {"C": "Acc_C", "T": "Acc_T", "D": "Acc_D"}


class Annotation(files.RowModel):
    """A row of the CSV."""

    video: str
    question: str
    answer: int
    qid: str
    type: str
    a0: str
    a1: str
    a2: str
    a3: str
    a4: str


class NextQa(Facts):
    """See the module."""

    def load(self, data: Path, split: str, *, subtitles: bool = False) -> Loaded:
        """See `Benchmark.load`; there are no subtitles."""
        if "open" in split or "oe" in split:
            raise UsageError(
                "open-ended NExT-QA is scored by WordNet similarity (WUPS), which longtake lacks; "
                f"splits: {', '.join(self.splits)}"
            )
        expected = self.split(split)
        names = [f"{split}.csv", f"nextqa/{split}.csv", f"MC/{split}-*.parquet"]
        path = files.find(data, names, f"NExT-QA {split} questions")
        samples = read(path, data)
        missing = ["subtitles: NExT-QA has none"] if subtitles else []
        return files.loaded(
            self.name, split, samples, expected=expected, annotations=[path], missing=missing
        )

    def official(self, sample: Sample, response: Response | None) -> Judgement:
        """See the module: no answer counts as much as a random one."""
        if response is None:
            return choices.by_letter(sample, None, counted=False)
        found = named(response.text, sample)
        judged = choices.by_letter(sample, found)
        return judged if found else replace(judged, score=1 / OPTIONS)

    def aggregate(self, scored: Sequence[Scored]) -> tuple[Row, ...]:
        """All questions, the three groups, then the kinds."""
        rows = [tables.row(scored, "accuracy (micro)")]
        for name, part in tables.parts(scored, "group").items():
            rows.append(tables.row(part, "accuracy (micro)", part=GROUPS.get(name, name)))
        rows += tables.by_axis(scored, "type", "accuracy (micro)")
        return tuple(rows)


def read(path: Path, data: Path) -> list[Sample]:
    """Questions of a CSV of NExT-QA's form."""
    videos = files.Files([data / "NExTVideo", data / "videos"])
    mapping = path.parent / "map_vid_vidorID.json"
    places = files.read_object(mapping) if mapping.is_file() else {}
    return [_sample(row, videos, places) for row in files.rows(path, Annotation)]


def _sample(row: Annotation, videos: files.Files, places: Mapping[str, Any]) -> Sample:
    options = (row.a0, row.a1, row.a2, row.a3, row.a4)
    kind = "TN" if row.type == "TP" else row.type
    inside = str(places.get(row.video, ""))
    return Sample(
        sample_id=f"{row.video}_{row.qid}",
        video=row.video,
        video_path=videos.get(*(inside + suffix for suffix in files.VIDEO_SUFFIXES), row.video),
        question=row.question,
        kind="option",
        options=options,
        answer=choices.checked(letter(row.answer), options, f"question {row.video}_{row.qid}"),
        axes={"type": kind, "group": kind[:1]},
    )


def named(text: str, sample: Sample) -> str | None:
    """The letter by lmms-eval's rule; None where it would draw one."""
    for mark in ",.!?;:'":
        text = text.strip(mark)
    text = f" {text} "
    names = letters(sample)
    texts = {name: option.strip() for name, option in zip(names, sample.options, strict=True)}
    for form, searched in (("({})", "({})"), ("{} ", " {} "), ("{}.", " {} ")):
        found = [name for name in names if form.format(name) in text]
        if found:
            return _last(found, [text.rfind(searched.format(name)) for name in found])
    if len(text.split()) <= 5:
        return None
    lower = text.lower()
    found = [name for name in names if texts[name].lower() in lower]
    return _last(found, [lower.rfind(texts[name].lower()) for name in found]) if found else None


def _last(found: Sequence[str], places: Sequence[int]) -> str:
    return found[places.index(max(places))]


def _write(scored: Sequence[Scored], path: Path) -> None:
    results = {
        item.sample.sample_id: {
            "prediction": submissions.index(item),
            "answer": ord(str(item.sample.answer)) - ord("A"),
        }
        for item in scored
    }
    submissions.write_json(results, path)


def _read(path: Path) -> Mapping[str, Any]:
    return {key: entry["prediction"] for key, entry in submissions.read_json(path).items()}


RESULTS = Export(filename="val-res.json", write=_write, read=_read)
"""What the owners' scorers of NExT-QA and NExT-GQA read."""

BENCHMARK = NextQa(
    name="next-qa",
    splits={"val": 4996, "test": 8564},
    licence="annotations MIT; videos of VidOR (YFCC100M)",
    exports={"results": RESULTS},
)
