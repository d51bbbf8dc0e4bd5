"""Train the encoder on one core of a CPU:

    python -m longtake.eval.haystack.models.train_encoder FOLDER --pool POOL --minutes 50

Frames are drawn into POOL first (150 KB each; some 20 s a thousand) and used again by the
next run. For the first part frames are shown at 160 px, then at 224 px. How long it learns is told
in minutes, so that two runs are alike, not equal.
"""

import argparse
import logging
import math
import time
from collections import deque
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from longtake.eval.haystack.models.captions import Caption, Captioner, Facts
from longtake.eval.haystack.models.clip import (
    SIZE,
    WEIGHTS,
    embed_frames,
    embed_texts,
    make_model,
    save_model,
)
from longtake.eval.haystack.models.facts import FACTS
from longtake.eval.haystack.models.frames import TRAINING, U8, facts_in, small_frames, stored_in
from longtake.eval.haystack.models.lessons import Readers, marked, placed, ranking_loss, truth
from longtake.eval.haystack.models.spots import Spot, SpotReaders, spots_in
from longtake.eval.haystack.models.tokenizer import make_tokenizer

WORLDS = 400
BATCH = 32
VISITED = 14
"""Frames of a batch that surely have an actor; of the others 43 % have one."""
SMALL, SMALL_SHARE = 160, 0.3
"""Pixels a side at first, where training starts from nothing, and for how much of the time."""
RATE, WARM_UP = 1.5e-3, 200
READING = 0.5
"""Weight of what classifiers read from embeddings, at first."""
TEXT_RATE = 0.5
"""Of the text tower, relative to the image tower's."""
SHIFT = 4
"""Pixels by which frames are moved about."""
REMEMBERED = 12
"""Batches whose embeddings serve as further frames to tell apart, after the first quarter."""
SHARPEST = 80.0
"""Largest factor on cosines."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Frames to learn from."""

    worlds: list[U8]
    """[n, SIZE, SIZE, 3] each."""
    facts: list[Facts]
    """Of all frames in order."""
    shown: torch.Tensor
    """f32 [frames, FACTS]"""
    stored: torch.Tensor
    """What stands where, i64 [frames, SLOTS, 2]."""
    spots: list[list[Spot]]
    """Of all frames in order."""

    @classmethod
    def drawn(cls, folder: Path, seeds: range) -> "Pool":
        """Of all frames of these worlds, drawn where `folder` lacks them."""
        worlds = [small_frames(folder, seed, SIZE) for seed in seeds]
        found = [facts for seed in seeds for facts in facts_in(seed)]
        stored = placed(chain(*map(stored_in, seeds)))
        spots = list(chain(*map(spots_in, seeds)))
        return cls(worlds, found, marked(found), stored, spots)

    def batch(self, rng: np.random.Generator) -> tuple[U8, list[int]]:
        """Random frames, some of them surely with an actor, moved a little, and their numbers."""
        starts = np.cumsum([0, *map(len, self.worlds)])
        visited = np.flatnonzero(self.shown[:, FACTS["actor"]].numpy())
        some, any_ = rng.choice(visited, VISITED), rng.integers(starts[-1], size=BATCH - VISITED)
        numbers = np.sort(np.concatenate([some, any_]))
        worlds = np.searchsorted(starts, numbers, "right") - 1
        frames = np.stack(
            [self.worlds[w][n - starts[w]] for w, n in zip(worlds, numbers, strict=True)]
        )
        down, right = rng.integers(-SHIFT, SHIFT + 1, 2)
        moved = np.roll(frames, (down, right), (1, 2))
        return moved, numbers.tolist()


