"""From the log of a run to its numbers: a pure function of log and annotations, so that it can be
done again at any time."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from longtake.errors import UsageError
from longtake.eval import statistics as stats
from longtake.eval.benchmarks import Benchmark, benchmark, judge
from longtake.eval.drawing import cluster_of, drawn
from longtake.eval.identity import Identity
from longtake.eval.judgement import Row, Scored, without_video
from longtake.eval.log import Key, Log
from longtake.eval.records import Record
from longtake.eval.samples import Loaded, Sample
from longtake.eval.systems import system_named

Scorer = Literal["official", "strict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One run with its samples, those without a record included."""

    identity: Identity
    log: Log
    benchmark: Benchmark
    loaded: Loaded
    samples: tuple[Sample, ...]
    """Every sample that the run has to answer: the denominator."""
    seeds: tuple[int, ...]
    records: Mapping[Key, Record]
    scored: Mapping[int, tuple[Scored, ...]]
    """By seed, in the order of the samples."""

    @property
    def finished(self) -> int:
        """Samples with a record for every seed."""
        return len(self.answered)

    @property
    def answered(self) -> frozenset[str]:
        """Their names."""
        return frozenset(
            sample.sample_id
            for sample in self.samples
            if all((sample.sample_id, seed) in self.records for seed in self.seeds)
        )

    @property
    def asked(self) -> list[Record]:
        """Records of the samples whose video was there: those that cost something."""
        return [record for record in self.records.values() if record.status != "no_video"]

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return self.finished == len(self.samples)

    def only(self, wanted: Callable[[Sample], bool]) -> "Result":
        """The run as if nothing but these samples had been asked."""
        samples = tuple(sample for sample in self.samples if wanted(sample))
        names = {sample.sample_id for sample in samples}
        return replace(
            self,
            samples=samples,
            records={key: record for key, record in self.records.items() if key[0] in names},
            scored={
                seed: tuple(item for item in scored if item.sample.sample_id in names)
                for seed, scored in self.scored.items()
            },
        )

    @property
    def stamps(self) -> tuple[str, ...]:
        """What every number of this run has to be labelled with."""
        made = []
        if not self.complete:
            made.append(f"PARTIAL {self.finished}/{len(self.samples)}")
        if self.identity.limit is not None:
            made.append(f"LIMIT {self.identity.limit}, seed {self.identity.limit_seed}")
        here, published = len(self.loaded.samples), self.loaded.expected
        if published is not None and here != published:
            made.append(f"SUBSET {here}/{published}")
        return tuple(made)

    @property
    def clusters(self) -> list[str]:
        """The video of every sample."""
        return [cluster_of(sample) for sample in self.samples]

    def scores(self, scorer: Scorer = "strict") -> dict[str, float]:
        """Sample -> its score, the mean over seeds; those whose truth is kept, or that the official
        scorer leaves out, are not there."""
        found: dict[str, list[float]] = {}
        for scored in self.scored.values():
            for item in scored:
                judgement = item.by(scorer)
                if judgement.score is not None and judgement.counted:
                    found.setdefault(item.sample.sample_id, []).append(judgement.score)
        return {name: sum(values) / len(values) for name, values in found.items()}

    def accuracy(self, of: Sequence[Sample] | None = None) -> stats.Estimate | None:
        """Mean strict score with its interval, over these samples; all when None."""
        scores = self.scores()
        known = [s for s in (self.samples if of is None else of) if s.sample_id in scores]
        return stats.mean([scores[s.sample_id] for s in known], [cluster_of(s) for s in known])

    def rows(self) -> tuple[Row, ...]:
        """The benchmark's own table from both scorers, the mean over seeds."""
        tables = [self.benchmark.aggregate(self.scored[seed]) for seed in self.seeds]
        by_name: dict[tuple[str, str], list[Row]] = {}
        for table in tables:
            for row in table:
                by_name.setdefault((row.metric, row.part), []).append(row)
        return tuple(
            replace(
                several[0],
                official=_mean([row.official for row in several]),
                strict=_mean([row.strict for row in several]),
            )
            for several in by_name.values()
        )

    def statuses(self) -> Counter[str]:
        """How many records ended how, and how many are missing."""
        counts: Counter[str] = Counter(record.status for record in self.records.values())
        missing = len(self.samples) * len(self.seeds) - len(self.records)
        if missing:
            counts["missing"] = missing
        return counts

    def unparsed(self) -> float | None:
        """Share of replies to answerable questions that claim an answer and have none that can be
        read."""
        replies = failed = 0
        for seed, scored in self.scored.items():
            for item in scored:
                record = self.records.get((item.sample.sample_id, seed))
                if record is None or record.status not in ("ok", "parse_fail"):
                    continue
                if not item.sample.answerable:
                    continue  # any answer to it is wrong, so that none is read
                replies += 1
                failed += item.strict.parsed is None and not record.abstained
        return failed / replies if replies else None


