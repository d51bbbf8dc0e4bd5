"""From a user's own footage to a haystack: half real, half generated.

The folder is as `generate` makes it. Needles are pasted (`pasted`), so that nothing is refused, but
how well query-free rankers find them is written into the manifest and the account, and every report
shows it.
"""

import hashlib
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path

from longtake.errors import MediaError, UsageError
from longtake.eval.haystack.acts import Day
from longtake.eval.haystack.config import Suite, WorldConfig, config_hash
from longtake.eval.haystack.events import gather
from longtake.eval.haystack.film import Film, record
from longtake.eval.haystack.film import Progress as OneProgress
from longtake.eval.haystack.footage import Footage, MixedTrack, Pictures, survey
from longtake.eval.haystack.generate import Made, Progress, commitment, needles_of, scores_of
from longtake.eval.haystack.items import choose, write
from longtake.eval.haystack.novelty import ActKey, Watcher, act_keys, verdicts
from longtake.eval.haystack.pasted import (
    DECOYS,
    FAMILIES,
    LEAST_S,
    day_config,
    make_pasted,
    world_config,
)
from longtake.eval.haystack.screen import Screen, fitted
from longtake.eval.haystack.sound import Speaker
from longtake.eval.haystack.suites import FOOTAGE
from longtake.eval.haystack.truth import Truth, manifest
from longtake.eval.haystack.workplace import Workplace
from longtake.eval.haystack.world import generator
from longtake.index.discover import discover

ITEMS_A_VIDEO = 16
STRETCHES = 1000
"""Into at most as many is a video's footage divided for the rankers, none shorter than a second."""


def find_footage(folder: Path) -> tuple[list[Footage], list[str]]:
    """Measured footage, by name, and why other videos in the folder are left out.

    Raises:
        UsageError: nothing there can be used.
    """
    found: dict[str, Footage] = {}
    left: list[str] = []
    for path, error in discover([folder]):
        try:
            if error is not None:
                raise error
            one = survey(path)
        except MediaError as exc:
            left.append(str(exc))
            continue
        if one.seconds < LEAST_S:
            left.append(f"{str(path)!r} is shorter than {LEAST_S:g} s ({one.seconds:.1f} s)")
        elif one.content in found:
            left.append(f"{str(path)!r} is the same as {str(found[one.content].path)!r}")
        else:
            found[one.content] = one
    if not found:
        reasons = "; ".join(left[:3]) or "it holds no videos"
        raise UsageError(f"no footage in {str(folder)!r}: {reasons}")
    return list(found.values()), left


def generate_half(
    footage: Sequence[Footage],
    out: Path,
    seed: int,
    *,
    speaker: Speaker | None,
    items: int | None = None,
    held_out: bool = False,
    progress: Progress | None = None,
) -> Made:
    """Put needles into footage, or go on where an interrupted call stopped.

    Args:
        speaker: None leaves the sound as it is.
        items: questions in all; `ITEMS_A_VIDEO` for each video if not given.

    Raises:
        UsageError: `out` holds something else, or something finished.
        LongtakeError: there is not enough to ask about.
    """
    config = world_config(footage, items or ITEMS_A_VIDEO * len(footage), held_out=held_out)
    world = make_pasted(footage, config, seed, spoken=speaker is not None)
    told = {
        **manifest(
            FOOTAGE,
            _hash(config, footage, speaker),
            commitment(seed),
            held_out=held_out,
            speaker=speaker,
        ),
        "half_synthetic": True,
        "needles": "pasted: generated scenes stand in place of footage",
        "footage_blake2b": sorted(one.content for one in footage),
    }
    told["licences"] |= {"footage": "its owners'"}
    place = Workplace(out, told, seed)
    films = []
    for day, one in zip(world.days, footage, strict=True):
        tell = partial(progress, day.video) if progress else None
        mine = day_config(config, one)
        make = partial(_film, day, one, mine, place.videos, speaker)
        films.append(place.film(day, mine, make, tell))
    sizes = {
        day.number: (one.width, one.height) for day, one in zip(world.days, footage, strict=True)
    }

    def screen(day: Day) -> Screen:
        return fitted(day, *sizes[day.number])

    pool = gather(
        world,
        config,
        films,
        "heard" if speaker else "given",
        screen=screen,
        minutes={film.path.stem: max(1.0, round(film.times_s[-1] / 60)) for film in films},
    )
    rng = generator(seed, 0, 2, 0)
    drafts = choose(pool, rng, FAMILIES, least_decoys=DECOYS)
    scores, needles = scores_of(films), needles_of(drafts)
    acts = {key: ranked for key, ranked in scores.items() if key[1][0] != _TAKE}
    takes = {key: ranked for key, ranked in scores.items() if key[1][0] == _TAKE}
    around = [
        (video, next(take for name, take in takes if name == video and _within(key, take)))
        for video, key in needles
    ]
    told_of = [
        {"video": day.video, "file": one.path.name, "blake2b": one.content}
        for day, one in zip(world.days, footage, strict=True)
    ]
    with Truth(place.truth) as truth:
        truth.add(
            pool,
            films,
            write(pool, drafts, rng),
            verdicts(acts, needles),
            novelty_in_footage=[asdict(verdict) for verdict in verdicts(takes, around)],
            footage=told_of,
        )
    truth.finish(seed, FOOTAGE)
    place.finish()
    return Made(
        folder=out,
        items=config.items,
        videos=len(films),
        seconds=sum(pool.durations.values()),
        commitment=commitment(seed),
    )


def _hash(config: WorldConfig, footage: Sequence[Footage], speaker: Speaker | None) -> str:
    suite = Suite(name=FOOTAGE, worlds=(config,))
    told = [config_hash(suite, "piper" if speaker else "given"), *(f.content for f in footage)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _film(
    day: Day,
    footage: Footage,
    config: WorldConfig,
    folder: Path,
    speaker: Speaker | None,
    progress: OneProgress | None,
) -> Film:
    track = None
    if speaker or footage.sound:
        track = MixedTrack(footage, day, speaker, seconds=config.seconds)
    screen = fitted(day, footage.width, footage.height)
    watchers = (Watcher(act_keys(day)), Watcher(_takes(day, config)))
    with closing(Pictures(footage, day, config.fps, screen)) as pictures:
        return record(day, config, folder, pictures.frame, track, watchers, progress)


_TAKE = "Take"


def _takes(day: Day, config: WorldConfig) -> set[ActKey]:
    """Scenes, and the footage between them in pieces, alike for rankers."""
    length = max(config.fps, day.frames // STRETCHES)
    edges = [edge for scene in day.scenes for edge in (scene.first, scene.last)]
    bounds = [0, *edges, day.frames]
    between = {
        (_TAKE, first, first + length)
        for start, end in zip(bounds[::2], bounds[1::2], strict=True)
        for first in range(start, end - length + 1, length)
    }
    return between | {(_TAKE, scene.first, scene.last) for scene in day.scenes}


def _within(act: ActKey, take: ActKey) -> bool:
    return take[1] <= act[1] and act[2] <= take[2]
