"""What is written beside the videos: every act, every item, an account of every world."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from longtake.eval.haystack.acts import Cabinet, Line, Pass, Put, Row
from longtake.eval.haystack.config import CANARY, VERSION
from longtake.eval.haystack.events import Event, Pool
from longtake.eval.haystack.film import Film
from longtake.eval.haystack.items import Item
from longtake.eval.haystack.novelty import Verdict
from longtake.eval.haystack.sound import Speaker
from longtake.eval.haystack.workplace import write_json

ITEMS, ACTS, WORLDS = "items.jsonl", "acts.jsonl", "worlds.json"


class Truth:
    """Writes a suite's truth, world by world."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._items = (folder / ITEMS).open("w", encoding="utf-8")
        self._acts = (folder / ACTS).open("w", encoding="utf-8")
        self._worlds: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._items.close()
        self._acts.close()

    def add(
        self,
        pool: Pool,
        films: Sequence[Film],
        items: Sequence[Item],
        verdicts: Sequence[Verdict],
        **more: object,
    ) -> None:
        """Write down a world; `more` goes into its account."""
        self._items.writelines(json.dumps(item) + "\n" for item in items)
        self._acts.writelines(json.dumps(act_told(event)) + "\n" for event in pool.events)
        self._worlds.append({**_account(pool, films, verdicts), **more})

    def finish(self, seed: int, suite: str) -> None:
        """Write down what concerns all worlds."""
        told = {"seed": str(seed), "suite": suite, "worlds": self._worlds}
        write_json(self._folder / WORLDS, told)


def act_told(event: Event) -> dict[str, Any]:
    """A line of `acts.jsonl`."""
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
            written = {**asdict(what), "text": what.text}
            if what.look is None:
                del written["look"]
            return {**told, **written}


def _account(pool: Pool, films: Sequence[Film], verdicts: Sequence[Verdict]) -> dict[str, Any]:
    return {
        "world_id": pool.world.name,
        "videos": [
            {
                "video": film.path.stem,
                "day": day.number,
                "seconds": float(film.times_s[-1]),
                "frames": len(np.unique(film.times_s)) - 1,
                "frames_sha256": film.frames_sha256,
            }
            for day, film in zip(pool.world.days, films, strict=True)
        ],
        "rooms": [asdict(room) for room in pool.world.rooms],
        "novelty": [asdict(verdict) for verdict in verdicts],
    }


def manifest(
    suite: str, config_sha256: str, commitment: str, *, held_out: bool, speaker: Speaker | None
) -> dict[str, Any]:
    """What goes with the videos; nothing in it helps to answer."""
    packages = ("av", "numpy", "pillow", *(("piper-tts",) if speaker else ()))
    return {
        "suite": suite,
        "gen_version": VERSION,
        "config_sha256": config_sha256,
        "seed_commitment": commitment,
        "held_out": held_out,
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
