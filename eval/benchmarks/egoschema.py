"""EgoSchema (Mangalam et al. 2023, arXiv 2308.09126): 5,031 three-minute videos, five options.

Layout: the owners' `questions.json` and `subset_answers.json`, or the Parquet files of the Hugging
Face set (`Subset/test-*.parquet`, `MC/test-*.parquet`); `videos/` with `<q_uid>.mp4`. Videos come
under Ego4D's licence.

The answers of the full set are with the owners: split `full` has 5,031 questions of which 500 can
be scored here, split `subset` has those 500. Report them separately.

The owners take numbers and have no rule for replies in words. The official rule here is that of
lmms-eval (lmms_eval/tasks/egoschema/utils.py 147ad5c): the reply must be exactly an option with its
letter ("B. text."), its text, or its letter. Anything else is -1, wrong. (Other versions of
lmms-eval take a random option instead.) The prompt is lmms-eval's too. What has no answer leaves
its denominator.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from longtake.errors import UsageError
from longtake.eval.benchmarks import choices, files, submissions, tables
from longtake.eval.benchmarks.contract import Export, Facts, OfficialPrompt
from longtake.eval.judgement import Judgement, Response, Row, Scored, letter
from longtake.eval.samples import Loaded, Sample

OPTIONS = 5


class HubRow(files.RowModel):
    """A row of the Hugging Face set."""

    question_idx: str
    question: str
    video_idx: str
    option: list[str]
    answer: str | None = None


class EgoSchema(Facts):
    """See the module."""

    def load(self, data: Path, split: str, *, subtitles: bool = False) -> Loaded:
        """See `Benchmark.load`; there are no subtitles."""
        expected = self.split(split)
        hub = {"subset": "Subset/test-*.parquet", "full": "MC/test-*.parquet"}[split]
        path = files.find(data, ["questions.json", hub], f"questions of EgoSchema {split}")
        videos = files.Files([data / "videos"])
        missing = ["subtitles: EgoSchema has none"] if subtitles else []
        annotations = [path]
        if path.name == "questions.json":
            answers = data / "subset_answers.json"
            known: dict[str, Any] = {}
            if answers.is_file():
                known = files.read_object(answers)
                annotations.append(answers)
            elif split == "subset":
                raise UsageError(f"no subset_answers.json in {str(data)!r}: it names the subset")
            else:
                missing.append("subset_answers.json")
            objects = files.read_objects(path)
            samples = [
                _from_json(entry, known, videos)
                for entry in objects
                if split == "full" or entry.get("q_uid") in known
            ]
        else:
            samples = [_from_hub(row, videos) for row in files.rows(path, HubRow)]
        return files.loaded(
            self.name, split, samples, expected=expected, annotations=annotations, missing=missing
        )

    def official(self, sample: Sample, response: Response | None) -> Judgement:
        """See the module."""
        if response is None:
            return choices.by_letter(sample, None, counted=False)
        # Each option is held against the reply whole, then its text, then its letter.
        wholes = [f"{letter(i)}. {text}" for i, text in enumerate(sample.options)]
        wholes = [text if text.endswith(".") else text + "." for text in wholes]
        texts = [text.split(". ")[1] for text in wholes]
        names = [text.split(". ")[0] for text in wholes]
        for candidates in (wholes, texts, names):
            if response.text in candidates:
                return choices.by_letter(sample, letter(candidates.index(response.text)))
        return choices.by_letter(sample, None)

    def aggregate(self, scored: Sequence[Scored]) -> tuple[Row, ...]:
        """Accuracy over the questions whose answers are known."""
        return (tables.row(scored, "accuracy (micro)"),)


def _from_json(entry: Any, answers: Mapping[str, Any], videos: files.Files) -> Sample:
    try:
        uid, question = str(entry["q_uid"]), str(entry["question"])
        options = tuple(str(entry[f"option {i}"]) for i in range(OPTIONS))
    except (KeyError, TypeError) as exc:
        raise UsageError(f"a question in questions.json lacks {exc}") from exc
    answer = answers.get(uid)
    return _sample(uid, question, options, None if answer is None else str(answer), videos)


def _from_hub(row: HubRow, videos: files.Files) -> Sample:
    options = choices.unlabelled(row.option)
    return _sample(row.video_idx, row.question, options, row.answer, videos)


def _sample(
    uid: str, question: str, options: tuple[str, ...], answer: str | None, videos: files.Files
) -> Sample:
    if answer is not None:
        if not answer.isdecimal():
            raise UsageError(f"question {uid}: the answer {answer!r} is no number of an option")
        answer = choices.checked(letter(int(answer)), options, f"question {uid}")
    return Sample(
        sample_id=uid,
        video=uid,
        video_path=videos.get(uid),
        question=question,
        kind="option",
        options=options,
        answer=answer,
        duration_s=180.0,
    )


def _write(scored: Sequence[Scored], path: Path) -> None:
    """Numbers of options; -1, as lmms-eval writes it, where no option was understood."""
    submissions.write_json({i.sample.sample_id: submissions.index(i) for i in scored}, path)


def _read(path: Path) -> Mapping[str, Any]:
    return dict(submissions.read_json(path))


BENCHMARK = EgoSchema(
    name="egoschema",
    splits={"subset": 500, "full": 5031},
    licence="Ego4D licence; answers of the full set are with the owners",
    prompt=OfficialPrompt(
        template=(
            "{question}\n{options}\n"
            "Answer with the option's letter from the given choices directly."
        )
    ),
    exports={"submission": Export(filename="submission.json", write=_write, read=_read)},
)
