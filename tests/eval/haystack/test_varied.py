"""Options that came later: irregular times, boards that are hard to read, counts without a prior;
and that worlds without them are what they were."""

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import replace
from fractions import Fraction
from importlib import metadata
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from longtake.eval.haystack.acts import Look, Row
from longtake.eval.haystack.config import Suite, WorldConfig, config_hash
from longtake.eval.haystack.draw import Painter
from longtake.eval.haystack.generate import generate
from longtake.eval.haystack.items import choose, write
from longtake.eval.haystack.sequences import c1
from longtake.eval.haystack.sprites import font
from longtake.eval.haystack.stamps import stamps_of
from longtake.eval.haystack.suites import SUITES, suite
from longtake.eval.haystack.truth import act_told
from longtake.eval.haystack.wording import Wording
from longtake.eval.haystack.world import generator, make_world
from longtake.eval.haystack.written import turned
from tests.eval.haystack.test_made import acts, change, frames
from tests.eval.haystack.undrawn import pool_of

TINY = WorldConfig(
    days=1, seconds=24, items=6, width=320, height=180, fps=8, text_px=(8, 16),
    needle_s=(0.5, 2.0), needle_shares=(0.25, 0.75), rooms=4,
)  # fmt: skip
VARIED = replace(
    TINY,
    irregular=True,
    text_contrast=(0.5,),
    text_degrees=(-4.0, 4.0),
    text_blur_px=(2,),
    counts="occurring",
)


def digest(told: object) -> str:
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def test_the_first_suites_are_what_they_were() -> None:
    """Hashes from before there were these options."""
    assert config_hash(suite("smoke"), "piper")[:16] == "4e37c6e6718202ef"
    assert config_hash(suite("dev", held_out=True), "given")[:16] == "363beb21741dfca1"
    pool = pool_of(suite("smoke"), 0, 3)
    rng = generator(3, 0, 2, 0)
    assert digest(write(pool, choose(pool, rng), rng)) == "d70358a6409124de"
    assert digest([act_told(event) for event in pool.events]) == "b2b6529854cd32e5"


@pytest.mark.skipif(
    (metadata.version("numpy"), metadata.version("pillow")) != ("2.4.6", "13.0.0"),
    reason="other versions may draw other pixels",
)
def test_their_frames_are_what_they_were() -> None:
    painter = Painter(make_world(suite("smoke"), 0, 3).days[0], 640, 360)
    drawn = hashlib.sha256()
    for number in range(480):
        drawn.update(painter.frame(number).tobytes())
    assert drawn.hexdigest()[:16] == "cf6e98fc85ec330f"


def test_the_hash_tells_the_options_apart() -> None:
    changed: list[WorldConfig] = [
        replace(TINY, counts="occurring"),
        replace(TINY, irregular=True),
        replace(TINY, text_contrast=(0.5,)),
        replace(TINY, text_degrees=(3.0,)),
        replace(TINY, text_blur_px=(2,)),
    ]
    hashes = {config_hash(Suite(name="x", worlds=(world,)), "given") for world in (TINY, *changed)}
    assert len(hashes) == 6


def test_irregular_stamps_ascend_and_no_two_frames_together_are_left_out() -> None:
    for seed in range(5):
        day = make_world(Suite(name="x", worlds=(replace(VARIED, seconds=300),)), 0, seed).days[0]
        stamps = stamps_of(day, VARIED)
        assert stamps.base == Fraction(1, 90_000)
        assert (np.diff(stamps.ticks) > 0).all() and stamps.ticks[0] == 0
        late = stamps.ticks / 90_000 - np.arange(day.frames) / 8
        assert late.min() >= 0 and 0.05 < late.max() < 0.7 / 8 + 1e-4
        assert not (~stamps.kept[1:] & ~stamps.kept[:-1]).any()
        assert stamps.kept[::48].all()
        assert 0.1 < 1 - stamps.kept.mean() < 0.2


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("varied")
    generate(Suite(name="varied", worlds=(VARIED,)), folder, 3, speaker=None)
    return folder


def test_acts_begin_and_end_at_their_very_frames_also_at_irregular_times(varied: Path) -> None:
    [path] = (varied / "videos").glob("*.mp4")
    film = frames(path)
    times = [time for time, _ in film]
    steps = {round(b - a, 3) for a, b in pairwise(times)}
    assert len(steps) > 20 and max(steps) > 1.5 / 8
    [account] = json.loads((varied / "truth" / "worlds.json").read_text())["worlds"]
    assert account["videos"][0]["frames"] == len(film) < 24 * 8
    tried = 0
    for act in acts(varied):
        if act["kind"] not in ("row", "pass", "put"):
            continue
        first = min(range(len(times)), key=lambda i: abs(times[i] - act["t0"]))
        last = min(range(len(times)), key=lambda i: abs(times[i] - act["t1"]))
        assert times[first] == pytest.approx(act["t0"], abs=1e-6)
        assert times[last] == pytest.approx(act["t1"], abs=1e-6)
        box = None if act["kind"] == "put" else act["box"]
        for outer, edge, inner in ((first - 2, first - 1, first), (last + 1, last, last - 1)):
            still = change(film[outer][1], film[edge][1], box)
            if still > 5:  # a cut or a fade just there
                continue
            assert change(film[edge][1], film[inner][1], box) > 2 * still, act
            tried += 1
    assert tried >= 12
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        keys = [p.pts for p in container.demux(stream) if p.is_keyframe]
        assert len(keys) == 4


