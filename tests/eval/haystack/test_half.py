"""Needles in a user's footage: every frame and sound of it that is not covered stays."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from longtake.errors import LongtakeError, UsageError
from longtake.eval.benchmarks import benchmark
from longtake.eval.haystack.acts import Day, Line, Pass, Put, Row
from longtake.eval.haystack.events import Pool, gather
from longtake.eval.haystack.film import Film
from longtake.eval.haystack.footage import Footage, MixedTrack, survey
from longtake.eval.haystack.half import find_footage, generate_half
from longtake.eval.haystack.items import choose, write
from longtake.eval.haystack.pasted import (
    DECOYS,
    FAMILIES,
    day_config,
    make_pasted,
    world_config,
)
from longtake.eval.haystack.screen import Screen, fitted, stage_size
from longtake.eval.haystack.sound import Piper, Placed
from longtake.eval.haystack.world import generator
from longtake.eval.samples import Loaded
from tests.eval.answers import row
from tests.eval.haystack.test_made import acts, frames, perfect, results, sound
from tests.index.conftest import clicks_at, number_of, numbered_frame, write_video

HAYSTACK = benchmark("haystack")
CLICKS = tuple(0.5 + 3.5 * i for i in range(12))
UNEVEN = tuple(round(0.31 * i + 0.13 * (i % 3), 3) for i in range(145))
"""Seconds at which frames of the upright footage come: 3.2 a second, unevenly."""


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`a`: 44.7 s lying on its side, frames at uneven times, silent. `b`: 44 s of odd size, with
    clicks and three cuts. Every frame shows its number. And what is of no use."""
    folder = tmp_path_factory.mktemp("footage")
    lying = [
        np.ascontiguousarray(np.rot90(numbered_frame(i, 180, 320), -1)) for i in range(len(UNEVEN))
    ]
    write_video(folder / "a.mp4", frames=lying, times=UNEVEN, rotation=90)
    grounds = ((0, 0, 0), (90, 0, 40), (0, 90, 0), (0, 40, 90))
    shots = [
        np.maximum(numbered_frame(i, 321, 181) // 2, np.array(grounds[i // 55], np.uint8))
        for i in range(220)
    ]
    write_video(
        folder / "b.mkv", frames=shots, fps=5, codec="ffv1", pix_fmt="yuv444p",
        audio=clicks_at(44, CLICKS), audio_codec="pcm_s16le",
    )  # fmt: skip
    write_video(folder / "short.mp4", frames=20, fps=5)
    (folder / "copy.mkv").write_bytes((folder / "b.mkv").read_bytes())
    (folder / "damaged.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(100))
    return folder


@pytest.fixture(scope="module")
def found(footage: Path) -> list[Footage]:
    return find_footage(footage)[0]


class Stopped(Exception):
    pass


@pytest.fixture(scope="module")
def half(found: list[Footage], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made by a run that was interrupted in its second video, and by another that went on."""
    out = tmp_path_factory.mktemp("half") / "made"
    seen: dict[str, list[int]] = {}

    def stop(video: str, done: int, total: int) -> None:
        seen.setdefault(video, []).append(done)
        if len(seen) == 2 and done == 50 and len(seen[video]) == 50:
            raise Stopped

    with pytest.raises(Stopped):
        generate_half(found, out, 4, speaker=None, progress=stop)
    made = generate_half(found, out, 4, speaker=None, progress=stop)
    assert [len(counted) for counted in seen.values()] == [357 + 1, 50 + 352]
    assert (made.items, made.videos) == (32, 2)
    assert made.seconds == pytest.approx(44.625 + 44)
    return out


@pytest.fixture(scope="module")
def loaded(half: Path) -> Loaded:
    return HAYSTACK.load(half, "footage")


def told(half: Path) -> dict[str, Any]:
    [world] = json.loads((half / "truth" / "worlds.json").read_text())["worlds"]
    assert isinstance(world, dict)
    return world


def test_what_can_be_used_is_found_and_the_rest_is_named(footage: Path) -> None:
    found, left = find_footage(footage)
    assert [one.path.name for one in found] == ["a.mp4", "b.mkv"]
    a, b = found
    assert (a.width, a.height, a.sound) == (180, 320, False)
    assert (b.width, b.height, b.sound) == (320, 180, True)
    assert a.seconds == pytest.approx(44.68) and b.seconds == pytest.approx(44)
    assert {22.0, 33.0} <= set(b.cuts)
    reasons = " ".join(left)
    assert len(left) == 3 and "shorter than 40 s (4.0 s)" in reasons
    assert "is the same as" in reasons and "damaged" in reasons


def test_a_folder_without_footage_says_why(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it holds no videos"):
        find_footage(tmp_path)
    write_video(tmp_path / "short.mp4", frames=20, fps=5)
    with pytest.raises(UsageError, match="shorter than 40 s"):
        find_footage(tmp_path)
    with pytest.raises(LongtakeError, match="has no pictures"):
        survey(write_video(tmp_path / "s.wav", frames=0, audio=clicks_at(2, ()),
                           audio_codec="pcm_s16le"))  # fmt: skip


def days_of(found: list[Footage]) -> list[Day]:
    config = world_config(found, 32, held_out=False)
    return list(make_pasted(found, config, 4, spoken=False).days)


def test_frames_are_the_footage_outside_scenes_and_the_generator_inside(
    half: Path, found: list[Footage]
) -> None:
    for day, one in zip(days_of(found), found, strict=True):
        film = frames(half / "videos" / f"{day.video}.mp4")
        assert len(film) == day.frames == int(one.seconds * 8)
        screen = fitted(day, one.width, one.height)
        shown = dict.fromkeys(range(day.frames), "footage")
        for scene in day.scenes:
            shown |= dict.fromkeys(range(scene.first, scene.last), "scene")
        for number, (time, pixels) in enumerate(film):
            assert time == pytest.approx(number / 8)
            if shown[number] == "scene":
                if number % 5 == 0:
                    drawn = screen.frame(number).astype(int)
                    assert np.abs(pixels.astype(int) - drawn).mean() < 6
            elif one.path.name == "a.mp4":
                expected = max(i for i, at in enumerate(UNEVEN) if at <= time + 1e-3)
                assert number_of(pixels) == expected
            else:
                bright = np.where(pixels.max(axis=2, keepdims=True) > 100, 255, 0)
                assert number_of(np.repeat(bright, 3, axis=2).astype(np.uint8)) == int(
                    5 * time + 0.01
                )


def test_scenes_begin_at_cuts_where_there_are_some(found: list[Footage]) -> None:
    """No more than a frame of the haystack after one."""

    def at_cuts(days: Sequence[Day]) -> int:
        starts = [scene.first / 8 for scene in days[1].scenes]
        return sum(any(cut <= at < cut + 1 / 8 for cut in found[1].cuts) for at in starts)

    assert at_cuts(days_of(found)) >= 4
    uncut = [found[0], replace(found[1], cuts=())]
    config = world_config(found, 32, held_out=False)
    assert at_cuts(make_pasted(uncut, config, 4, spoken=False).days) < 3


def test_sound_stays_where_it_was(half: Path, found: list[Footage]) -> None:
    a, b = (half / "videos" / f"{day.video}.mp4" for day in days_of(found))
    with av.open(str(a)) as container:
        assert not container.streams.audio
    heard = np.abs(sound(b))
    loud = np.flatnonzero(heard > 0.3) / 16_000
    begun = [loud[0], *(y for x, y in pairwise(loud) if y - x > 0.5)]
    assert begun == pytest.approx(CLICKS, abs=0.01)


def test_truth_is_inside_scenes_and_needles_have_their_decoys(
    half: Path, found: list[Footage], loaded: Loaded
) -> None:
    days = {day.video: day for day in days_of(found)}
    for act in acts(half):
        scenes = days[act["video"]].scenes
        assert any(s.first / 8 < act["t0"] < act["t1"] < s.last / 8 for s in scenes)
    lines = [json.loads(line) for line in (half / "truth" / "items.jsonl").read_text().splitlines()]
    assert {line["family"] for line in lines} >= {"N1", "N4", "G1", "U1", "X1"}
    assert all(len(line["decoys"]) >= 8 for line in lines)
    assert {sample.axes["length_min"] for sample in loaded.samples} == {"1"}
    assert all(sample.video_path for sample in loaded.samples)


def test_boxes_are_where_things_are_between_bars(half: Path, found: list[Footage]) -> None:
    """In upright footage scenes have bars above and below: rows lie in the middle part, where the
    picture changes as they come."""
    a = days_of(found)[0]
    film = frames(half / "videos" / f"{a.video}.mp4")
    bar = (320 - stage_size(180, 320)[1]) / 2 / 320
    rows = [act for act in acts(half) if act["video"] == a.video and act["kind"] == "row"]
    assert len(rows) == 9
    for act in rows:
        left, top, right, bottom = act["box"]
        assert bar < top < bottom < 1 - bar and 0 <= left < right <= 1
        first = round(act["t0"] * 8)
        changed = np.abs(film[first][1].astype(int) - film[first - 1][1].astype(int)).mean(axis=2)
        ys = slice(int(top * 320) - 2, int(bottom * 320) + 3)
        assert changed[ys].mean() > 2 * changed.mean()


def test_the_folder_says_that_it_is_half_synthetic_and_how_well_needles_hide(
    half: Path, found: list[Footage], loaded: Loaded
) -> None:
    manifest = json.loads((half / "videos" / "manifest.json").read_text())
    assert manifest["half_synthetic"] is True and "pasted" in manifest["needles"]
    assert manifest["footage_blake2b"] == sorted(one.content for one in found)
    world = told(half)
    assert [one["file"] for one in world["footage"]] == ["a.mp4", "b.mkv"]
    assert {v["ranker"] for v in world["novelty"]} == {"change", "drift", "rarity"}
    around = {v["ranker"]: v for v in world["novelty_in_footage"]}
    rows = HAYSTACK.aggregate(results(loaded, perfect))
    assert row(rows, "accuracy (micro)") == (100.0, 100.0)
    assert row(rows, "twin-consistent accuracy") == (100.0, 100.0)
    shown = {r.part: r for r in rows if "query-free novelty ranker" in r.metric}
    assert set(shown) == {"ranker=change", "ranker=drift", "ranker=rarity"}
    for name, verdict in around.items():
        one = shown[f"ranker={name}"]
        assert one.strict == one.official == pytest.approx(100 * verdict["recall"])
        assert one.n == verdict["needles"] > 0


def test_other_splits_say_how_to_make_them(half: Path) -> None:
    with pytest.raises(UsageError, match="longtake eval generate smoke"):
        HAYSTACK.load(half, "smoke")


def undrawn(seconds: tuple[float, ...], seed: int, *, spoken: bool) -> Pool:
    """A world on footage that nobody filmed, its lines as long as estimated."""
    pieces = [
        Footage(
            path=Path(f"{i}.mp4"), content=str(i), seconds=length, width=640, height=360,
            cuts=tuple(np.arange(3.0, length, 7.0)), sound=True,
        )
        for i, length in enumerate(seconds)
    ]  # fmt: skip
    config = world_config(pieces, 16 * len(pieces), held_out=False)
    world = make_pasted(pieces, config, seed, spoken=spoken)
    films = [
        Film(
            path=Path(day.video),
            times_s=np.arange(day.frames + 1) / 8,
            frames_sha256="",
            lines=tuple(Placed(line, line.at_s, line.at_s + 3) for line in day.lines),
            scores={},
        )
        for day in world.days
    ]
    minutes = {
        day.video: float(round(length / 60))
        for day, length in zip(world.days, seconds, strict=True)
    }

    def screen(day: Day) -> Screen:
        return fitted(day, 640, 360)

    return gather(world, config, films, "heard", screen=screen, minutes=minutes)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("spoken", [False, True])
def test_plans_leave_most_of_long_footage_and_have_enough_to_ask(seed: int, spoken: bool) -> None:
    lengths = (40.5, 75.0, 185.0, 900.0, 3600.0)
    pool = undrawn(lengths, seed, spoken=spoken)
    for day, length in zip(pool.world.days, lengths, strict=True):
        assert all(a.last < b.first for a, b in pairwise(day.scenes))
        assert day.scenes[0].first > 0 and day.scenes[-1].last < day.frames
        covered = sum(scene.last - scene.first for scene in day.scenes) / day.frames
        assert covered < (0.55 if length < 180 else 0.35 if length < 600 else 0.12)
        kinds = [type(t.act) for scene in day.scenes for t in scene.acts]
        assert kinds.count(Put) >= 9 and kinds.count(Row) >= 9
        assert (kinds.count(Pass) > 0) == (length >= 180)
    rng = generator(seed, 0, 2, 0)
    drafts = choose(pool, rng, FAMILIES, least_decoys=DECOYS)
    items = write(pool, drafts, rng)
    assert len(items) == 80
    families = {item["family"] for item in items}
    assert families >= {"N1", "N3", "N4", "G1", "O1", "X1", "U1", "S1"}
    assert ("N2" in families) == spoken
    assert not families & {"M2", "R1", "D1"}
    assert {item["axes"]["length_min"] for item in items} <= {"1", "3", "15", "60"}


def test_small_and_large_pictures_get_letters_that_fit() -> None:
    one = Footage(
        path=Path("a"), content="a", seconds=60, width=1280, height=720, cuts=(), sound=False
    )
    config = world_config([one], 16, held_out=False)
    assert day_config(config, one).text_px == config.text_px
    assert day_config(config, replace(one, width=320, height=180)).text_px == (6, 8, 10, 12, 16)
    assert day_config(config, replace(one, width=90, height=160)).text_px == (6,)
    assert stage_size(1280, 720) == (1280, 720) and stage_size(640, 480) == (640, 360)
    assert stage_size(576, 1024) == (576, 324) and stage_size(1280, 536) == (952, 534)


def test_lines_are_said_over_footage_that_is_turned_down(
    footage: Path, found: list[Footage]
) -> None:
    day = days_of(found)[1]
    line = Line(
        kind="flight", text="", spoken="Flight K 4 7 boards at gate number 12.", subject="K47",
        value="12", at_s=3.2, speed=1.0, snr_db=30.0,
    )  # fmt: skip
    track = MixedTrack(found[1], replace(day, lines=(line,)), Piper(), seconds=44)
    heard = np.concatenate([track.read(second * 16_000) for second in range(1, 45)])
    [placed] = track.placed
    assert placed.start_s == pytest.approx(3.2) and 2 < placed.end_s - placed.start_s < 6
    inside = heard[round(3.2 * 16_000) : round(placed.end_s * 16_000)]
    assert float(np.sqrt(np.mean(np.square(inside)))) == pytest.approx(0.07, rel=0.15)
    click = heard[round(7.5 * 16_000) : round(7.52 * 16_000)]
    covered = heard[round(4.0 * 16_000) : round(4.02 * 16_000)]
    assert np.abs(click).max() == pytest.approx(0.8, abs=0.1)
    assert np.abs(covered).max() < 0.5
    assert len(heard) == 44 * 16_000
