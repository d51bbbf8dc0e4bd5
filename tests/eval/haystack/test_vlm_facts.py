"""What frames are said to show, and where, against their pixels; and the labels made of it."""

from bisect import bisect
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from transformers import Qwen2VLImageProcessor

from longtake.eval.haystack.acts import Actor, Pass, Row, Scene, Thing
from longtake.eval.haystack.draw import fade
from longtake.eval.haystack.figures import actor_sprite
from longtake.eval.haystack.models.vlm.build import LEAST_PIXELS, MOST_PIXELS
from longtake.eval.haystack.models.vlm.cards import SIDE, card
from longtake.eval.haystack.models.vlm.facts import LIT, SHOWN, Facts, Seen
from longtake.eval.haystack.models.vlm.footage import SIZE, Reel, Still
from longtake.eval.haystack.models.vlm.labels import (
    CELL,
    HEADS,
    ITSELF,
    cropped,
    labels,
    patches,
    rescaled,
    whole_cells,
)
from longtake.eval.haystack.models.vlm.shelves import shelf
from longtake.eval.haystack.sets import Box
from longtake.eval.haystack.vocabulary import BADGES, COLOURS, HATS

PALETTE = {name: np.array(rgb, float) for name, rgb in COLOURS.items()}
LIKE = 45
"""Distance in RGB within which a pixel has a colour."""


def colour_of(one: Seen) -> str | None:
    match one.what:
        case Actor(coat=colour) | Thing(colour=colour) | Pass(colour=colour) | (colour, _):
            return str(colour)
    return None


def in_good_light(reel: Reel, still: Still) -> NDArray[np.float64] | None:
    """The frame's pixels as in white light of brightness 1; None while it fades."""
    starts = [scene.first for scene in reel.day.scenes]
    scene: Scene = reel.day.scenes[bisect(starts, still.number) - 1]
    if not scene.first + scene.fade_in < still.number < scene.last - scene.fade_out - 1:
        return None
    done = (still.number - scene.first) / (scene.last - 1 - scene.first)
    light = scene.light[0] + done * (scene.light[1] - scene.light[0])
    return np.asarray(still.picture(SIZE[0]), float) / (light * np.array(scene.tint))


def passing(reel: Reel) -> list[Still]:
    """Frames with a vehicle, not all of them."""
    return [still for still in reel.stills if still.facts.vehicle][::2]


def part(pixels: NDArray[np.float64], box: Box, around: int = 0) -> NDArray[np.float64]:
    left, top, right, bottom = (round(side) for side in box)
    rows = slice(max(0, top - around), bottom + around)
    return pixels[rows, max(0, left - around) : right + around].reshape(-1, 3)


def like(pixels: NDArray[np.float64], colour: str) -> int:
    return int((np.linalg.norm(pixels - PALETTE[colour], axis=-1) < LIKE).sum())


def test_boxes_have_the_colours_of_what_is_in_them(reel: Reel) -> None:
    inside: dict[type, list[float]] = defaultdict(list)
    beside: dict[type, list[float]] = defaultdict(list)
    for still in reel.stills[::4]:
        pixels = in_good_light(reel, still)
        if pixels is None:
            continue
        for one in still.facts.seen:
            colour = colour_of(one)
            if colour is not None:
                own, wider = part(pixels, one.box), part(pixels, one.box, around=4)
                kind = type(one.what)
                inside[kind].append(like(own, colour) / len(own))
                more = like(wider, colour) - like(own, colour)
                beside[kind].append(more / (len(wider) - len(own)))
    assert inside.keys() == {Actor, Thing, Pass, tuple}
    assert {kind: min(shares) >= 0.08 for kind, shares in inside.items()} == dict.fromkeys(
        inside, True
    )
    for kind in inside:
        assert np.mean(beside[kind]) < 0.02 * np.mean(inside[kind]), kind


def test_the_middle_of_a_vehicle_has_its_colour(reel: Reel) -> None:
    found = []
    for still in passing(reel):
        pixels, one = in_good_light(reel, still), still.facts.vehicle
        if one is None or pixels is None:
            continue
        x, y = (one.box[0] + one.box[2]) / 2, (one.box[1] + one.box[3]) / 2
        middle = np.median(part(pixels, (x - 3, y - 3, x + 3, y + 3)), axis=0)
        nearest = min(PALETTE, key=lambda name: float(np.linalg.norm(middle - PALETTE[name])))
        found.append(nearest == colour_of(one))
    assert len(found) > 5
    assert all(found)


