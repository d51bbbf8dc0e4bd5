"""A benchmark, some systems, some budgets: index once, then work off one run after the other."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from longtake.agent.agent import check_ways
from longtake.config import Settings
from longtake.errors import UsageError
from longtake.eval.benchmarks.contract import Benchmark
from longtake.eval.drawing import of_shard
from longtake.eval.identity import MODES, Identity, Subtitles, code_version, digest, prompts_hash
from longtake.eval.judgement import videos_of
from longtake.eval.libraries import ALL_STAGES, Indexed, index_costs, index_hash, index_videos
from longtake.eval.log import Writer
from longtake.eval.results import chosen_samples
from longtake.eval.runner import Run, Runner, Tell
from longtake.eval.samples import Loaded, Sample
from longtake.eval.systems import AGENT, RANDOM, System, system_named
from longtake.index.lanes import StageName
from longtake.index.reports import ProgressEvent
from longtake.tools.vlm.backends import open_vlm
from longtake.tools.vlm.messages import Vlm

_SHARD = re.compile(r"(\d+)/(\d+)")
_TOKENS = re.compile(r"(\d+(?:\.\d+)?)(k?)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What is to be run."""

    benchmark: Benchmark
    data: Path
    split: str
    settings: Settings
    """With the model, the policy and the preset."""
    systems: tuple[System, ...]
    budgets: tuple[int, ...]
    out: Path
    """Folder for logs and libraries."""
    seeds: int = 1
    shard: tuple[int, int] = (1, 1)
    """Which of how many, from 1."""
    limit: int | None = None
    limit_seed: int = 0
    subtitles: Subtitles = "off"
    option_seed: int | None = None
    library_mode: bool = False
    time_limit_s: float | None = None
    jobs: int = 1

    @property
    def home(self) -> Path:
        """Folder of everything about this benchmark in this subtitle mode."""
        return self.out / f"{self.benchmark.name}-{self.split}-{self.subtitles}"


class Told:
    """Gets told how a batch goes; does nothing by itself."""

    def loaded(self, loaded: Loaded, asked: int) -> None:
        """The benchmark is read; so many samples are asked."""

    def indexing(self, event: ProgressEvent) -> None:
        """Indexing goes on."""

    def begins(self, identity: Identity, folder: Path) -> Tell:
        """A run begins; returns what gets its records."""
        return lambda record, done, total: None


def parse_budgets(text: str) -> tuple[int, ...]:
    """Token budgets from `2k,4k,8000`, ascending.

    Raises:
        UsageError: a part is no number of tokens.
    """
    budgets = set()
    for part in text.split(","):
        match = _TOKENS.fullmatch(part.strip())
        tokens = float(match[1]) * (1000 if match[2] else 1) if match else 0
        if tokens < 1 or tokens != int(tokens):
            raise UsageError(f"--budget {part.strip()!r}: write tokens, as in 2k,4k,8000")
        budgets.add(int(tokens))
    return tuple(sorted(budgets))


def parse_shard(text: str) -> tuple[int, int]:
    """`2/4` as (2, 4).

    Raises:
        UsageError: it is not that, or there is no such shard.
    """
    match = _SHARD.fullmatch(text.strip())
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise UsageError(f"--shard {text!r}: write which of how many, as in 2/4")
    return int(match[1]), int(match[2])


def parse_systems(text: str) -> tuple[System, ...]:
    """Systems from `agent,uniform`, each once.

    Raises:
        UsageError: there is none of a name.
    """
    names = dict.fromkeys(part.strip() for part in text.split(",") if part.strip())
    return tuple(system_named(name) for name in names)


def parse_subtitles(text: str) -> Subtitles:
    """The subtitle mode of that name.

    Raises:
        UsageError: there is none.
    """
    if text not in MODES:
        raise UsageError(f"--subtitles {text!r}: it is {', '.join(MODES)}")
    return MODES[text]


def run_batch(batch: Batch, told: Told, vlm: Vlm | None = None) -> list[Path]:
    """Run it; what is finished already is not asked again.

    Args:
        vlm: an open model, which stays the caller's; None opens that of the settings.

    Returns:
        The folder of every run.

    Raises:
        UsageError: the data are not there, or a system cannot be run on them.
        LongtakeError: indexing or asking failed as a whole.
    """
    loaded = batch.benchmark.load(batch.data, batch.split, subtitles=batch.subtitles == "given")
    _check(batch, loaded)
    own = None
    asks = any(sample.kind != "ranking" for sample in loaded.samples)
    if vlm is None and asks and any(system.draw is None for system in batch.systems):
        own = vlm = open_vlm(batch.settings)
        if vlm is None:
            raise UsageError("these systems need a model that sees: name one with --vlm")
    samples = chosen_samples(
        loaded,
        system=RANDOM,
        limit=batch.limit,
        limit_seed=batch.limit_seed,
        library_mode=False,
    )
    told.loaded(loaded, len(samples))
    mine = of_shard(samples, *batch.shard)
    if batch.library_mode or any(not sample.video for sample in samples):
        mine = list(videos_of(loaded.samples).values())
    indexed = index_videos(
        batch.home,
        mine,
        batch.settings,
        batch.subtitles,
        captions=batch.benchmark.captions,
        stages=_stages(batch, loaded, batch.systems),
        progress=told.indexing,
    )
    try:
        return asyncio.run(_runs(batch, loaded, indexed, vlm, own, told))
    finally:
        indexed.library.close()


