"""Between the lessons: what the tower sees is put into the language model's own words.

The last layer of the tower's merger is changed so that a token of a picture comes out near the sum
of the embeddings of the words for what it shows, and the language model reads pictures as it reads
lines. Trained without this, it found no colour in a frame within 350 steps.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from longtake.eval.haystack.models.vlm.footage import Reel, any_reel
from longtake.eval.haystack.models.vlm.labels import (
    HEADS,
    READ_AT,
    cropped,
    labels,
    patches,
    rescaled,
)
from longtake.eval.haystack.models.vlm.seeing import Heads

KINDS = {
    "coat": "coat",
    "hat": "hat",
    "badge": "badge",
    "hand shape": "carry",
    "thing shape": "thing",
    "vehicle": "vehicle",
    "picture": "picture",
}
"""The word for what a head is about, named beside its own."""
KIND, MINOR = 0.7, 0.5
"""Weights of that word, and of places and characters, beside 1 for all others."""
UNSAID = ("hat itself", "badge itself")
"""Heads of whose words the actor's tokens speak already."""
KEPT = 0.4
"""Of what came out before."""
FRAMES = 160
NOTHING = 0.15
"""Weight of tokens that show nothing."""
RIDGE = 1e-4
"""Of the least squares, a share of the tokens."""
WIDTHS = (280, 336, 448, 448, 640)
CROPS = 0.2


@torch.no_grad()
def speak(model: Any, heads: Heads, tokenizer: Any, days: Sequence[Reel], *, seed: int) -> float:
    """Change the tower's last layer, and the heads with it.

    Returns:
        Share of the words' variance that the tokens have then, over tokens that show something.
    """
    tower = model.model.visual
    shown, labelled = _seen(tower, days, np.random.default_rng(seed))
    words = _words(model.model.language_model.embed_tokens.weight, tokenizer)
    wanted = sum(table[labelled[:, i]] for i, table in enumerate(words))
    assert isinstance(wanted, torch.Tensor)
    something = (labelled[:, : list(HEADS).index("place")] > 0).any(1)
    weight = torch.where(something, 1.0, NOTHING)[:, None]
    given = torch.cat([shown, torch.ones(len(shown), 1)], 1)
    square = (given * weight).T @ given + RIDGE * len(given) * torch.eye(given.shape[1])
    found = torch.linalg.solve(square, (given * weight).T @ wanted)
    missed = (given @ found - wanted)[something].square().sum()
    spread = (wanted - wanted[something].mean(0))[something].square().sum()
    change = found[:-1].T + KEPT * torch.eye(shown.shape[1])
    last = tower.merger.mlp[2]
    last.weight.copy_(change @ last.weight)
    last.bias.copy_(change @ last.bias + found[-1])
    back = torch.linalg.solve(change.T, heads.linear.weight.T).T
    heads.linear.weight.copy_(back)
    heads.linear.bias.sub_(back @ found[-1])
    return float(1 - missed / spread)


def _seen(
    tower: Any, days: Sequence[Reel], rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """[tokens, width]: what the tower makes of frames; [tokens, heads]: what they show."""
    tokens: list[torch.Tensor] = []
    labelled: list[torch.Tensor] = []
    while len(tokens) < FRAMES:
        reel = any_reel(rng, days)
        still = reel.stills[int(rng.integers(len(reel.stills)))]
        if not still.facts.seen:
            continue
        whole = rng.random() >= CROPS
        pixels, facts = rescaled(still, int(rng.choice(WIDTHS))) if whole else cropped(rng, still)
        value, grid = patches(pixels)
        tokens.append(tower(torch.from_numpy(value), grid_thw=torch.tensor([grid])).pooler_output)
        made = labels(facts, pixels.shape[1], pixels.shape[0])
        labelled.append(torch.from_numpy(made.reshape(-1, len(HEADS))))
    return torch.cat(tokens), torch.cat(labelled)


def _words(embeddings: torch.Tensor, tokenizer: Any) -> list[torch.Tensor]:
    """For each head [classes + 1, width]: the embedding of each class, nothing for class 0."""

    def named(text: str) -> torch.Tensor:
        """With and without a space before it."""
        spelled = {
            token
            for way in (text, f" {text}")
            for token in tokenizer.encode(way, add_special_tokens=False)
        }
        summed: torch.Tensor = embeddings[sorted(spelled)].sum(0)
        return summed / math.sqrt(max(1.0, len(spelled) / 2))

    tables = []
    for head, words in HEADS.items():
        rows = [torch.zeros(embeddings.shape[1])]
        for word in words:
            weight = MINOR if head == "place" or head in READ_AT else float(head not in UNSAID)
            also = KIND * named(KINDS[head]) if head in KINDS else 0.0
            rows.append(weight * named(word) + also)
        tables.append(torch.stack(rows))
    return tables
