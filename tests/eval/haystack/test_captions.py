"""What frames are said to show, and captions that say it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from longtake.eval.haystack.acts import Actor, Cabinet, Camera, Pass, Put, Room, Scene, Thing, Timed
from longtake.eval.haystack.models.captions import Captioner
from longtake.eval.haystack.models.facts import FACTS, facts, stored_at, value
from longtake.eval.haystack.models.frames import UNSEEN, facts_in, shown_in, stored_in

STILL = Camera(start=(0, 0), end=(0, 0), zoom=(1, 1))
ROOM = Room(
    name="F7", wall=(200, 200, 200), floor=(90, 90, 90), picture=("red", "moon"), window=False
)
VISIT = Put(Actor("green", "cap", "star"), Thing("blue", "cup"), 3)
SHOWN = frozenset(facts_in(UNSEEN + 1))


def scene(place: str, *acts: Timed) -> Scene:
    return Scene(
        place=place,  # type: ignore[arg-type]
        room=ROOM if place in ("room", "cabinet") else None,
        first=100,
        last=200,
        acts=acts,
        camera=STILL,
        light=(1, 1),
        tint=(1, 1, 1),
        fade_in=0,
        fade_out=0,
        seed=1,
    )


def test_a_visitor_carries_a_thing_and_then_it_stands_on_the_shelf() -> None:
    visit = scene("room", Timed(VISIT, 120, 141))
    room = {"place room", "sign F7", "picture red moon", "picture red", "picture moon"}
    seen = {"seen blue cup", "seen blue", "seen cup"}
    stored = {"stored blue cup", "stored blue", "stored cup"}
    held = {"held blue cup", "held blue", "held cup"}
    looks = {"actor", "coat green", "hat cap", "badge star"}
    assert facts(visit, 110) == room
    assert facts(visit, 129) == room | looks | held | seen | {"carried"}
    assert facts(visit, 130) == room | looks | held | seen | {"put"} | stored
    assert facts(visit, 141) == room | seen | stored
    assert stored_at(visit, 129) == {}
    assert stored_at(visit, 130) == {3: Thing("blue", "cup")}


def test_vehicles_are_there_while_they_pass() -> None:
    gate = scene("gate", Timed(Pass("white", "van", True), 120, 140))
    van = {"vehicle", "vehicle white van", "vehicle white", "vehicle van", "leftward"}
    assert facts(gate, 119) == facts(gate, 140) == {"place gate"}
    assert facts(gate, 120) == facts(gate, 139) == {"place gate"} | van


def test_a_cabinets_things_have_slots_after_those_of_a_shelf() -> None:
    cabinet = scene("cabinet", Timed(Cabinet((None, Thing("red", "lamp"), None)), 120, 140))
    assert stored_at(cabinet, 100) == {11: Thing("red", "lamp")}
    assert {"stored red lamp", "seen lamp", "sign F7"} <= facts(cabinet, 100)


def test_values_of_pairs_are_whole() -> None:
    found = facts(scene("room", Timed(VISIT, 120, 141)), 125)
    said = [value(found, kind) for kind in ("coat", "hat", "held", "picture", "sign")]
    assert said == ["green", "cap", "blue cup", "red moon", "F7"]


@given(shown=st.sampled_from(sorted(SHOWN, key=sorted)), seed=st.integers(0, 2**32 - 1))
def test_captions_are_true_and_full_ones_tell_all(shown: frozenset[str], seed: int) -> None:
    captioner = Captioner(np.random.default_rng(seed))
    full, partial = captioner.full(shown), captioner.partial(shown)
    assert partial.facts
    assert partial.facts <= shown <= FACTS.keys()
    paired = {f for f in shown if f.count(" ") == 2 and f.startswith(("held", "stored", "picture"))}
    told = {f for f in shown if f.startswith(("coat", "hat", "badge", "sign"))}
    assert paired | told <= full.facts <= shown
    for caption in (full, partial):
        named = [f.partition(" ")[2] for f in caption.facts if not f.startswith(("place", "put"))]
        assert all(name.lower() in caption.text.lower() for name in named if name), caption


def test_frames_are_drawn_in_the_order_of_their_facts() -> None:
    drawn = list(shown_in(UNSEEN))
    assert [shown.facts for shown in drawn] == facts_in(UNSEEN)
    assert len(stored_in(UNSEEN)) == len(drawn) > 20
    assert {shown.pixels.shape for shown in drawn} == {(360, 640, 3)}
    cabinets = [shown for shown in drawn if "place cabinet" in shown.facts]
    assert cabinets
