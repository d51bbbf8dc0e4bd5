"""How well the small model that sees answers short questions about frames of worlds that it has not
seen, through the very backend that any local model runs in:

    python -m longtake.eval.haystack.models.vlm.exam FOLDER --footage DIR

Prints a table in Markdown: by subject and by height of what is asked for, in pixels as sent, the
share of right answers and how many were asked.
"""

import argparse
import asyncio
import io
import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from longtake.config import Settings
from longtake.eval.haystack.models.frames import HELD_OUT
from longtake.eval.haystack.models.vlm.footage import SIZE, Reel, Still, reels, shoot_all
from longtake.eval.haystack.models.vlm.frame_questions import ANY_HEIGHT, short_questions
from longtake.eval.haystack.models.vlm.lessons import short_request
from longtake.tools.vlm.local import LocalVlm
from longtake.tools.vlm.messages import Picture

DAYS, FRAMES = 3, 300
QUESTIONS = 4
"""About each frame."""
WIDTHS = (224, 336, 448, 640)
"""Pixels of frames as sent."""
QUALITY = 88
"""Of their JPEG."""
HEIGHTS = (12, 20, 28, 40, 64)
"""Bounds of the buckets of heights, in pixels as sent."""
ANY = "-"
"""Bucket of what does not depend on size."""
BUCKETS = (
    ANY,
    f"<{HEIGHTS[0]}",
    *(f"{low}-{high}" for low, high in pairwise(HEIGHTS)),
    f">={HEIGHTS[-1]}",
)

Tally = dict[str, dict[str, tuple[int, int]]]
"""Right answers and questions asked, by subject and bucket of height."""


def bucket(height: float) -> str:
    """`<12`, `12-20`, ..., `>=64`; `-` where size does not matter."""
    if height == ANY_HEIGHT:
        return ANY
    return BUCKETS[1 + int(np.searchsorted(HEIGHTS, height, side="right"))]


def sent(still: Still, time: float, width: int, key: str) -> Picture:
    """A frame as longtake would send it, `width` pixels wide."""
    size = (width, width * SIZE[1] // SIZE[0])
    picture = still.picture(SIZE[0]).resize(size, Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=QUALITY)
    return Picture(jpeg=buffer.getvalue(), width=size[0], height=size[1], time=time, key=key)


async def examine(folder: Path, days: Sequence[Reel], count: int, *, seed: int = 0) -> Tally:
    """Ask four questions about each of `count` frames of these days.

    Args:
        folder: the model's, in the hub's format.
    """
    rng = np.random.default_rng(seed)
    vlm = LocalVlm(str(folder), Settings(offline=True))
    tally: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    frames = [(reel, still) for reel in days for still in reel.stills if still.facts.seen]
    for at in rng.permutation(len(frames))[:count]:
        reel, still = frames[at]
        width = int(rng.choice(WIDTHS))
        picture = sent(still, still.number / reel.fps, width, f"{at}")
        facts = still.facts.cut((0, 0, *SIZE), width / SIZE[0])
        asked = short_questions(rng, facts)[:QUESTIONS]
        requests = [short_request(one.asked, picture) for one in asked]
        replies = await asyncio.gather(*map(vlm.ask, requests))
        for one, reply in zip(asked, replies, strict=True):
            cell = tally[one.subject][bucket(one.height)]
            cell[0] += reply.text.strip() == one.answer
            cell[1] += 1
    await vlm.close()
    return {s: {b: (n[0], n[1]) for b, n in cells.items()} for s, cells in tally.items()}


def table(tally: Tally) -> str:
    """In Markdown: share right and how many were asked, by subject and height."""
    lines = ["| subject | " + " | ".join(BUCKETS) + " |", "|---" * (len(BUCKETS) + 1) + "|"]
    together = {
        name: (
            sum(cells.get(name, (0, 0))[0] for cells in tally.values()),
            sum(cells.get(name, (0, 0))[1] for cells in tally.values()),
        )
        for name in BUCKETS
    }
    for subject, cells in [*sorted(tally.items()), ("all", together)]:
        shown = [
            f"{right / asked:.2f} ({asked})" if asked else ""
            for right, asked in (cells.get(name, (0, 0)) for name in BUCKETS)
        ]
        lines.append(f"| {subject} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--footage", type=Path, required=True, help="where drawn frames are kept")
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--json", action="store_true", help="print counts as JSON instead")
    given = parser.parse_args()
    shoot_all(given.footage, DAYS, first_seed=HELD_OUT)
    counted = asyncio.run(examine(given.folder, reels(given.footage), given.frames))
    sys.stdout.write((json.dumps(counted) if given.json else table(counted)) + "\n")


if __name__ == "__main__":
    main()