def test_items_about_boards_say_how_they_are_written(varied: Path) -> None:
    lines = (varied / "truth" / "items.jsonl").read_text().splitlines()
    told = [json.loads(line)["axes"] for line in lines]
    looks = [axes for axes in told if "px" in axes]
    assert looks
    for axes in looks:
        assert (axes["contrast"], axes["degrees"], axes["blur_px"]) == ("0.5", "4", "2")
    rows = [act for act in acts(varied) if act["kind"] == "row"]
    assert all(row["look"]["blur_px"] == 2 for row in rows)
    assert {row["look"]["degrees"] for row in rows} <= {-4.0, 4.0}


def written(look: Look | None) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.int64]], Row]:
    """What a row adds to its board's picture, [H, W] in grey levels; and the row."""
    world = make_world(Suite(name="x", worlds=(replace(TINY, text_px=(12,)),)), 0, 2)
    day = world.days[0]
    scene = next(scene for scene in day.scenes if scene.place == "board" and scene.acts)
    still = replace(
        scene,
        camera=replace(scene.camera, start=(0.0, 0.0), end=(0.0, 0.0)),
        light=(1.0, 1.0), tint=(1.0, 1.0, 1.0), fade_in=0, fade_out=0,
    )  # fmt: skip
    timed = next(t for t in scene.acts if isinstance(t.act, Row) and t.act.place == 1)
    assert isinstance(timed.act, Row)
    row = replace(timed.act, look=look)
    pages = []
    for shown in ((), (replace(timed, act=row),)):
        painter = Painter(replace(day, scenes=(replace(still, acts=shown),)), 320, 180)
        pages.append(painter.frame(timed.first).astype(int).mean(axis=2))
    return np.abs(pages[1] - pages[0]).astype(int), row


def test_contrast_blur_and_turn_change_the_letters_as_they_say() -> None:
    usual, row = written(None)
    straight, _ = written(Look(1.0, 0.0, 0))
    pale, _ = written(Look(0.25, 0.0, 0))
    smeared, _ = written(Look(1.0, 0.0, 9))
    moved = [np.roll(straight, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    assert min(np.abs(usual - page).mean() for page in moved) < 0.2
    assert pale.max() == pytest.approx(0.25 * usual.max(), abs=6)
    edges = [int(np.abs(np.diff(page, axis=1)).sum()) for page in (usual, smeared)]
    assert edges[1] < 0.6 * edges[0]
    assert smeared.sum() == pytest.approx(usual.sum(), rel=0.15)

    def extent(page: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> tuple[int, int]:
        ys, xs = np.nonzero(page > 20)
        return int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1

    for degrees in (-5.0, 5.0):
        tilted, _ = written(Look(1.0, degrees, 0))
        width = font(12).getlength(row.text)
        box = turned((0, 0, width, 12), degrees)
        across, down = extent(tilted)
        assert across == pytest.approx(box[2], abs=4)
        assert down == pytest.approx(box[3] - box[1], abs=4)
        ys, xs = np.nonzero(tilted > 20)
        rising = np.polyfit(xs, ys, 1)[0]
        assert np.degrees(np.arctan(-rising)) == pytest.approx(degrees, abs=1)


def best_priors(counts: str, seeds: range) -> tuple[int, float, float]:
    """Drafts, and accuracy of the best fixed rank and of the best guess for each set of options,
    chosen with knowledge of the answers; halves of the drafts teach, the others are answered."""
    world = replace(SUITES["dev"].worlds[0], counts="occurring" if counts == "new" else "around")
    made = Suite(name="dev", worlds=(world,))
    asked: list[tuple[tuple[int, ...], int]] = []
    for seed in seeds:
        pool = pool_of(made, 0, seed)
        rng = np.random.default_rng(seed)
        for draft in c1(pool, rng, Wording(rng, held_out=False)):
            if draft.wrong:
                options = tuple(sorted(int(o) for o in (draft.right, *draft.wrong)))
                assert len(set(options)) == 5
                asked.append((options, int(draft.right)))
    taught, tested = asked[::2], asked[1::2]
    ranks = Counter(options.index(right) for options, right in taught)
    [(rank, _)] = ranks.most_common(1)
    by_number: dict[int, list[float]] = defaultdict(list)
    for options, right in taught:
        for option in options:
            by_number[option].append(float(option == right))
    worth = {number: float(np.mean(hits)) for number, hits in by_number.items()}
    fixed = float(np.mean([options[rank] == right for options, right in tested]))
    guessed = [max(o, key=lambda n: worth.get(n, 0.0)) == right for o, right in tested]
    return len(tested), fixed, float(np.mean(guessed))


def test_occurring_counts_have_no_prior_and_those_around_have() -> None:
    tested, rank, number = best_priors("new", range(12))
    error = (0.2 * 0.8 / tested) ** 0.5
    assert tested > 80
    assert rank < 0.2 + 3 * error and number < 0.2 + 3 * error
    _, rank, number = best_priors("old", range(4))
    assert rank > 0.35 and number > 0.35


def test_every_varied_world_has_enough_to_ask() -> None:
    made = suite("varied")
    for index, world in enumerate(made.worlds):
        pool = pool_of(made, index, 0)
        rng = generator(0, index, 2, 0)
        assert len(write(pool, choose(pool, rng), rng)) == world.items
