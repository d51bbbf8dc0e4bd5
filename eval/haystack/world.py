"""A world from a seed: rooms, who is seen when, what is said; nothing is drawn yet."""

import hashlib
import hmac
from itertools import product

import numpy as np

from longtake.eval.haystack.acts import Day, Room, Row, World
from longtake.eval.haystack.cast import (
    DayCast,
    Mixture,
    absent_vehicles,
    acts_expected,
    rare_of_days,
    roles,
    shuffled,
)
from longtake.eval.haystack.config import VERSION, Suite, WorldConfig
from longtake.eval.haystack.scenes import ScenePlan
from longtake.eval.haystack.script import Script, all_names
from longtake.eval.haystack.vocabulary import ALARMS, PICTURES, SIGNS, Codes, Vocabulary, vocabulary

PUTS_A_MINUTE = 9.0
PASSES_A_MINUTE = 4.5
ALARMS_A_MINUTE = 2.0


def generator(seed: int, *path: int) -> np.random.Generator:
    """Random numbers of one purpose: the same for the same seed and path, on any machine."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *path])))


def secret_name(seed: int, what: str) -> str:
    """128 bits in hexadecimal that say nothing without the seed."""
    key = str(seed).encode()
    return hmac.new(key, f"{VERSION}/{what}".encode(), hashlib.sha256).hexdigest()[:32]


def make_world(suite: Suite, index: int, seed: int) -> World:
    """The world of that place in a suite."""
    config = suite.worlds[index]
    words = vocabulary(held_out=config.held_out)
    rng = generator(seed, index, 0)
    codes = Codes(rng, index, len(suite.worlds))
    rooms = make_rooms(rng, config, words)
    cast = roles(rng, words, config.days)
    absent = absent_vehicles(rng, words)
    vehicles = [v for v in product(words.colours, words.vehicles) if v not in absent]
    expected = acts_expected(config, PUTS_A_MINUTE)
    rare = rare_of_days(rng, cast, config.days, expected)
    names = all_names(rng)
    share = len(names) // config.days
    before = sum(world.days for world in suite.worlds[:index])
    days = []
    for day in range(config.days):
        own = generator(seed, index, 1, day)
        plan = ScenePlan(
            own,
            config,
            words,
            rooms=rooms,
            cast=DayCast(own, cast.common, rare[day], expected),
            codes=codes,
            traffic=Mixture(own, vehicles, acts_expected(config, PASSES_A_MINUTE)),
        )
        scenes = plan.scenes()
        script = Script(
            own,
            config,
            rooms=tuple(room.name for room in rooms),
            codes=codes,
            names=names[day * share : (day + 1) * share],
            scenes=scenes,
            alarms=Mixture(own, list(ALARMS), acts_expected(config, ALARMS_A_MINUTE)),
        )
        number = before + day + 1
        days.append(
            Day(
                video=secret_name(seed, f"video {number}"),
                number=number,
                frames=round(config.seconds * config.fps),
                scenes=scenes,
                lines=script.lines(),
            )
        )
    return World(
        name=secret_name(seed, f"world {index}")[:8],
        rooms=rooms,
        days=tuple(days),
        absent_actors=cast.absent,
        absent_vehicles=absent,
        absent_codes=near_codes(days, codes),
    )


def make_rooms(
    rng: np.random.Generator, config: WorldConfig, words: Vocabulary
) -> tuple[Room, ...]:
    """A world's rooms, each with a name, walls and a picture of its own."""
    names = shuffled(rng, list(SIGNS))
    looks = shuffled(rng, list(product(words.colours, PICTURES)))
    return tuple(made_room(rng, names[i], looks[i]) for i in range(config.rooms))


def made_room(rng: np.random.Generator, name: str, picture: tuple[str, str]) -> Room:
    """A room with walls and a floor of random tones.

    Args:
        picture: colour and shape.
    """
    wall, floor = rng.integers(150, 225, 3), rng.integers(70, 140, 3)
    return Room(
        name=name,
        wall=(int(wall[0]), int(wall[1]), int(wall[2])),
        floor=(int(floor[0]), int(floor[1]), int(floor[2])),
        picture=picture,
        window=bool(rng.random() < 0.5),
    )


def near_codes(days: list[Day], codes: Codes) -> dict[str, str]:
    """For each code that is shown or said, one that never is."""
    found: dict[str, str] = {}
    for day in days:
        for scene in day.scenes:
            for timed in scene.acts:
                if isinstance(timed.act, Row):
                    found[timed.act.code] = codes.near(timed.act.code)
        for line in day.lines:
            if line.kind == "flight":
                found[line.subject] = codes.near(line.subject)
    return found
