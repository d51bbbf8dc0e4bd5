"""The pictures' side of a day: scene after scene until it is full."""

import numpy as np

from longtake.eval.haystack.acts import (
    Cabinet,
    Camera,
    Look,
    Pass,
    Place,
    Put,
    Room,
    Row,
    Scene,
    Thing,
    Timed,
)
from longtake.eval.haystack.cast import DayCast, Mixture, pick, shuffled, thing
from longtake.eval.haystack.config import WorldConfig
from longtake.eval.haystack.vocabulary import Codes, Vocabulary

BAG: tuple[Place, ...] = ("room", "board", "gate", "cabinet", "room", "board", "cabinet")
"""Scenes come in this mixture, in another order each time."""
ACTS = {"room": 3, "gate": 3, "board": 3, "cabinet": 1}
SLOTS = 10
CABINET_SLOTS = 6
LEAD_S = (0.3, 0.8)
"""Empty time before, between and after acts."""
FADE_S = 0.25
"""Shorter than any lead, so that no act is faded."""


class ScenePlan:
    """Makes one day's scenes."""

    def __init__(
        self,
        rng: np.random.Generator,
        config: WorldConfig,
        words: Vocabulary,
        *,
        rooms: tuple[Room, ...],
        cast: DayCast,
        codes: Codes,
        traffic: Mixture[tuple[str, str]],
    ) -> None:
        self._rng, self._config, self._words = rng, config, words
        self._rooms, self._cast, self._codes, self._traffic = rooms, cast, codes, traffic
        self._cabinets: dict[str, tuple[Thing | None, ...]] = {}
        shares = np.ones(len(rooms))
        shares[int(rng.integers(len(rooms)))] = 2.5  # one is used longest by far
        self._shares = shares / shares.sum()

    def scenes(self) -> tuple[Scene, ...]:
        """Scenes without a gap from frame 0 to the day's last."""
        total = round(self._config.seconds * self._config.fps)
        made: list[Scene] = []
        bag: list[Place] = []
        at = 0
        shortest = round(2.5 * self._config.fps)
        while at < total:
            bag = bag or shuffled(self._rng, list(BAG))
            scene = self.scene(bag.pop(), at, total, shortest)
            made.append(scene)
            at = scene.last
        return tuple(made)

    def scene(self, place: Place, first: int, total: int, shortest: int = 0) -> Scene:
        """The next scene, from frame `first` on: it ends before frame `total`, or there where less
        than `shortest` frames would be left."""
        room = None
        if place in ("room", "cabinet"):
            room = self._rooms[int(self._rng.choice(len(self._rooms), p=self._shares))]
        acts, at = self._acts(place, room, first, total)
        last = self._off_beat(at)
        if total - last < shortest:
            last = total
        fades = self._rng.random(2) < 0.3
        fade = round(FADE_S * self._config.fps)
        return Scene(
            place=place,
            room=room,
            first=first,
            last=last,
            acts=tuple(acts),
            camera=self._camera(place),
            light=(float(self._rng.uniform(0.85, 1.1)), float(self._rng.uniform(0.85, 1.1))),
            tint=tuple(self._rng.uniform(0.94, 1.06, 3).tolist()),
            fade_in=fade if fades[0] else 0,
            fade_out=fade if fades[1] else 0,
            seed=int(self._rng.integers(2**31)),
        )

    def _acts(
        self, place: Place, room: Room | None, first: int, total: int
    ) -> tuple[list[Timed], int]:
        """Acts one after another (rows of a board together), and where the scene may end; those
        for which the day has no room are left out."""
        acts: list[Timed] = []
        slots = shuffled(self._rng, list(range(SLOTS)))
        leftward = bool(self._rng.random() < 0.5)
        at = self._off_beat(first + self._lead())
        end = total - 1 - round(0.3 * self._config.fps)
        if place == "board":
            last = self._off_beat(at + self._length())
            rows = self._rows() if last <= end else []
            return [Timed(row, at, last) for row in rows], last + self._lead()
        for i in range(ACTS[place]):
            last = self._off_beat(at + self._length())
            if last > end:
                break
            if place == "room":
                act: Put | Pass | Cabinet = Put(
                    self._cast.draw(), thing(self._rng, self._words), slots[i]
                )
            elif place == "gate":
                leftward = leftward ^ bool(self._rng.random() < 0.3)
                act = Pass(*self._traffic.draw(), leftward)
            else:
                assert room is not None
                act = Cabinet(self._cabinet(room))
            acts.append(Timed(act, at, last))
            at = self._off_beat(last + self._lead())
        return acts, max(at, first + self._lead())

    def _rows(self) -> list[Row]:
        """Three rows of one height; one of them about a room, most of the time."""
        px, look = int(pick(self._rng, self._config.text_px)), self._look()
        rooms = self._rng.random(3) < 0.35
        made = []
        for place, about_room in enumerate(rooms):
            if about_room:
                word, value = "ROOM", pick(self._rng, self._rooms).name
            else:
                word = pick(self._rng, self._words.numbers)
                value = str(int(self._rng.integers(102, 999)))
            made.append(Row(self._codes.draw("AAA99"), word, value, place, px, look))
        return made

    def _look(self) -> Look | None:
        config = self._config
        if not config.text_varies:
            return None
        return Look(
            contrast=float(pick(self._rng, config.text_contrast)),
            degrees=float(pick(self._rng, config.text_degrees)),
            blur_px=int(pick(self._rng, config.text_blur_px)),
        )

    def _cabinet(self, room: Room) -> tuple[Thing | None, ...]:
        """As it was when last shown, mostly with one thing fewer; filled up when nearly empty."""
        held = self._cabinets.get(room.name)
        if held is None or sum(item is not None for item in held) < 4:
            seen: set[str] = set()
            filled: list[Thing | None] = []
            for _ in range(CABINET_SLOTS):
                item = thing(self._rng, self._words, but=seen)
                seen.add(str(item))
                filled.append(item)
            held = tuple(filled)
        elif self._rng.random() < 0.8:
            gone = pick(self._rng, [i for i, item in enumerate(held) if item is not None])
            held = tuple(None if i == gone else item for i, item in enumerate(held))
        self._cabinets[room.name] = held
        return held

    def _lead(self) -> int:
        return max(2, round(float(self._rng.uniform(*LEAD_S)) * self._config.fps))

    def _length(self) -> int:
        seconds = self._rng.choice(self._config.needle_s, p=self._config.needle_shares)
        jitter = float(self._rng.uniform(0.85, 1.25))
        return max(3, round(float(seconds) * jitter * self._config.fps))

    def _off_beat(self, frame: int) -> int:
        """The frame, or one a little later that is on no whole second and near no key frame."""
        gop = round(self._config.gop_s * self._config.fps)
        while frame % self._config.fps == 0 or frame % gop in (0, 1, gop - 1):
            frame += 1
        return frame

    def _camera(self, place: Place) -> Camera:
        if place == "gate":  # it stands still, so that whole vehicles come and go at its edges
            shift = self._shift()
            return Camera(start=shift, end=shift, zoom=(1.0, 1.0))
        zoom = (1.0, 1.0) if place == "board" else tuple(self._rng.uniform(1.0, 1.07, 2).tolist())
        return Camera(start=self._shift(), end=self._shift(), zoom=(zoom[0], zoom[1]))

    def _shift(self) -> tuple[float, float]:
        return (float(self._rng.uniform(-0.05, 0.05)), float(self._rng.uniform(-0.03, 0.03)))