def judged(adapter: Benchmark, sample: Sample, record: Record | None) -> Scored:
    """Both judgements. Strict reads the reply as it came. Owners' scorers, and their forms, expect
    what owners ask for: they get the letter, words or times that our reply names, without the JSON
    around them; a reply in which nothing was understood goes to them as it came."""
    scored = judge(adapter, sample, record)
    if record is None or record.answered_by != "model" or record.status != "ok":
        return scored
    plain = plain_reply(sample, record)
    if plain is None:
        return scored
    handed = judge(adapter, sample, record.model_copy(update={"raw_response": plain}))
    return replace(scored, official=handed.official, response=handed.response)


def plain_reply(sample: Sample, record: Record) -> str | None:
    """What a record answers in the form that benchmarks ask for: the letter as it was shown, the
    first stretch cited as `12.0 - 15.5`, or the words; None where there is nothing."""
    if sample.kind == "option":
        if record.option is None:
            return None
        place = ord(record.option) - ord("A")
        order = record.options_order or tuple(range(len(sample.options)))
        return chr(ord("A") + order.index(place))
    if sample.kind == "spans" and record.evidence:
        first = record.evidence[0]
        return f"{first.start_s:.1f} - {first.end_s:.1f}"
    return record.answer_text or None


def loaded_of(log: Log, data: Path | None = None) -> tuple[Benchmark, Loaded]:
    """The benchmark that a log is of, read again from `data` or from where it was run.

    Raises:
        UsageError: it is not there.
    """
    identity = log.identity
    folder = data or (Path(log.data) if log.data else None)
    if folder is None or not folder.is_dir():
        raise UsageError(
            f"the folder of {identity.benchmark} is not at {str(folder)!r}: say where with --data"
        )
    adapter = benchmark(identity.benchmark)
    given = identity.subtitles == "given"
    return adapter, adapter.load(folder, identity.split, subtitles=given)


def result_of(log: Log, adapter: Benchmark, loaded: Loaded) -> Result:
    """Judge every sample of a run.

    Raises:
        UsageError: the log is of another benchmark, split or revision of its annotations.
    """
    identity = log.identity
    if (identity.benchmark, identity.split) != (loaded.benchmark, loaded.split):
        raise UsageError(
            f"the log is of {identity.benchmark} {identity.split}, "
            f"not of {loaded.benchmark} {loaded.split}"
        )
    if identity.revision != loaded.revision:
        raise UsageError(
            f"the annotations of {loaded.benchmark} have changed since the run "
            f"(revision {identity.revision[:12]}, now {loaded.revision[:12]}); score it with the "
            "files it was run on"
        )
    samples = samples_of(identity, loaded)
    wanted = {sample.sample_id for sample in samples}
    records = {(r.sample_id, r.seed): r for r in log.records if r.sample_id in wanted}
    seeds = tuple(range(max([log.seeds, *(seed + 1 for _, seed in records)])))
    return Result(
        identity=identity,
        log=log,
        benchmark=adapter,
        loaded=loaded,
        samples=samples,
        seeds=seeds,
        records=records,
        scored={
            seed: tuple(judged(adapter, s, records.get((s.sample_id, seed))) for s in samples)
            for seed in seeds
        },
    )


def samples_of(identity: Identity, loaded: Loaded) -> tuple[Sample, ...]:
    """The samples that a run of this identity has to answer."""
    return chosen_samples(
        loaded,
        system=identity.system,
        limit=identity.limit,
        limit_seed=identity.limit_seed,
        library_mode=identity.library_mode,
    )


def chosen_samples(
    loaded: Loaded, *, system: str, limit: int | None, limit_seed: int, library_mode: bool
) -> tuple[Sample, ...]:
    """The samples of a split that are asked: a draw of them if limited, those that the system can
    be asked, without naming their video in library mode."""
    samples = list(loaded.samples)
    if limit is not None:
        samples = drawn(samples, limit, limit_seed, loaded.strata)
    takes = system_named(system).takes
    return tuple(
        without_video(sample) if library_mode else sample for sample in samples if takes(sample)
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
