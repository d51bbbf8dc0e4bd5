"""The folder that a haystack is made in, and what an interrupted run left there.

While a suite is being made, `truth/unfinished` holds what it is made from and a record of every
finished video. The same command goes on from there: a video whose file is as its record says is not
drawn again, whatever else there is is made anew. When all is done the folder is removed, so that
nothing tells an interrupted run from another.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from longtake.errors import UsageError
from longtake.eval.haystack.acts import Day
from longtake.eval.haystack.config import WorldConfig
from longtake.eval.haystack.film import MTIME_S, Film, Progress, times_of
from longtake.eval.haystack.sound import Placed
from longtake.eval.haystack.stamps import stamps_of

MANIFEST = "manifest.json"
_BEGUN = "begun.json"


class Workplace:
    """A folder in which this suite, and no other, is being made.

    Args:
        told: what the manifest says; with the seed it fixes everything.

    Raises:
        UsageError: the folder holds something else, or something finished.
    """

    def __init__(self, out: Path, told: dict[str, Any], seed: int) -> None:
        self.videos, self.truth = out / "videos", out / "truth"
        self._unfinished = _unfinished(out)
        begun = {"seed": str(seed), "manifest": told}
        if out.exists() and any(out.iterdir()):
            found = _begun(out)
            if found is None:
                raise UsageError(f"{str(out)!r} is not empty: name a new folder")
            if found != begun:
                raise UsageError(
                    f"{str(out)!r} holds an interrupted run with other settings, another seed or "
                    "other versions: name a new folder, or go on with those"
                )
            return
        self._unfinished.mkdir(parents=True)
        self.videos.mkdir()
        write_json(self.videos / MANIFEST, told)
        write_json(self._unfinished / _BEGUN, begun)

    def film(
        self,
        day: Day,
        config: WorldConfig,
        make: Callable[[Progress | None], Film],
        progress: Progress | None,
    ) -> Film:
        """The day's film: kept where it is as it was, else made."""
        record = self._unfinished / f"{day.video}.json"
        path = self.videos / f"{day.video}.mp4"
        if record.is_file() and path.is_file():
            told = json.loads(record.read_text(encoding="utf-8"))
            if told["sha256"] == _sha256(path):
                if progress:
                    progress(day.frames, day.frames)
                return _kept(path, day, config, told)
        film = make(progress)
        write_json(record, _told(film, day))
        return film

    def finish(self) -> None:
        """All is done."""
        shutil.rmtree(self._unfinished)


def begun_seed(out: Path) -> int | None:
    """The seed of what was begun in a folder; None where nothing was, or all is done."""
    found = _begun(out)
    return None if found is None else int(found["seed"])


def write_json(path: Path, told: dict[str, Any]) -> None:
    """Whole or not at all, with the time that all files have."""
    fresh = path.with_suffix(".partial")
    fresh.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    os.utime(fresh, (MTIME_S, MTIME_S))
    fresh.replace(path)


def _unfinished(out: Path) -> Path:
    return out / "truth" / "unfinished"


def _begun(out: Path) -> dict[str, Any] | None:
    path = _unfinished(out) / _BEGUN
    if not path.is_file():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _told(film: Film, day: Day) -> dict[str, Any]:
    numbers = {line: i for i, line in enumerate(day.lines)}
    return {
        "sha256": _sha256(film.path),
        "frames_sha256": film.frames_sha256,
        "lines": [[numbers[one.line], one.start_s, one.end_s] for one in film.lines],
        "scores": [[*key, ranked] for key, ranked in film.scores.items()],
    }


def _kept(path: Path, day: Day, config: WorldConfig, told: dict[str, Any]) -> Film:
    return Film(
        path=path,
        times_s=times_of(path, stamps_of(day, config)),
        frames_sha256=told["frames_sha256"],
        lines=tuple(Placed(day.lines[i], start, end) for i, start, end in told["lines"]),
        scores={(kind, first, last): ranked for kind, first, last, ranked in told["scores"]},
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