class Teacher:
    """Goes through batches with a model."""

    def __init__(
        self, pool: Pool, seed: int, *, start: Path | None = None, rate: float = RATE
    ) -> None:
        torch.manual_seed(seed)
        self._rate = rate
        self._rng = np.random.default_rng(seed)
        self._pool, self._captioner = pool, Captioner(self._rng)
        self.tokenizer = make_tokenizer(range(TRAINING, TRAINING + 40))
        self.model = make_model(len(self.tokenizer))
        if start:
            self.model.load_state_dict(load_file(start / WEIGHTS))
        self._small_share = 0.0 if start else SMALL_SHARE
        self._readers, self._spot_readers = Readers(), SpotReaders(self.model.visual)
        readers = chain(self._readers.parameters(), self._spot_readers.parameters())
        groups = (
            (1.0, [*self.model.visual.parameters(), *readers]),
            (TEXT_RATE, [*self.model.text.parameters(), self.model.logit_scale]),
        )
        self._parameters = [p for _, group in groups for p in group]
        self._optimizer = torch.optim.AdamW(
            [
                {"params": [p for p in group if (p.ndim > 1) == decays], "part": part,
                 "weight_decay": 0.02 if decays else 0.0}
                for part, group in groups
                for decays in (True, False)
            ],
            betas=(0.9, 0.98),
        )  # fmt: skip
        self._memory: deque[tuple[torch.Tensor, torch.Tensor]] = deque(maxlen=REMEMBERED)
        self.steps = 0

    def step(self, done: float) -> dict[str, float]:
        """One batch; `done` is the share of training behind, 0 to 1. What was got right."""
        frames, numbers = self._pool.batch(self._rng)
        shown = self._pool.shown[numbers]
        light = torch.from_numpy(
            self._rng.uniform(0.94, 1.06, (BATCH, 3, 1, 1))
            * self._rng.uniform(0.85, 1.12, (BATCH, 1, 1, 1))
        ).float()
        captions = self._captions([self._pool.facts[number] for number in numbers])
        true = truth(captions, shown)
        with torch.autocast("cpu", torch.bfloat16):
            size = SMALL if done < self._small_share else SIZE
            embeddings = embed_frames(self.model, frames, size=size, light=light)
            # alike lengths together
            texts = [caption.text for caption in captions]
            parts = (texts[: BATCH // 2], texts[BATCH // 2 : 3 * BATCH // 2], texts[-BATCH:])
            said = torch.cat([embed_texts(self.model, self.tokenizer, part) for part in parts])
        gathered = self.model.visual.attnpool.gathered.float()
        seen_loss, right = self._readers(embeddings, gathered, shown, self._pool.stored[numbers])
        spot_loss, spots_right = self._spot_readers(
            [self._pool.spots[number] for number in numbers]
        )
        seen, said = (torch.nn.functional.normalize(x, dim=-1) for x in (embeddings, said))
        scale = self.model.logit_scale.exp().clamp(max=SHARPEST)
        others, true_of = seen, true
        if self._memory and done > 0.25:
            others = torch.cat([seen, *(vectors for vectors, _ in self._memory)])
            remembered = torch.cat([marks for _, marks in self._memory])
            true_of = torch.cat([true, truth(captions, remembered)], 1)
        to_frames = ranking_loss(scale * said @ others.T, true_of)
        to_texts = ranking_loss(scale * seen @ said.T, true.T)
        weight = READING if done < 0.7 else READING / 2
        self._learn(to_frames + to_texts + weight * (seen_loss + spot_loss), done)
        self._memory.append((seen.detach(), shown))
        return {"texts": to_frames.item(), "frames": to_texts.item(), **right, **spots_right}

    def _captions(self, found: list[Facts]) -> list[Caption]:
        """A full caption of every other frame, then two partial ones of each, short ones first."""
        full = [self._captioner.full(facts) for facts in found[::2]]
        partial = [self._captioner.partial(facts) for facts in found for _ in range(2)]
        return full + sorted(partial, key=lambda caption: len(caption.text))

    def _learn(self, loss: torch.Tensor, done: float) -> None:
        rate = self._rate * min(1.0, (self.steps + 1) / WARM_UP)
        rate *= 0.02 + 0.98 * (1 + math.cos(math.pi * done)) / 2
        for group in self._optimizer.param_groups:
            group["lr"] = rate * group["part"]
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._parameters, 2.0)
        self._optimizer.step()
        self.steps += 1


def train(teacher: Teacher, folder: Path, *, minutes: float) -> int:
    """Train for so long and save the model to `folder`; how many steps it took."""
    began, saved = time.monotonic(), time.monotonic()
    mean: dict[str, float] = {}
    while (done := (time.monotonic() - began) / (60 * minutes)) < 1:
        for name, value in teacher.step(done).items():
            mean[name] = 0.95 * mean.get(name, value) + 0.05 * value
        if teacher.steps % 100 == 0:
            told = ", ".join(f"{name} {value:.2f}" for name, value in mean.items())
            _log.info("step %d, %.0f %%: %s", teacher.steps, 100 * done, told)
        if time.monotonic() - saved > 300:
            save_model(teacher.model, teacher.tokenizer, folder)
            saved = time.monotonic()
    save_model(teacher.model, teacher.tokenizer, folder)
    return teacher.steps


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pool", type=Path, required=True, help="where drawn frames are kept")
    parser.add_argument("--minutes", type=float, default=50)
    parser.add_argument("--worlds", type=int, default=WORLDS)
    parser.add_argument("--start", type=Path, help="go on from the weights in this folder")
    parser.add_argument("--rate", type=float, default=RATE, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    pool = Pool.drawn(options.pool, range(TRAINING, TRAINING + options.worlds))
    _log.info("%d frames of %d worlds", len(pool.facts), len(pool.worlds))
    teacher = Teacher(pool, options.seed, start=options.start, rate=options.rate)
    steps = train(teacher, options.folder, minutes=options.minutes)
    _log.info("%d steps", steps)


if __name__ == "__main__":
    main()