def share_inside(box: Box, size: tuple[float, float]) -> float:
    wide = min(box[2], size[0]) - max(box[0], 0)
    high = min(box[3], size[1]) - max(box[1], 0)
    return max(0.0, wide) * max(0.0, high) / ((box[2] - box[0]) * (box[3] - box[1]))


def test_nothing_is_outside_of_the_frame(reel: Reel) -> None:
    boxes = [one.box for still in reel.stills for one in still.facts.seen]
    assert min(share_inside(box, SIZE) for box in boxes) >= SHOWN


def test_frames_show_nothing_in_the_dark(reel: Reel) -> None:
    starts = [scene.first for scene in reel.day.scenes]
    dark = 0
    for still in reel.stills:
        light = fade(reel.day.scenes[bisect(starts, still.number) - 1], still.number)
        if light < LIT:
            dark += 1
            assert not still.facts.seen and still.facts.room is None
            assert np.asarray(still.picture(SIZE[0])).mean() < 255 * 1.3 * LIT
    assert dark


@pytest.mark.parametrize(("head", "words"), [("hat", HATS), ("badge", BADGES)])
def test_hats_and_badges_are_where_they_are_said_to_be(head: str, words: tuple[str, ...]) -> None:
    """What changes of an actor with another hat or badge lies there, but for a brim."""
    high = 560
    somebody = Actor("red", HATS[0], BADGES[0])
    drawn = [
        np.asarray(actor_sprite(replace(somebody, **{head: word}), high, 0), int) for word in words
    ]
    changed = np.stack(drawn).std(0).any(-1)
    rows, columns = np.nonzero(changed)
    left, top, right, bottom = (
        round(share * side)
        for share, side in zip(ITSELF[head], changed.shape[::-1] * 2, strict=True)
    )
    inside = (top <= rows) & (rows < bottom) & (left <= columns) & (columns < right)
    assert inside.mean() > 0.98
    assert changed[top:bottom, left:right].mean() > 0.2


def test_what_is_carried_is_at_the_actor(reel: Reel) -> None:
    carrying = [still.facts for still in reel.stills if still.facts.carried]
    assert carrying
    for facts in carrying:
        assert facts.actor is not None and facts.carried is not None
        left, top, right, bottom = facts.actor.box
        x, y = facts.carried.box[:2]
        assert left < x < right and top < y < bottom
        assert facts.carried not in facts.things


coordinates = st.floats(-200, 800, allow_nan=False)
sides = st.floats(1, 400, allow_nan=False)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    x, y = draw(coordinates), draw(coordinates)
    return x, y, x + draw(sides), y + draw(sides)


@given(found=st.lists(boxes(), max_size=5), within=boxes(), scale=st.floats(0.1, 4))
def test_a_part_keeps_what_is_mostly_in_it_and_where_it_is(
    found: list[Box], within: Box, scale: float
) -> None:
    seen = tuple(Seen(what=Thing("red", str(i)), box=box) for i, box in enumerate(found))
    cut = Facts(place="room", room=None, seen=seen).cut(within, scale)
    kept = {str(one.what): one.box for one in cut.seen}
    left, top = within[:2]
    for one in seen:
        a, b, c, d = one.box
        share = share_inside(
            (a - left, b - top, c - left, d - top), (within[2] - left, within[3] - top)
        )
        if abs(share - SHOWN) > 1e-6:
            assert (str(one.what) in kept) == (share > SHOWN)
        if str(one.what) in kept:
            x, y, right, bottom = (side / scale for side in kept[str(one.what)])
            back = (x + left, y + top, right + left, bottom + top)
            assert back == pytest.approx(one.box, abs=1e-6)


@pytest.mark.parametrize("size", [(84, 84), (112, 84), (448, 252), (644, 364)])
def test_patches_are_those_of_the_models_processor(size: tuple[int, int]) -> None:
    processor = Qwen2VLImageProcessor(
        size={"shortest_edge": LEAST_PIXELS, "longest_edge": MOST_PIXELS}
    )
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    expected = processor(images=[Image.fromarray(noise)], return_tensors="np")
    values, grid = patches(noise)
    assert grid == tuple(expected["image_grid_thw"][0])
    assert values.dtype == np.float32
    assert np.abs(values - expected["pixel_values"]).max() < 1e-5


def words(made: NDArray[np.int64], head: str) -> list[list[str]]:
    """What each token says, `-` for nothing."""
    names = ("-", *HEADS[head])
    return [[names[number] for number in row] for row in made[:, :, list(HEADS).index(head)]]


