"""Recall of planted moments by every preset, at equal budgets, in videos of 2 and 24 hours.

    python -m bench.selection [--quick]

The videos are made of numbers: shots of 4 to 40 s whose frames are alike, at one frame a second,
D = 512. A question has a direction, and everything below shows in the cosine with it.

- Events: four moments of 6 s that answer the question, each in another shot (+0.16).
- Distractors: twelve stretches of 20 to 60 s that look somewhat like it (+0.08).
- A still of 10 minutes that looks more like it than the events do (+0.17), with hardly a
  difference between its frames: what pure relevance wastes its frames on.
- Noise of 0.03 a frame, as between CLIP cosines of neighbouring frames.

Recall is the share of events of which at least one frame was chosen, whatever its size. `quota`
gets no answers of a model and `focus` a probe that gives these cosines; a column says how many
frames it asked for. Times are CPU seconds of one thread, the slowest of the budgets, without
gathering signals.
"""

import argparse
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from longtake.index.lanes import F32
from longtake.tools.select.choose import choose
from longtake.tools.select.composition import Selection
from longtake.tools.select.items import F64, Items, Signals
from longtake.tools.select.presets import PRESETS

DIMENSION = 512
BUDGETS = (8, 16, 32, 64)
EVENTS = 4
EVENT_S = 6
LIMIT_S = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one video a length")
    quick = parser.parse_args().quick
    for hours, videos in ((2, 1 if quick else 20), (24, 1 if quick else 3)):
        made = [video(hours * 3600, seed) for seed in range(videos)]
        print(f"\n{hours} h at 1 fps, {videos} videos, {EVENTS} events each of {EVENT_S} s\n")
        head = " | ".join(f"recall @{budget}" for budget in BUDGETS)
        print(f"| preset | {head} | frames chosen @64 | scored | CPU s |")
        print("|---" * (len(BUDGETS) + 4) + "|")
        for name in PRESETS:
            print(row(name, made), flush=True)


def row(name: str, made: "list[tuple[Items, Signals, F64]]") -> str:
    """A line of the table."""
    recalls = []
    slowest = 0.0
    last: list[Selection] = []
    for budget in BUDGETS:
        found = []
        last = []
        for items, signals, events in made:
            began = time.thread_time()
            selection = choose(name, items, signals, budget)
            slowest = max(slowest, time.thread_time() - began)
            found.append(recall(selection, events))
            last.append(selection)
        recalls.append(float(np.mean(found)))
    cells = " | ".join(f"{value:.2f}" for value in recalls)
    frames = np.mean([len(selection.picks) for selection in last])
    scored = max(selection.scored for selection in last)
    late = "" if slowest < LIMIT_S else " LATE"
    return f"| {name} | {cells} | {frames:.0f} | {scored or ''} | {slowest:.2f}{late} |"


def recall(selection: Selection, events: F64) -> float:
    """Share of the events that a chosen frame lies in."""
    times = np.array(selection.times)
    return float(np.mean([((times >= e) & (times < e + EVENT_S)).any() for e in events]))


def video(seconds: int, seed: int) -> tuple[Items, Signals, F64]:
    """Frames, signals, and the seconds at which the events begin."""
    rng = np.random.default_rng(seed)
    query = _unit(rng.normal(size=(1, DIMENSION)))[0]
    lengths = rng.integers(4, 41, seconds // 4)
    shots = np.repeat(np.arange(len(lengths)), lengths)[:seconds]
    rows = _unit(rng.normal(size=(len(lengths), DIMENSION)))[shots]
    rows += 0.35 * _unit(rng.normal(size=(seconds, DIMENSION)))
    still = int(rng.integers(0, seconds - 600))
    rows[still : still + 600] = rows[still] + 0.02 * _unit(rng.normal(size=(600, DIMENSION)))
    lift = rng.normal(scale=0.03, size=seconds)
    lift[still : still + 600] = 0.17 + rng.normal(scale=0.005, size=600)
    free = np.setdiff1d(np.arange(60, seconds - 60), np.arange(still - 60, still + 660))
    for start in rng.choice(free, 12):
        lift[start : start + int(rng.integers(20, 61))] += 0.08
    events = np.sort(rng.choice(free[:: len(free) // 40], EVENTS, replace=False))
    for start in events:
        lift[start : start + EVENT_S] = 0.16 + rng.normal(scale=0.02, size=EVENT_S)
    features = _aimed(_unit(rows), query, lift)
    relevance = (features @ query).astype(np.float64)
    change = np.zeros(seconds)
    change[1:] = 1.0 - np.einsum("nd,nd->n", features[1:], features[:-1])
    signals = Signals(frame_text=relevance, query=query, change=change, probe=relevance.__getitem__)
    return Items.of(np.arange(seconds), features), signals, events.astype(np.float64)


def _aimed(rows: F32, query: F32, cosines: F64) -> F32:
    """The rows turned so that these are their cosines with the question, 0.2 added to each."""
    across = _unit(rows - np.outer(rows @ query, query))
    wanted = np.clip(0.2 + cosines, -0.9, 0.9).astype(np.float32)[:, None]
    turned: F32 = (wanted * query + np.sqrt(1 - wanted**2) * across).astype(np.float32)
    return turned


def _unit(rows: "F64 | F32") -> F32:
    unit: F32 = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


if __name__ == "__main__":
    main()
