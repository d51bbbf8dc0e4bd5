"""From a suite and a seed to a folder of videos and, apart from it, their questions and truth.

```
OUT/videos/<128 random bits>.mp4     what a system may see
OUT/videos/manifest.json             versions, licences, the seed's commitment
OUT/truth/items.jsonl                questions with answers and evidence
OUT/truth/acts.jsonl                 everything that happens
OUT/truth/worlds.json                seed, hashes of frames, verdicts of the rankers
```
Worlds are made one after another; only the finished suite has its items. The same call goes on with
what an interrupted one left (`workplace`).
"""

import hashlib
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from longtake.errors import LongtakeError
from longtake.eval.haystack.config import VERSION, Suite, config_hash
from longtake.eval.haystack.drafts import Draft
from longtake.eval.haystack.events import Pool, gather
from longtake.eval.haystack.film import MTIME_S, Film, make_film, subtitle_text
from longtake.eval.haystack.items import Item, choose, visual_needles, write
from longtake.eval.haystack.novelty import ActKey, Verdict, verdicts
from longtake.eval.haystack.sound import Speaker
from longtake.eval.haystack.truth import Truth, manifest
from longtake.eval.haystack.workplace import Workplace
from longtake.eval.haystack.world import generator, make_world

TRIES = 5
"""Choices of needles that are tried before a world is given up."""

Progress = Callable[[str, int, int], None]
"""Video, frames done, frames in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What was generated."""

    folder: Path
    items: int
    videos: int
    seconds: float
    """Of video."""
    commitment: str


def fresh_seed() -> int:
    """128 bits that nobody has used before."""
    return secrets.randbits(128)


def commitment(seed: int) -> str:
    """SHA-256 of seed and version: published before results, it shows later that the seed was
    not chosen after them."""
    return hashlib.sha256(f"{seed}/{VERSION}".encode()).hexdigest()


def generate(
    suite: Suite,
    out: Path,
    seed: int,
    *,
    speaker: Speaker | None,
    progress: Progress | None = None,
) -> Made:
    """Make a suite, or go on where an interrupted call stopped. The same version, suite, seed and
    voice give the same frames and truth.

    Raises:
        UsageError: `out` holds something else, or something finished.
        LongtakeError: a world has too little to ask about, or needles that stand out.
    """
    told = manifest(
        suite.name,
        config_hash(suite, "piper" if speaker else "given"),
        commitment(seed),
        held_out=all(world.held_out for world in suite.worlds),
        speaker=speaker,
    )
    place = Workplace(out, told, seed)
    seconds = 0.0
    with Truth(place.truth) as truth:
        for index in range(len(suite.worlds)):
            pool, films = _film(suite, index, seed, place, speaker, progress)
            truth.add(pool, films, *_ask(pool, films, index, seed))
            seconds += sum(pool.durations.values())
    truth.finish(seed, suite.name)
    place.finish()
    return Made(
        folder=out,
        items=suite.items,
        videos=suite.days,
        seconds=seconds,
        commitment=commitment(seed),
    )


def _film(
    suite: Suite,
    index: int,
    seed: int,
    place: Workplace,
    speaker: Speaker | None,
    progress: Progress | None,
) -> tuple[Pool, list[Film]]:
    world, config = make_world(suite, index, seed), suite.worlds[index]
    films = []
    for day in world.days:
        tell = partial(progress, day.video) if progress else None
        make = partial(make_film, day, config, place.videos, speaker)
        film = place.film(day, config, make, tell)
        if speaker is None:
            path = film.path.with_suffix(".srt")
            path.write_text(subtitle_text(film.lines), encoding="utf-8")
            os.utime(path, (MTIME_S, MTIME_S))
        films.append(film)
    return gather(world, config, films, "heard" if speaker else "given"), films


def _ask(
    pool: Pool, films: list[Film], index: int, seed: int
) -> tuple[list[Item], tuple[Verdict, ...]]:
    """Choose needles until no query-free ranker finds them."""
    scores = scores_of(films)
    for attempt in range(TRIES):
        rng = generator(seed, index, 2, attempt)
        drafts = choose(pool, rng)
        judged = verdicts(scores, needles_of(drafts))
        if not any(verdict.solved for verdict in judged):
            return write(pool, drafts, rng), judged
    raise LongtakeError(
        f"world {pool.world.name}: in {TRIES} choices the needles stood out to a ranker that does "
        "not know the questions; use another seed"
    )


def scores_of(films: list[Film]) -> dict[tuple[str, ActKey], dict[str, float]]:
    """By video and act, how much it stands out."""
    return {(film.path.stem, key): ranked for film in films for key, ranked in film.scores.items()}


def needles_of(drafts: list[Draft]) -> list[tuple[str, ActKey]]:
    """By video, the acts that one answer hangs on."""
    return [(e.video, e.key) for e in visual_needles(drafts) if e.key is not None]
