"""What is to be seen in a frame of a generated day, and where: what models learn from."""

from dataclasses import dataclass, replace

import numpy as np

from longtake.eval.haystack.acts import (
    Actor,
    Cabinet,
    Day,
    Pass,
    Place,
    Put,
    Room,
    Row,
    Scene,
    Thing,
)
from longtake.eval.haystack.draw import ACTOR, DOOR, FEET, SHELF, THING, VEHICLE, Painter, fade
from longtake.eval.haystack.figures import actor_sprite, vehicle_sprite
from longtake.eval.haystack.sets import PICTURES, SIGNS, Box, Stage
from longtake.eval.haystack.sprites import font

SHOWN = 0.55
"""Share of a box that must be inside the picture for its thing to count as seen."""
LIT = 0.35
"""Light of a fade below which a frame shows nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Something and where it is."""

    what: Actor | Thing | Pass | Row | tuple[str, str] | str
    """An actor, a thing, a vehicle, a board's row, a wall's picture (colour and shape), or the text
    of a room's sign."""
    box: Box
    """Pixels of the frame: left, top, right, bottom. May reach a little beyond the frame."""
    carried: bool = False
    """Of things: by the actor."""

    @property
    def height(self) -> float:
        """Pixels."""
        return self.box[3] - self.box[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a frame shows."""

    place: Place
    room: Room | None
    seen: tuple[Seen, ...]

    @property
    def actor(self) -> Seen | None:
        """Who is there."""
        return next((one for one in self.seen if isinstance(one.what, Actor)), None)

    @property
    def carried(self) -> Seen | None:
        """What the actor has in hand."""
        return next((one for one in self.seen if one.carried), None)

    @property
    def vehicle(self) -> Seen | None:
        """What passes the gate."""
        return next((one for one in self.seen if isinstance(one.what, Pass)), None)

    @property
    def things(self) -> tuple[Seen, ...]:
        """Those on shelves or in a cabinet."""
        return tuple(s for s in self.seen if isinstance(s.what, Thing) and not s.carried)

    @property
    def rows(self) -> tuple[Seen, ...]:
        """Of a board."""
        return tuple(one for one in self.seen if isinstance(one.what, Row))

    @property
    def picture(self) -> Seen | None:
        """On the wall."""
        return next((one for one in self.seen if isinstance(one.what, tuple)), None)

    @property
    def sign(self) -> Seen | None:
        """With a room's name."""
        return next((one for one in self.seen if isinstance(one.what, str)), None)

    def cut(self, box: Box, scale: float) -> "Facts":
        """What is left of it in a part of the picture, enlarged by `scale`. Boxes keep their size:
        they may reach beyond the part.

        Args:
            box: the part, in pixels of the picture.
        """
        kept = []
        for one in self.seen:
            a, b, c, d = one.box
            x0, y0, x1, y1 = max(a, box[0]), max(b, box[1]), min(c, box[2]), min(d, box[3])
            inside = max(0.0, x1 - x0) * max(0.0, y1 - y0)
            if inside >= SHOWN * (c - a) * (d - b):
                moved = tuple(
                    (v - o) * scale for v, o in zip((a, b, c, d), (box[0], box[1]) * 2, strict=True)
                )
                kept.append(replace(one, box=(moved[0], moved[1], moved[2], moved[3])))
        return replace(self, seen=tuple(kept))

    def squeezed(self, by: float) -> "Facts":
        """With all heights times `by`."""
        kept = []
        for one in self.seen:
            a, b, c, d = one.box
            kept.append(replace(one, box=(a, b * by, c, d * by)))
        return replace(self, seen=tuple(kept))


def facts(day: Day, painter: Painter, number: int, size: tuple[int, int]) -> Facts:
    """What frame `number` of a day shows at (width, height) pixels."""
    starts = [scene.first for scene in day.scenes]
    scene = day.scenes[int(np.searchsorted(starts, number, side="right")) - 1]
    if fade(scene, number) < LIT:
        return Facts(place=scene.place, room=None, seen=())
    stage = Stage(*size)
    done = (number - scene.first) / max(1, scene.last - 1 - scene.first)
    window = painter.window(scene, done)
    found = [*_furniture(stage, scene), *_acts(stage, painter, scene, number)]
    whole = Facts(place=scene.place, room=scene.room, seen=tuple(found))
    x, y, w, h = window
    return whole.cut((x, y, x + w, y + h), stage.width / w)


def _furniture(stage: Stage, scene: Scene) -> list[Seen]:
    room = scene.room
    if room is None:
        return []
    px = max(8, round(15 * stage.unit))
    x, y = stage.at(*SIGNS[scene.place])
    half = font(px).getlength(room.name) / 2
    cx, cy, r = PICTURES[scene.place]
    return [
        Seen(what=room.name, box=(x - half, y - px / 2, x + half, y + px / 2)),
        Seen(what=room.picture, box=stage.box((cx - r, cy - r, cx + r, cy + r))),
    ]


def _acts(stage: Stage, painter: Painter, scene: Scene, number: int) -> list[Seen]:
    found: list[Seen] = []
    for timed in scene.acts:
        running = timed.first <= number < timed.last
        share = (number - timed.first) / max(1, timed.last - 1 - timed.first)
        match timed.act:
            case Put() as put:
                if number >= timed.last or (running and share >= 0.5):
                    found.append(Seen(what=put.thing, box=stage.box(stage.slot(put.slot))))
                if running:
                    found += _walker(stage, put, share, number)
            case Pass() as passing if running:
                high = round(VEHICLE * stage.unit)
                sprite = vehicle_sprite(passing.colour, passing.vehicle, high, passing.leftward)
                way = 1 - share if passing.leftward else share
                edge = painter.window(scene, 0)[0]
                x = edge - 0.75 * sprite.width + way * (stage.width + 0.5 * sprite.width)
                top = stage.at(0, 112)[1] - sprite.height
                box = (x, top, x + sprite.width, top + sprite.height)
                found.append(Seen(what=passing, box=box))
            case Row() as row if running:
                box = stage.row(row.place, row.px, font(row.px).getlength(row.text))
                found.append(Seen(what=row, box=box))
            case Cabinet() as cabinet:
                found += [
                    Seen(what=thing, box=stage.box(stage.cabinet_slot(slot)))
                    for slot, thing in enumerate(cabinet.things)
                    if thing is not None
                ]
    return found


def _walker(stage: Stage, put: Put, share: float, number: int) -> list[Seen]:
    way = min(1.0, 2.4 * min(share, 1 - share))
    x, feet = stage.at(DOOR + way * (SHELF - DOOR), FEET)
    step = 0 if way >= 1 else 1 + number // 2 % 2
    sprite = actor_sprite(put.actor, round(ACTOR * stage.unit), step)
    left, top = x - sprite.width / 2, feet - sprite.height
    found = [Seen(what=put.actor, box=(left, top, left + sprite.width, feet))]
    if share < 0.5:
        size = THING * stage.unit
        hand = (left + 0.72 * sprite.width, top + 0.5 * sprite.height)
        box = (*hand, hand[0] + size, hand[1] + size)
        found.append(Seen(what=put.thing, box=box, carried=True))
    return found
