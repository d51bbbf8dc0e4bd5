"""What comes when in a user's footage: scenes of the generator, shown in its place while its sound
goes on, as a film maker cuts away.

Whole scenes, and not figures cut out and laid over strangers' pictures: what is seen in them, how
large it is and how long it stands are then the same as in generated worlds, so that results can be
compared, and every needle has its decoys in scenes just like its own. It is also what V-NIAH,
VNBench and LongTimeScope do. The price is the same as theirs: whoever looks for what is unlike the
rest finds the scenes, though not which of them a question is about.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from longtake.eval.haystack.acts import Day, Place, Scene, World
from longtake.eval.haystack.cast import (
    RARE,
    DayCast,
    Mixture,
    absent_vehicles,
    pick,
    rare_of_days,
    roles,
    shuffled,
)
from longtake.eval.haystack.config import WorldConfig
from longtake.eval.haystack.footage import Footage
from longtake.eval.haystack.scenes import ACTS, LEAD_S, ScenePlan
from longtake.eval.haystack.screen import stage_size
from longtake.eval.haystack.script import Script, all_names
from longtake.eval.haystack.vocabulary import Codes, vocabulary
from longtake.eval.haystack.world import generator, make_rooms, near_codes, secret_name

LEAST_S = 40.0
"""Shorter footage has no room for a needle with its decoys."""
LONG_S = 180.0
FEW: tuple[Place, ...] = ("room", "board") * 3
"""All scenes of footage that is shorter than `LONG_S`; acts in it last half a second."""
BAG: tuple[Place, ...] = ("room", "board", "room", "board", "gate")
BAG_S = 27.5
"""How long its scenes take, about."""
SHARE = 0.08
"""Of long footage that is covered by scenes; at least two bags are."""
GAP_S = 0.3
LINES = 24
LINE_S = 3.5
FAMILIES = ("N1", "N2", "N3", "N4", "C1", "G1", "O1", "M1", "X1", "X2", "S1")
"""Those for which it does not matter that rooms are on screen only now and then."""
DECOYS = 8


def world_config(footage: Sequence[Footage], items: int, *, held_out: bool) -> WorldConfig:
    """Of all videos together."""
    return WorldConfig(
        days=len(footage),
        seconds=max(one.seconds for one in footage),
        items=items,
        needle_s=(0.5, 2.0),
        needle_shares=(0.25, 0.75),
        counts="occurring",
        held_out=held_out,
    )


def day_config(config: WorldConfig, footage: Footage) -> WorldConfig:
    """Of one video: its size and length, letters that its boards have room for, and acts that it
    has time for."""
    unit = stage_size(footage.width, footage.height)[1] / 360
    largest = 32 * unit
    short = footage.seconds < LONG_S
    return replace(
        config,
        seconds=footage.seconds,
        width=footage.width,
        height=footage.height,
        needle_s=(0.5,) if short else config.needle_s,
        needle_shares=(1.0,) if short else config.needle_shares,
        text_px=tuple(px for px in config.text_px if px <= largest) or config.text_px[:1],
    )


def make_pasted(footage: Sequence[Footage], config: WorldConfig, seed: int, spoken: bool) -> World:
    """The world whose days are pieces of footage."""
    words = vocabulary(held_out=config.held_out)
    rng = generator(seed, 0, 0)
    codes = Codes(rng, 0, 1)
    rooms = make_rooms(rng, config, words)
    cast = roles(rng, words, config.days)
    absent = absent_vehicles(rng, words)
    vehicles = [v for v in product(words.colours, words.vehicles) if v not in absent]
    places = [_places(one.seconds) for one in footage]
    puts = [ACTS["room"] * held.count("room") for held in places]
    rare = rare_of_days(rng, cast, config.days, min(puts))
    names = all_names(rng)
    share = len(names) // config.days
    days = []
    for i, one in enumerate(footage):
        own = generator(seed, 0, 1, i)
        mine = day_config(config, one)
        passes = ACTS["gate"] * places[i].count("gate")
        plan = ScenePlan(
            own,
            mine,
            words,
            rooms=rooms,
            cast=DayCast(own, cast.common, rare[i], puts[i]),
            codes=codes,
            traffic=Mixture(own, vehicles, math.ceil(passes / RARE)),
        )
        scenes = _scenes(own, plan, one, mine, shuffled(own, list(places[i])))
        between = max(1.0, one.seconds / LINES - LINE_S)
        script = Script(
            own,
            mine,
            rooms=tuple(room.name for room in rooms),
            codes=codes,
            names=names[i * share : (i + 1) * share],
            scenes=scenes,
            alarms=None,
            pause_s=(0.5 * between, 1.5 * between),
        )
        days.append(
            Day(
                video=secret_name(seed, f"footage {i + 1}"),
                number=i + 1,
                frames=int(one.seconds * mine.fps),
                scenes=scenes,
                lines=script.lines() if spoken else (),
            )
        )
    return World(
        name=secret_name(seed, "footage")[:8],
        rooms=rooms,
        days=tuple(days),
        absent_actors=cast.absent,
        absent_vehicles=absent,
        absent_codes=near_codes(days, codes),
    )


def _places(seconds: float) -> tuple[Place, ...]:
    if seconds < LONG_S:
        return FEW
    return BAG * max(2, round(SHARE * seconds / BAG_S))


def _scenes(
    rng: np.random.Generator,
    plan: ScenePlan,
    footage: Footage,
    config: WorldConfig,
    places: Sequence[Place],
) -> tuple[Scene, ...]:
    """One in each of as many equal stretches: from one of its cuts on, or at any moment where it
    has none."""
    stretch = footage.seconds / len(places)
    made = []
    for i, place in enumerate(places):
        earliest, end = i * stretch + GAP_S, (i + 1) * stretch - GAP_S
        latest = max(earliest, end - _longest(place, config))
        cuts = [cut for cut in footage.cuts if earliest <= cut <= latest]
        at = pick(rng, cuts) if cuts else float(rng.uniform(earliest, latest))
        first = math.ceil(at * config.fps - 1e-6)
        made.append(plan.scene(place, first, math.floor(end * config.fps)))
    return tuple(made)


def _longest(place: Place, config: WorldConfig) -> float:
    """Seconds that a scene may take."""
    acts = 1 if place == "board" else ACTS[place]
    return acts * max(config.needle_s) * 1.25 + (acts + 1) * (LEAD_S[1] + 1 / config.fps)