def _stages(batch: Batch, loaded: Loaded, systems: Sequence[System]) -> frozenset[StageName]:
    """What these systems work from. Where videos have to be found, all of the index ranks them."""
    searched = batch.library_mode or any(not sample.video for sample in loaded.samples)
    if searched and any(system.draw is None for system in systems):
        return ALL_STAGES
    return frozenset[StageName]().union(*(system.stages for system in systems))


def _check(batch: Batch, loaded: Loaded) -> None:
    for system in batch.systems:
        if system.name == AGENT:
            check_ways(batch.settings.agent.policy, batch.settings.agent.preset)
        if system.needs_speech and batch.subtitles == "off":
            raise UsageError(f"{system.name} needs speech: add --subtitles given or asr")
        if not any(system.takes(sample) for sample in loaded.samples):
            raise UsageError(f"{system.name} cannot be run: {loaded.benchmark} {system.without}")
        _samples_of(batch, loaded, system)


def _samples_of(batch: Batch, loaded: Loaded, system: System) -> tuple[Sample, ...]:
    return chosen_samples(
        loaded,
        system=system.name,
        limit=batch.limit,
        limit_seed=batch.limit_seed,
        library_mode=batch.library_mode,
    )


async def _runs(
    batch: Batch, loaded: Loaded, indexed: Indexed, vlm: Vlm | None, own: Vlm | None, told: Told
) -> list[Path]:
    folders = []
    try:
        for budget in batch.budgets:
            for system in batch.systems:
                folders.append(await _one(batch, loaded, indexed, vlm, system, budget, told))
    finally:
        if own is not None:
            await own.close()
    return folders


async def _one(
    batch: Batch,
    loaded: Loaded,
    indexed: Indexed,
    vlm: Vlm | None,
    system: System,
    budget: int,
    told: Told,
) -> Path:
    samples = _samples_of(batch, loaded, system)
    identity = identity_of(batch, loaded, vlm, system, budget, len(samples))
    folder = batch.home / f"{identity.label}-{identity.run_id[:8]}"
    number, shards = batch.shard
    shard = "" if shards == 1 else f"{number}of{shards}"
    run = Run(
        identity=identity,
        system=system,
        samples=of_shard(samples, number, shards),
        seeds=batch.seeds,
        settings=batch.settings,
        data=batch.data,
        may_abstain=any(not sample.answerable for sample in loaded.samples),
        time_limit_s=batch.time_limit_s,
        jobs=batch.jobs,
    )
    with Writer(folder, identity, shard=shard, seeds=batch.seeds, data=batch.data) as writer:
        _keep_costs(folder, shard, indexed, _stages(batch, loaded, [system]))
        await Runner(run, indexed, vlm, writer, told.begins(identity, folder)).work()
    return folder


def _keep_costs(folder: Path, shard: str, indexed: Indexed, stages: frozenset[StageName]) -> None:
    lines = [cost.model_dump_json() for cost in index_costs(indexed, stages)]
    name = f"videos{'-' if shard else ''}{shard}.index.jsonl"
    (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def identity_of(
    batch: Batch, loaded: Loaded, vlm: Vlm | None, system: System, budget: int, expected: int
) -> Identity:
    """The identity of one run of a batch."""
    settings = batch.settings
    is_agent = system.name == AGENT
    model = vlm if system.draw is None else None
    searched = settings.agent.search_options
    own = {"policy", "preset", "budget", "search_options"}
    asking = {
        "agent": settings.agent.model_dump(exclude=own) if is_agent else {},
        "vlm": settings.vlm.model_dump(include={"family", "video", "stamps", "dtype", "processor"}),
    }
    return Identity(
        benchmark=loaded.benchmark,
        split=loaded.split,
        revision=loaded.revision,
        expected=expected,
        limit=batch.limit,
        limit_seed=batch.limit_seed if batch.limit is not None else 0,
        subtitles=batch.subtitles,
        system=system.name,
        policy=settings.agent.policy if is_agent else "",
        preset=settings.agent.preset if is_agent else "",
        budget=budget,
        option_seed=batch.option_seed,
        options_searched=searched and is_agent,
        library_mode=batch.library_mode,
        model="none" if model is None else model.name,
        model_identity="none" if model is None else model.identity,
        index=index_hash(settings, batch.subtitles),
        settings=digest(asking)[:16],
        prompts=prompts_hash(),
        code=code_version(),
    )
