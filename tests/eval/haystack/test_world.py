"""Worlds before they are drawn: what is in them, what never is, and that seeds decide it."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from longtake.errors import UsageError
from longtake.eval.haystack.acts import Actor, Cabinet, Pass, Put, Row
from longtake.eval.haystack.config import config_hash
from longtake.eval.haystack.suites import SUITES, suite
from longtake.eval.haystack.vocabulary import vocabulary
from longtake.eval.haystack.wording import held_out_share
from longtake.eval.haystack.world import make_world
from tests.eval.haystack.conftest import SUITE

DEV = SUITES["dev"]


def test_suites_have_the_sizes_of_the_specification() -> None:
    sizes = {name: (made.days, made.items) for name, made in SUITES.items()}
    assert sizes == {
        "smoke": (3, 48),
        "dev": (40, 800),
        "lengths": (17, 264),
        "standard": (74, 2000),
        "stress": (1, 200),
        "varied": (8, 240),
    }
    assert [world.seconds for world in SUITES["stress"].worlds] == [36_000]
    by_length = Counter[float]()
    for world in SUITES["lengths"].worlds:
        by_length[world.seconds] += world.items
    assert by_length == {60: 96, 600: 96, 3600: 72}
    assert sum(world.seconds * world.days for world in SUITES["smoke"].worlds) == 180
    with pytest.raises(
        UsageError, match="there are: smoke, dev, lengths, standard, stress, varied"
    ):
        suite("huge")


def test_a_seed_gives_one_world_and_another_seed_another() -> None:
    assert make_world(SUITE, 0, 3) == make_world(SUITE, 0, 3)
    assert make_world(SUITE, 0, 3).days != make_world(SUITE, 0, 4).days
    names = [day.video for seed in (3, 4) for day in make_world(SUITE, 0, seed).days]
    assert len(set(names)) == 6
    assert all(len(name) == 32 and int(name, 16) for name in names)


def test_the_hash_tells_configurations_apart() -> None:
    smaller = replace(SUITE, worlds=(replace(SUITE.worlds[0], fps=5),))
    hashes = {config_hash(s, v) for s in (SUITE, smaller) for v in ("piper", "given")}
    assert len(hashes) == 4


@pytest.mark.parametrize("seed", [0, 1])
def test_scenes_fill_the_day_and_hold_their_acts(seed: int) -> None:
    config = DEV.worlds[0]
    gop = round(config.gop_s * config.fps)
    for day in make_world(DEV, 0, seed).days:
        assert day.scenes[0].first == 0
        assert day.scenes[-1].last == day.frames == config.seconds * config.fps
        assert all(a.last == b.first for a, b in pairwise(day.scenes))
        for scene in day.scenes:
            for timed in scene.acts:
                assert scene.first + scene.fade_in <= timed.first < timed.last
                assert timed.last <= scene.last - scene.fade_out
                assert timed.first % config.fps != 0
                assert timed.first % gop not in (0, 1, gop - 1)
            if scene.place != "board":
                assert all(a.last < b.first for a, b in pairwise(scene.acts))


def test_what_is_absent_never_occurs_and_codes_occur_once() -> None:
    world = make_world(DEV, 1, 5)
    acts = [timed.act for day in world.days for scene in day.scenes for timed in scene.acts]
    actors = {act.actor for act in acts if isinstance(act, Put)}
    vehicles = {(act.colour, act.vehicle) for act in acts if isinstance(act, Pass)}
    codes = [act.code for act in acts if isinstance(act, Row)]
    codes += [line.subject for day in world.days for line in day.lines if line.kind == "flight"]
    assert not actors & world.absent_actors
    assert not vehicles & world.absent_vehicles
    assert len(set(codes)) == len(codes) > 300
    assert not set(codes) & set(world.absent_codes.values())
    for code in codes:
        near = world.absent_codes[code]
        assert sum(a != b for a, b in zip(code, near, strict=True)) == 1
    other = make_world(DEV, 0, 5)
    assert not set(codes) & {
        timed.act.code
        for day in other.days
        for scene in day.scenes
        for timed in scene.acts
        if isinstance(timed.act, Row)
    }


def test_a_cabinet_loses_at_most_one_thing_from_view_to_view() -> None:
    for day in make_world(DEV, 2, 5).days:
        held: dict[str, tuple[object, ...]] = {}
        for scene in day.scenes:
            for timed in scene.acts:
                if isinstance(timed.act, Cabinet) and scene.room:
                    before = held.get(scene.room.name)
                    now = timed.act.things
                    if before and sum(x is not None for x in before) >= 4:
                        changed = [a for a, b in zip(before, now, strict=True) if a != b]
                        assert len(changed) <= 1 and None not in changed
                    held[scene.room.name] = now


def test_public_seeds_never_show_what_is_held_out() -> None:
    public, whole = vocabulary(held_out=False), vocabulary(held_out=True)
    shares = [
        1 - len(getattr(public, name)) / len(getattr(whole, name))
        for name in ("colours", "hats", "badges", "things", "vehicles", "numbers")
    ]
    assert all(0.25 < share < 0.4 for share in shares)
    assert held_out_share() >= 0.3
    acts = [t.act for d in make_world(DEV, 0, 1).days for s in d.scenes for t in s.acts]
    held = set(whole.hats) - set(public.hats)
    assert not held & {act.actor.hat for act in acts if isinstance(act, Put)}
    fresh = suite("dev", held_out=True)
    acts = [t.act for d in make_world(fresh, 0, 1).days for s in d.scenes for t in s.acts]
    assert held == held & {act.actor.hat for act in acts if isinstance(act, Put)}


def test_near_misses_are_counted_by_attribute() -> None:
    actor = Actor("red", "cap", "star")
    assert actor.differs(actor) == 0
    assert actor.differs(Actor("red", "crown", "star")) == 1
    assert actor.differs(Actor("blue", "crown", "moon")) == 3
