"""What a benchmark is to the harness: files in, samples out, responses judged, rows and exports."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from longtake.errors import UsageError
from longtake.eval import scoring
from longtake.eval.benchmarks import subtitles
from longtake.eval.judgement import Judgement, Response, Row, Scored, response_of, shown, unshown
from longtake.eval.records import Record
from longtake.eval.samples import Loaded, Sample
from longtake.index.captions import Caption


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficialPrompt:
    """The owners' own prompt, as data."""

    template: str
    """With `{subtitles}`, `{question}`, `{options}` and `{duration}` (whole seconds) where they
    stand."""
    system: str = ""
    option: str = "{letter}. {text}"
    """One line an option."""
    subtitles: str = ""
    """Block put in place of `{subtitles}` when there are some; it holds `{text}`."""
    prefill: str = ""
    """What the reply is made to begin with."""

    def render(self, sample: Sample, subtitles: str = "") -> str:
        """The user's turn for one sample."""
        lines = [
            self.option.replace("{letter}", chr(ord("A") + i)).replace("{text}", text)
            for i, text in enumerate(sample.options)
        ]
        parts = {
            "{subtitles}": self.subtitles.replace("{text}", subtitles) if subtitles else "",
            "{question}": sample.question,
            "{options}": "\n".join(lines),
            "{duration}": f"{sample.duration_s or 0:.0f}",
        }
        # In one pass, so that braces inside a question stay as they are.
        names = "|".join(map(re.escape, parts))
        return re.sub(names, lambda found: parts[found[0]], self.template)


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One of the formats in which owners take answers."""

    filename: str
    """What the owners call the file."""
    write: Callable[[Sequence[Scored], Path], None]
    """Writes all samples into one file."""
    read: Callable[[Path], Mapping[str, Any]]
    """What the file says, by sample id (or by group of results): the way back, for checking."""
    complete: bool = True
    """The owners want every sample of the split."""


class Benchmark(Protocol):
    """Everything the harness needs to know of one benchmark."""

    @property
    def name(self) -> str:
        """As on the command line."""

    @property
    def splits(self) -> Mapping[str, int | None]:
        """Questions that each published split has; None where that is not fixed."""

    @property
    def licence(self) -> str:
        """What the owners allow, in a few words."""

    @property
    def prompt(self) -> OfficialPrompt | None:
        """None where the owners publish none."""

    @property
    def exports(self) -> Mapping[str, Export]:
        """By name, such as `submission`."""

    def load(self, data: Path, split: str, *, subtitles: bool = False) -> Loaded:
        """Read a split from the owners' files in folder `data`.

        Raises:
            UsageError: no such split, no annotations there, or they are not what they should be.
        """

    def official(self, sample: Sample, response: Response | None) -> Judgement:
        """The owners' own scoring, quirks kept; `response` is None for a missing answer."""

    def strict(self, sample: Sample, response: Response | None) -> Judgement:
        """The rule that is the same for all benchmarks (`longtake.eval.scoring.strict`)."""

    def aggregate(self, scored: Sequence[Scored]) -> tuple[Row, ...]:
        """The table, the headline first, of at most one judgement a sample: seeds apart."""

    def captions(self, sample: Sample) -> list[Caption]:
        """The subtitles that come with a sample's video, in order of time; none without them."""

    def subtitle_text(self, sample: Sample, times_s: Sequence[float]) -> str:
        """Subtitles as the owners give them to a model that sees the frames at `times_s`."""


def judge(benchmark: Benchmark, sample: Sample, record: Record | None) -> Scored:
    """Both judgements of what a run left for a sample; None for a sample that has no record.

    Options are scored in the order in which they were shown and handed on in the benchmark's.
    """
    if record is None:
        return Scored(
            sample=sample,
            response=None,
            official=benchmark.official(sample, None),
            strict=benchmark.strict(sample, None),
        )
    response = response_of(record, sample)
    order = () if record.answered_by == "rules" else record.options_order
    asked = shown(sample, order)
    official = benchmark.official(asked, response)
    strict = benchmark.strict(asked, response)
    if tuple(order) not in ((), tuple(range(len(sample.options)))):
        official = replace(official, parsed=unshown(official.parsed, order))
        strict = replace(strict, parsed=unshown(strict.parsed, order))
        parsed = official.parsed
        named = ", ".join(map(str, parsed)) if isinstance(parsed, tuple) else str(parsed or "")
        response = replace(response, text=named)
    return Scored(sample=sample, response=response, official=official, strict=strict)


def export(
    benchmark: Benchmark, name: str, scored: Sequence[Scored], loaded: Loaded, path: Path
) -> None:
    """Write the answers as the owners take them.

    Raises:
        UsageError: the benchmark has no such export, or it takes all samples and some have no
            answer.
    """
    if name not in benchmark.exports:
        known = ", ".join(benchmark.exports) or "none"
        raise UsageError(f"{benchmark.name} has no export {name!r}; it has: {known}")
    chosen = benchmark.exports[name]
    given = {item.sample.sample_id for item in scored if item.response is not None}
    wanted = {sample.sample_id for sample in loaded.samples}
    if foreign := sorted(given - wanted):
        raise UsageError(
            f"{len(foreign)} answers are to no question of {benchmark.name} {loaded.split}: "
            + ", ".join(foreign[:3])
        )
    if chosen.complete and (lacking := sorted(wanted - given)):
        raise UsageError(
            f"{chosen.filename} wants an answer to all {len(wanted)} questions; "
            f"{len(lacking)} have none, such as {', '.join(lacking[:3])}. Finish the run first."
        )
    chosen.write(scored, path)


@dataclass(frozen=True, slots=True)
class Facts:
    """What most adapters are made of; they inherit from it."""

    name: str
    splits: Mapping[str, int | None]
    licence: str
    prompt: OfficialPrompt | None = None
    exports: Mapping[str, Export] = field(default_factory=dict)

    def strict(self, sample: Sample, response: Response | None) -> Judgement:
        """See `Benchmark.strict`."""
        return scoring.strict(sample, response)

    def captions(self, sample: Sample) -> list[Caption]:
        """See `Benchmark.captions`; here for files in the formats that players know."""
        return subtitles.from_file(sample.subtitles) if sample.subtitles else []

    def subtitle_text(self, sample: Sample, times_s: Sequence[float]) -> str:
        """See `Benchmark.subtitle_text`; here the lines that stand at one of the times."""
        return "\n".join(subtitles.standing(self.captions(sample), times_s))

    def split(self, name: str) -> int | None:
        """Questions of a split.

        Raises:
            UsageError: there is no such split.
        """
        if name not in self.splits:
            raise UsageError(f"{self.name} has no split {name!r}; it has: {', '.join(self.splits)}")
        return self.splits[name]