def test_tokens_that_a_box_covers_a_quarter_of_show_it() -> None:
    box = (28.0, 21.0, 91.0, 56.0)  # a quarter of the token above, and of the one behind
    seen = (Seen(what=Pass("white", "van", True), box=box),)
    made = labels(Facts(place="gate", room=None, seen=seen), 140, 84)
    assert words(made, "vehicle") == [
        ["-", "van", "van", "-", "-"],
        ["-", "van", "van", "van", "-"],
        ["-", "-", "-", "-", "-"],
    ]
    assert words(made, "vehicle colour")[1] == ["-", "white", "white", "white", "-"]
    assert words(made, "place") == [["gate"] * 5] * 3
    assert words(made, "coat") == [["-"] * 5] * 3


def test_tokens_of_a_line_read_its_characters_in_order() -> None:
    row = Row("QFK47", "TOTAL", "318", 0, 20)
    seen = (Seen(what=row, box=(10.0, 30.0, 260.0, 50.0)),)
    made = labels(Facts(place="board", room=None, seen=seen), 280, 84)
    heads = [words(made, head) for head in ("left", "middle", "right")]
    said = "".join(
        mark for three in zip(*(head[1] for head in heads), strict=True) for mark in three
    )
    once = [mark for mark, before in zip(said, "-" + said, strict=False) if mark != before]
    assert "".join(once).replace("-", "") == "QFK47TOTAL318"  # a space may fall between places
    assert {mark for head in heads for line in (head[0], head[2]) for mark in line} == {"-"}


def test_a_token_in_the_middle_of_a_vehicle_names_it(reel: Reel) -> None:
    found = 0
    for still in passing(reel):
        pixels, facts = rescaled(still, 448)
        one = facts.vehicle
        if one is None or not isinstance(one.what, Pass):
            continue
        made = labels(facts, pixels.shape[1], pixels.shape[0])
        x = int((one.box[0] + one.box[2]) / 2 // CELL)
        y = int((one.box[1] + one.box[3]) / 2 // CELL)
        assert words(made, "vehicle")[y][x] == one.what.vehicle
        assert words(made, "vehicle colour")[y][x] == one.what.colour
        found += 1
    assert found > 5


@given(width=st.integers(28, 1400))
def test_sides_are_whole_tokens_near_what_was_asked(width: int) -> None:
    wide, high = whole_cells(width)
    assert wide % CELL == high % CELL == 0
    assert abs(wide - width) <= CELL / 2
    assert high == CELL or abs(high - width * 9 / 16) <= CELL / 2


def test_parts_show_what_the_whole_shows_there(reel: Reel) -> None:
    rng = np.random.default_rng(0)
    for still in reel.stills[::12]:
        pixels, facts = cropped(rng, still)
        assert pixels.shape[0] % CELL == pixels.shape[1] % CELL == 0
        assert {one.what for one in facts.seen} <= {one.what for one in still.facts.seen}
        size = (pixels.shape[1], pixels.shape[0])
        assert all(share_inside(one.box, size) >= SHOWN for one in facts.seen)


def test_cards_of_shelves_show_none_to_six_things_where_they_are_said_to_be() -> None:
    rng = np.random.default_rng(3)
    shares, counts, smallest, largest = [], set(), 999.0, 0.0
    for _ in range(80):
        pixels, facts = shelf(rng)
        high, wide = pixels.shape[:2]
        assert high % CELL == wide % CELL == 0
        counts.add((facts.place, len(facts.seen)))
        assert len({str(one.what) for one in facts.things}) == len(facts.seen)
        for one in facts.seen:
            colour = colour_of(one)
            assert colour is not None
            own = part(pixels.astype(float), one.box)
            shares.append((np.linalg.norm(own - PALETTE[colour], axis=-1) < 1.6 * LIKE).mean())
            smallest, largest = min(smallest, one.height), max(largest, one.height)
    assert counts == {("cabinet", n) for n in range(1, 7)} | {("room", n) for n in range(5)}
    assert np.quantile(shares, 0.05) > 0.05
    assert smallest < 25 and largest > 60


def test_cards_are_small_and_of_the_colours_that_they_name() -> None:
    rng = np.random.default_rng(0)
    shares, heights = [], []
    for _ in range(60):
        pixels, facts = card(rng)
        assert pixels.shape == (SIDE, SIDE, 3)
        heights += [facts.actor.height] if facts.actor else []
        for one in facts.seen:
            colour, box = colour_of(one), one.box
            if colour is not None and not one.carried:
                own = part(pixels.astype(float), box)
                near = np.linalg.norm(own - PALETTE[colour], axis=-1) < 1.6 * LIKE
                shares.append(near.mean())
    assert len(shares) > 40
    assert np.quantile(shares, 0.05) > 0.05
    assert min(heights) < 50 and max(heights) > 110
