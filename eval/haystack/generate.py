"""From a suite and a seed to a folder of videos and, apart from it, their questions and truth.

```
OUT/videos/<128 random bits>.mp4     what a system may see
OUT/videos/manifest.json             versions, licences, the seed's commitment
OUT/truth/items.jsonl                questions with answers and evidence
OUT/truth/acts.jsonl                 everything that happens
OUT/truth/worlds.json                seed, hashes of frames, verdicts of the rankers
```
Worlds are made one after another; only the finished suite has its items.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from longtake.errors import LongtakeError, UsageError
from longtake.eval.haystack.acts import Cabinet, Line, Pass, Put, Row
from longtake.eval.haystack.config import CANARY, VERSION, Suite, config_hash
from longtake.eval.haystack.events import Event, Pool, gather
from longtake.eval.haystack.film import MTIME_S, Film, make_film, subtitle_text
from longtake.eval.haystack.items import Item, choose, visual_needles, write
from longtake.eval.haystack.novelty import Verdict, verdicts
from longtake.eval.haystack.sound import Speaker
from longtake.eval.haystack.world import generator, make_world

TRIES = 5
"""Choices of needles that are tried before a world is given up."""
ITEMS, ACTS, WORLDS, MANIFEST = "items.jsonl", "acts.jsonl", "worlds.json", "manifest.json"

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
    """Make a suite. The same version, suite, seed and voice give the same frames and truth.

    Raises:
        UsageError: `out` already holds something.
        LongtakeError: a world has too little to ask about, or needles that stand out.
    """
    if out.exists() and any(out.iterdir()):
        raise UsageError(f"{str(out)!r} is not empty: name a new folder")
    videos, truth = out / "videos", out / "truth"
    videos.mkdir(parents=True)
    truth.mkdir()
    _write_json(videos / MANIFEST, _manifest(suite, seed, speaker))
    worlds: list[dict[str, Any]] = []
    seconds = 0.0
    with (truth / ITEMS).open("w") as items, (truth / ACTS).open("w") as acts:
        for index in range(len(suite.worlds)):
            pool, films = _film(suite, index, seed, videos, speaker, progress)
            made, judged = _ask(pool, films, index, seed)
            items.writelines(json.dumps(item) + "\n" for item in made)
            acts.writelines(json.dumps(_act(event)) + "\n" for event in pool.events)
            worlds.append(_account(pool, films, judged))
            seconds += sum(pool.durations.values())
    _write_json(truth / WORLDS, {"seed": str(seed), "suite": suite.name, "worlds": worlds})
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
    folder: Path,
    speaker: Speaker | None,
    progress: Progress | None,
) -> tuple[Pool, list[Film]]:
    world, config = make_world(suite, index, seed), suite.worlds[index]
    films = []
    for day in world.days:

        def tell(done: int, total: int, name: str = day.video) -> None:
            if progress:
                progress(name, done, total)

        film = make_film(day, config, folder, speaker, tell)
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
    scores = {
        (day.video, key): ranked
        for day, film in zip(pool.world.days, films, strict=True)
        for key, ranked in film.watcher.scores().items()
    }
    for attempt in range(TRIES):
        rng = generator(seed, index, 2, attempt)
        drafts = choose(pool, rng)
        needles = [(e.video, e.key) for e in visual_needles(drafts) if e.key is not None]
        judged = verdicts(scores, needles)
        if not any(verdict.solved for verdict in judged):
            return write(pool, drafts, rng), judged
    raise LongtakeError(
        f"world {pool.world.name}: in {TRIES} choices the needles stood out to a ranker that does "
        "not know the questions; use another seed"
    )


def _act(event: Event) -> dict[str, Any]:
    what = event.what
    told: dict[str, Any] = {
        "video": event.video,
        "day": event.day,
        "kind": type(what).__name__.lower(),
        "t0": event.span.start,
        "t1": event.span.end,
        "modality": event.modality,
        "room": event.room,
        "box": event.box,
    }
    match what:
        case Put() | Pass() | Cabinet() | Line():
            return {**told, **asdict(what)}
        case Row():
            return {**told, **asdict(what), "text": what.text}


def _account(pool: Pool, films: list[Film], judged: tuple[Verdict, ...]) -> dict[str, Any]:
    return {
        "world_id": pool.world.name,
        "videos": [
            {
                "video": film.path.stem,
                "day": day.number,
                "seconds": float(film.times_s[-1]),
                "frames": len(film.times_s) - 1,
                "frames_sha256": film.frames_sha256,
            }
            for day, film in zip(pool.world.days, films, strict=True)
        ],
        "rooms": [asdict(room) for room in pool.world.rooms],
        "novelty": [asdict(verdict) for verdict in judged],
    }


def _manifest(suite: Suite, seed: int, speaker: Speaker | None) -> dict[str, Any]:
    """What goes with the videos; nothing in it helps to answer."""
    packages = ("av", "numpy", "pillow", *(("piper-tts",) if speaker else ()))
    return {
        "suite": suite.name,
        "gen_version": VERSION,
        "config_sha256": config_hash(suite, "piper" if speaker else "given"),
        "seed_commitment": commitment(seed),
        "held_out": all(world.held_out for world in suite.worlds),
        "asr": "heard" if speaker else "given",
        "licences": {
            "pictures": "drawn by longtake: Apache-2.0",
            "font": "Aileron, as Pillow carries it: CC0",
            "voice": speaker.licence if speaker else "none",
            "codecs": "H.264 by x264 (GPL-2.0-or-later) and AAC by FFmpeg, as PyAV carries them",
        },
        "versions": {name: metadata.version(name) for name in packages},
        "canary": CANARY,
    }


def _write_json(path: Path, told: dict[str, Any]) -> None:
    path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    os.utime(path, (MTIME_S, MTIME_S))
