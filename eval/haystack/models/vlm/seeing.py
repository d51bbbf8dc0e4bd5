"""First lesson: what every part of a frame shows. The vision tower learns it by itself, with heads
that are thrown away, because a label for each of a frame's tokens teaches it far faster than the
words of answers do."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from longtake.eval.haystack.models.vlm.cards import card
from longtake.eval.haystack.models.vlm.facts import Facts
from longtake.eval.haystack.models.vlm.footage import SIZE, Reel, any_reel
from longtake.eval.haystack.models.vlm.labels import HEADS, READ_AT, labels, patches
from longtake.eval.haystack.models.vlm.together import agreed, average, place
from longtake.eval.haystack.sets import Box

SCALES = (0.45, 0.6, 0.7, 0.7, 0.85, 1.0)
"""Of the frame of a square."""
SQUARE = 112
"""Pixels of a square's side."""
SHIFT = 30
"""Pixels by which a square's middle is off the thing that it shows, at most."""
SQUARES, CARDS = 40, 64
"""In a batch."""
CARD_BATCHES = 5
"""To one of squares."""
MUON_LR, ADAM_LR = 0.02, 2e-3
NOTHING = 0.15
"""Weight of class 0, which most tokens have."""
LETTERING = 0.15
"""Weight of the heads that read letters, which learn long after all others."""

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""Pictures laid out, f32 [patches, 1176]; their rows and columns of patches, i64 [pictures, 3]; and
labels, i64 [tokens, heads]."""


class Heads(nn.Module):
    """A linear layer a question."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.sizes = [1 + len(words) for words in HEADS.values()]
        self.linear = nn.Linear(size, sum(self.sizes))

    def forward(self, tokens: torch.Tensor) -> list[torch.Tensor]:
        """[tokens, size] -> logits of each head, [tokens, classes]."""
        return list(self.linear(tokens).split(self.sizes, dim=-1))

    def loss(self, tokens: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """Sum over heads of the cross entropy; none of these counts little.

        Args:
            tokens: [tokens, size].
            wanted: i64 [tokens, heads].
        """
        total = torch.zeros(())
        for i, (head, logits) in enumerate(zip(HEADS, self(tokens), strict=True)):
            weight = torch.tensor([NOTHING] + [1.0] * (self.sizes[i] - 1))
            loss = nn.functional.cross_entropy(logits.float(), wanted[:, i], weight=weight)
            total = total + (LETTERING if head in READ_AT else 1.0) * loss
        return total


def squares(rng: np.random.Generator, days: Sequence[Reel], count: int) -> Batch:
    """Small squares around what frames show, at several sizes of the frame."""
    made: list[tuple[NDArray[np.uint8], Facts]] = []
    while len(made) < count:
        reel = any_reel(rng, days)
        still = reel.stills[int(rng.integers(len(reel.stills)))]
        busy = still.facts.actor or still.facts.vehicle
        if not still.facts.seen or (not busy and rng.random() < 0.5):
            continue
        scale = float(rng.choice(SCALES))
        size = (round(SIZE[0] * scale), round(SIZE[1] * scale))
        pixels = np.asarray(still.picture(SIZE[0]).resize(size, Image.Resampling.BICUBIC))
        facts = still.facts.cut((0, 0, *SIZE), scale)
        for one in facts.seen:
            if rng.random() >= 0.3:
                x, y = _around(rng, one.box, size)
                part = facts.cut((x, y, x + SQUARE, y + SQUARE), 1.0)
                made.append((pixels[y : y + SQUARE, x : x + SQUARE], part))
    return _laid_out(made[:count])


def _around(rng: np.random.Generator, box: Box, size: tuple[int, int]) -> tuple[int, int]:
    """Left and top of a square inside the picture that has a box near its middle."""
    middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    x, y = (
        int(np.clip(at + rng.uniform(-SHIFT, SHIFT) - SQUARE / 2, 0, side - SQUARE))
        for at, side in zip(middle, size, strict=True)
    )
    return x, y


def cards(rng: np.random.Generator, count: int) -> Batch:
    """Flash cards."""
    return _laid_out([card(rng) for _ in range(count)])


def _laid_out(pictures: Iterable[tuple[NDArray[np.uint8], Facts]]) -> Batch:
    values, grids, wanted = [], [], []
    for pixels, facts in pictures:
        value, grid = patches(pixels)
        values.append(value)
        grids.append(grid)
        height, width = pixels.shape[:2]
        wanted.append(labels(facts, width, height).reshape(-1, len(HEADS)))
    return (
        torch.from_numpy(np.concatenate(values)),
        torch.tensor(grids),
        torch.from_numpy(np.concatenate(wanted)),
    )


def learn_to_see(
    tower: Any,
    heads: Heads,
    days: Sequence[Reel],
    *,
    seed: int,
    minutes: float,
    tell: Callable[[int, float, float], None],
) -> None:
    """Train the tower and its heads for so many minutes.

    Args:
        tower: Qwen2.5-VL's, of transformers.
        tell: gets step, loss and seconds, every fifty steps.
    """
    rng = np.random.default_rng((seed, place()))
    matrices = [p for n, p in tower.named_parameters() if p.ndim == 2 and "patch_embed" not in n]
    rest = [p for n, p in tower.named_parameters() if p.ndim != 2 or "patch_embed" in n]
    muon = torch.optim.Muon(matrices, lr=MUON_LR, weight_decay=0.01)
    adam = torch.optim.AdamW([*rest, *heads.parameters()], lr=ADAM_LR, weight_decay=0.01)
    learners: tuple[torch.optim.Optimizer, ...] = (muon, adam)
    tower.train()
    started, step, running = time.time(), 0, 0.0
    while (share := agreed((time.time() - started) / (60 * minutes))) < 1:
        rate = min(1.0, (step + 1) / 30) * max(0.1, 1 - share)
        muon.param_groups[0]["lr"], adam.param_groups[0]["lr"] = MUON_LR * rate, ADAM_LR * rate
        of_squares = step % (1 + CARD_BATCHES) == 0
        values, grids, wanted = squares(rng, days, SQUARES) if of_squares else cards(rng, CARDS)
        with torch.autocast("cpu", torch.bfloat16):
            loss = heads.loss(tower(values, grid_thw=grids).pooler_output, wanted)
        for learner in learners:
            learner.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        average([*tower.parameters(), *heads.parameters()])
        for learner in learners:
            learner.step()
        running = loss.item() if not step else 0.95 * running + 0.05 * loss.item()
        if step % 50 == 0:
            tell(step, running, time.time() - started)
        step += 1
