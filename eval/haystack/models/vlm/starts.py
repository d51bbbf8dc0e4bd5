"""How training begins: the vision tower with what any small picture is made of, so that a tower
this small learns shapes from tens of thousands of pictures instead of millions; the language model
with heads that copy."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

SHARP = 5.0
"""How strongly a head that looks beside prefers its place."""
BACK = ((1, 2, 3, 4), (1,))
"""How many tokens the first heads of the language model's first layers look back."""
COPYING = (1, 2)
"""Heads of the second layer that copy."""
BESIDE = (
    ((0, 1), (0, -1), (1, 0), (-1, 0)),
    ((1, 1), (1, -1), (-1, 1), (-1, -1)),
    ((0, 2), (0, -2), (2, 0), (-2, 0)),
)
"""Rows and columns, in patches, by which each head of the first blocks looks away from its own
place."""


@torch.no_grad()
def begin(tower: Any) -> None:
    """Set the weights of Qwen2.5-VL's tower before training."""
    _cosines(tower.patch_embed.proj)
    for block, places in zip(tower.blocks, BESIDE, strict=False):
        _look_beside(block.attn, places)
    values = tower.config.hidden_size
    for block in tower.blocks:  # weights of variance 1 / fan-in, where the library's are tiny
        block.attn.qkv.weight[2 * values :] *= 4
        block.attn.proj.weight *= 3
        for layer in (block.mlp.gate_proj, block.mlp.up_proj, block.mlp.down_proj):
            layer.weight *= 4


def _cosines(projection: Any) -> None:
    """The patch embedding: lowest cosines of brightness and of two colour axes."""
    side, kept = 14, 7
    at = np.arange(side)
    waves = np.stack([np.cos(np.pi * (at + 0.5) * u / side) for u in range(kept)])
    waves *= np.where(np.arange(kept) == 0, 0.5, 1.0)[:, None] ** 0.5 * (2 / side) ** 0.5
    order = sorted(
        ((u, v) for u in range(kept) for v in range(kept)), key=lambda p: (p[0] ** 2 + p[1] ** 2, p)
    )
    axes = np.array([[1, 1, 1], [1, -1, 0], [1, 1, -2]]) / np.sqrt([[3], [2], [6]])
    filters = []
    for axis, count in zip(axes, (48, 40, 40), strict=True):
        for place, (u, v) in enumerate(order[:count]):
            scale = 0.25 if place else 1 / side
            filters.append(scale * np.einsum("c,i,j->cij", axis, waves[u], waves[v]))
    both = np.stack([np.stack(filters)] * 2, 2) / 2
    projection.weight.copy_(torch.from_numpy(both).float())


def _look_beside(attention: Any, places: tuple[tuple[int, int], ...]) -> None:
    """Biases of queries and keys that make each head look at a fixed place beside its own, as a
    convolution does (the idea of ConViT, d'Ascoli et al. 2021, by way of rotary positions: the
    product of two constant vectors that are turned by their positions depends on the distance
    alone)."""
    heads = attention.num_heads
    size = attention.qkv.bias.shape[0] // 3 // heads
    half, quarter = size // 2, size // 4
    turns = 10000.0 ** (-np.arange(quarter) / quarter)
    bias = attention.qkv.bias.view(3, heads, size)
    bias[:2] = 0
    for head, place in enumerate(places):
        for first, away in zip((0, quarter), place, strict=True):
            for j in range(3):
                bias[0, head, first + j] = SHARP
                bias[1, head, first + j] = SHARP * float(np.cos(-away * turns[j]))
                bias[1, head, first + j + half] = SHARP * float(np.sin(-away * turns[j]))


@torch.no_grad()
def begin_text(text: Any) -> None:
    """Set the language model's weights before training: tokens that are not drowned by what layers
    add to them, heads that look at the tokens just before, and heads that copy what followed the
    same token earlier (induction heads, Olsson et al. 2022). With them in place, copying (a name's
    code, a moment's seconds) takes thousands of lines to learn, not hundreds of thousands."""
    width = text.config.hidden_size
    text.embed_tokens.weight.normal_(0, 1.0)
    text.norm.weight.fill_(0.1)  # the same table writes the logits
    for layer in text.layers:
        own, mlp = layer.self_attn, layer.mlp
        for into in (own.q_proj, own.k_proj, own.v_proj, mlp.gate_proj, mlp.up_proj):
            into.weight.normal_(0, width**-0.5)
        for out in (own.o_proj, mlp.down_proj):
            out.weight.normal_(0, 0.02)
    _look_back(text)
    _copy(text)


def _look_back(text: Any) -> None:
    """Heads that look at a fixed number of tokens before their own, as `_look_beside` does it."""
    size, half, turns = _turns(text)
    for layer, backs in zip(text.layers, BACK, strict=False):
        own = layer.self_attn
        for head, back in enumerate(backs):
            rows = slice(head * size, (head + 1) * size)
            for projection, away in ((own.q_proj, 0), (own.k_proj, -back)):
                projection.weight[rows] = 0
                bias = projection.bias[rows]
                bias.zero_()
                for j in range(text.config.rope_parameters["mrope_section"][0]):
                    bias[j] = SHARP * float(np.cos(-away * turns[j]))
                    bias[j + half] = SHARP * float(np.sin(-away * turns[j]))


def _copy(text: Any) -> None:
    """The head that looks one back writes that token into a space of its own; copying heads look
    for the token at hand there, along positions that turn slowly, and write what they find."""
    size, half, _ = _turns(text)
    basis = torch.linalg.qr(torch.randn(text.config.hidden_size, text.config.hidden_size))[0].T
    known, before, *found = basis[: 4 * size].split(size)
    first, second = text.layers[0].self_attn, text.layers[1].self_attn
    first.v_proj.weight[:size], first.v_proj.bias[:size] = known, 0
    first.o_proj.weight[:, :size] = 2 * before.T
    slow = [*range(half // 2, half), *range(half + half // 2, size)]
    for place, head in enumerate(COPYING):
        rows = slice(head * size, (head + 1) * size)
        for projection, space in ((second.q_proj, known), (second.k_proj, before)):
            projection.weight[rows] = 0
            for i, dimension in enumerate(slow):
                projection.weight[head * size + dimension] = 2 * space[place * len(slow) + i]
        second.v_proj.weight[rows] = found[place]
        second.o_proj.weight[:, rows] = 8 * found[place].T


def _turns(text: Any) -> tuple[int, int, NDArray[np.float64]]:
    """Size of a head, half of it, and how much each pair of dimensions turns with a token."""
    config = text.config
    size = config.hidden_size // config.num_attention_heads
    half = size // 2
    return size, half, config.rope_parameters["rope_theta"] ** (-np.arange(half) / half)
