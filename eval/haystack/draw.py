"""The picture of a day at any of its frames: numpy and Pillow, the same on every machine that has
the same versions of them."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from longtake.eval.haystack.acts import Cabinet, Day, Pass, Put, Row, Scene, Timed
from longtake.eval.haystack.figures import actor_sprite, vehicle_sprite
from longtake.eval.haystack.sets import Box, Stage, empty_set
from longtake.eval.haystack.sprites import font
from longtake.eval.haystack.things import thing_sprite
from longtake.eval.haystack.written import ROW_INK, turned, write

U8 = NDArray[np.uint8]

GRAIN = 1.6
"""Standard deviation of the noise, in grey levels."""
_GRAINS = 8
ACTOR, VEHICLE, THING, CABINET_THING = 150, 78, 30, 62
"""Heights of sprites, in units; things are as wide."""
DOOR, SHELF, FEET = -213.0, 40.0, 122.0
"""Where actors begin and end their walk, and the line that they walk on, in units."""


class Painter:
    """Draws one day, frame by frame, each on its own."""

    def __init__(self, day: Day, width: int, height: int) -> None:
        self._day, self._stage = day, Stage(width, height)
        rng = np.random.default_rng(day.number)
        self._grain = [
            rng.normal(0, GRAIN, (height, width)).round().astype(np.int8).repeat(3, axis=1)
            for _ in range(_GRAINS)
        ]
        self._lit = np.empty((height, 3 * width), np.float32)
        self._at = 0

    def frame(self, number: int) -> U8:
        """u8 [H, W, 3]; fastest in order of time."""
        scene = self._scene(number)
        picture = self._set(scene, number)
        done = (number - scene.first) / max(1, scene.last - 1 - scene.first)
        pixels = np.asarray(self._shot(picture, scene, done))
        light = scene.light[0] + done * (scene.light[1] - scene.light[0])
        light *= fade(scene, number)
        tint = np.array(scene.tint, np.float32) * np.float32(light)
        # In rows and in place: by colours it takes several times as long.
        lit = np.multiply(
            pixels.reshape(self._lit.shape), np.tile(tint, self._stage.width), self._lit
        )
        lit += self._grain[(number * 5 + scene.seed) % _GRAINS]
        page: U8 = lit.clip(0, 255, lit).astype(np.uint8).reshape(pixels.shape)
        return page

    def box(self, timed: Timed, scene: Scene) -> Box | None:
        """Where an act is to be seen in the middle of its time, as shares of the picture; None
        for what crosses all of it."""
        act, stage = timed.act, self._stage
        match act:
            case Put():
                box = stage.box(stage.slot(act.slot))
            case Row():
                box = stage.row(act.place, act.px, font(act.px).getlength(act.text))
                if act.look is not None:
                    box = turned(box, act.look.degrees)
            case Cabinet():
                box = stage.box((-172, -62, 152, 140))
            case Pass():
                return None
        middle = (timed.first + timed.last - 1) / 2
        done = (middle - scene.first) / max(1, scene.last - 1 - scene.first)
        x, y, w, h = self.window(scene, done)
        shares = ((box[0] - x) / w, (box[1] - y) / h, (box[2] - x) / w, (box[3] - y) / h)
        a, b, c, d = (min(1.0, max(0.0, share)) for share in shares)
        return a, b, c, d

    def _scene(self, number: int) -> Scene:
        scenes = self._day.scenes
        if not scenes[self._at].first <= number < scenes[self._at].last:
            starts = [scene.first for scene in scenes]
            self._at = int(np.searchsorted(starts, number, side="right")) - 1
        return scenes[self._at]

    def _set(self, scene: Scene, number: int) -> Image.Image:
        picture = empty_set(self._stage, scene.place, scene.room, scene.seed).copy()
        for timed in scene.acts:
            self._act(picture, scene, timed, number)
        return picture

    def _act(self, picture: Image.Image, scene: Scene, timed: Timed, number: int) -> None:
        """As it is at a frame; a vehicle is a quarter inside when it comes and goes."""
        act, stage = timed.act, self._stage
        running = timed.first <= number < timed.last
        share = (number - timed.first) / max(1, timed.last - 1 - timed.first)
        match act:
            case Put():
                if number >= timed.last or (running and share >= 0.5):
                    stand(picture, thing_sprite(act.thing, round(THING * stage.unit)),
                           stage.box(stage.slot(act.slot)))  # fmt: skip
                if running:
                    self._walk(picture, act, share, number)
            case Pass() if running:
                sprite = vehicle_sprite(
                    act.colour, act.vehicle, round(VEHICLE * stage.unit), act.leftward
                )
                way = 1 - share if act.leftward else share
                edge = self.window(scene, 0)[0]  # the camera stands still here
                x = edge - 0.75 * sprite.width + way * (stage.width + 0.5 * sprite.width)
                top = stage.at(0, 112)[1] - sprite.height
                picture.paste(sprite, (round(x), round(top)), sprite)
            case Row() if running:
                width = font(act.px).getlength(act.text)
                box = stage.row(act.place, act.px, width)
                if act.look is not None:
                    write(picture, act.text, font(act.px), box, act.look)
                    return
                draw = ImageDraw.Draw(picture)
                place = (round(box[0]), round(box[3]))  # whole pixels: nothing is resampled
                draw.text(place, act.text, font=font(act.px), fill=ROW_INK, anchor="ls")
            case Cabinet():
                for slot, thing in enumerate(act.things):
                    if thing is not None:
                        sprite = thing_sprite(thing, round(CABINET_THING * stage.unit))
                        stand(picture, sprite, stage.box(stage.cabinet_slot(slot)))

    def _walk(self, picture: Image.Image, act: Put, share: float, number: int) -> None:
        """From the door to the shelf, where the thing changes place, and back."""
        stage = self._stage
        way = min(1.0, 2.4 * min(share, 1 - share))
        x, feet = stage.at(DOOR + way * (SHELF - DOOR), FEET)
        step = 0 if way >= 1 else 1 + number // 2 % 2
        sprite = actor_sprite(act.actor, round(ACTOR * stage.unit), step)
        left, top = round(x - sprite.width / 2), round(feet - sprite.height)
        picture.paste(sprite, (left, top), sprite)
        if share < 0.5:
            held = thing_sprite(act.thing, round(THING * stage.unit))
            hand = (left + round(0.72 * sprite.width), top + round(0.5 * sprite.height))
            picture.paste(held, hand, held)

    def window(self, scene: Scene, done: float) -> tuple[float, float, float, float]:
        """What the camera sees of the set: x, y, width, height."""
        camera, stage = scene.camera, self._stage
        (ax, ay), (bx, by), (az, bz) = camera.start, camera.end, camera.zoom
        zoom = az + done * (bz - az)
        width, height = stage.width / zoom, stage.height / zoom
        x = (stage.size[0] - width) / 2 + (ax + done * (bx - ax)) * stage.width
        y = (stage.size[1] - height) / 2 + (ay + done * (by - ay)) * stage.height
        return x, y, width, height

    def _shot(self, picture: Image.Image, scene: Scene, done: float) -> Image.Image:
        x, y, width, height = self.window(scene, done)
        size = (self._stage.width, self._stage.height)
        if scene.camera.zoom == (1.0, 1.0):
            left, top = round(x), round(y)
            shot = picture.crop((left, top, left + size[0], top + size[1]))
        else:
            shot = picture.resize(
                size, Image.Resampling.BILINEAR, box=(x, y, x + width, y + height)
            )
        self._stamp(shot)
        return shot

    def _stamp(self, shot: Image.Image) -> None:
        """The day in the corner of every frame, as cameras do."""
        px = max(8, round(12 * self._stage.unit))
        text = f"DAY {self._day.number}"
        draw = ImageDraw.Draw(shot)
        width = font(px).getlength(text)
        x, y = self._stage.width - width - px, self._stage.height - px
        draw.rectangle(
            (x - px / 2, y - 1.5 * px, x + width + px / 2, y + px / 2), fill=(20, 20, 24)
        )
        draw.text((round(x), round(y)), text, font=font(px), fill=(250, 250, 250), anchor="ls")


def stand(picture: Image.Image, sprite: Image.Image, box: Box) -> None:
    """Paste a sprite so that it stands in the middle of a box's lower edge."""
    x = round((box[0] + box[2] - sprite.width) / 2)
    picture.paste(sprite, (x, round(box[3]) - sprite.height), sprite)


def fade(scene: Scene, number: int) -> float:
    """Light of a frame: 1, or less where a scene comes out of black or goes there."""
    shares = [1.0]
    if scene.fade_in:
        shares.append((number - scene.first + 1) / (scene.fade_in + 1))
    if scene.fade_out:
        shares.append((scene.last - number) / (scene.fade_out + 1))
    return min(shares)
