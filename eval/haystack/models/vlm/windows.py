"""Attention of the vision tower for training on a CPU: all windows of one size at once. One call a
window, as transformers makes them, takes several times as long on the way back (PyTorch 2.14: 64
windows of 36 patches, forward and back, 33 ms instead of 4)."""

from typing import Any

import torch
from torch.nn import functional
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

NAME = "windows_like_flash"
"""With `flash` in it: transformers then gives all windows in one call."""
LONG = 500
"""Patches from which on a window's scores are not kept."""


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: None,
    *,
    scaling: float,
    cu_seq_lens_q: torch.Tensor,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attention within windows.

    Args:
        query: [1, heads, patches, size], as `key` and `value` are.
        cu_seq_lens_q: i32 [windows + 1], where each begins.

    Returns:
        [1, patches, heads, size].
    """
    lengths = cu_seq_lens_q.diff()
    mixed = torch.empty_like(query[0])
    for length in sorted(set(lengths.tolist())):
        starts = cu_seq_lens_q[:-1][lengths == length].long()
        at = (starts[:, None] + torch.arange(length)).reshape(-1)
        q, k, v = (
            t[0, :, at].reshape(t.shape[1], len(starts), length, -1) for t in (query, key, value)
        )
        if length < LONG:
            found = ((q * scaling) @ k.transpose(-1, -2)).softmax(-1).to(v.dtype) @ v
        else:
            found = functional.scaled_dot_product_attention(q, k, v, scale=scaling)
        mixed = mixed.index_copy(1, at, found.reshape(mixed.shape[0], len(at), -1).to(mixed.dtype))
    return mixed.transpose(0, 1)[None], None


def use(tower: Any) -> None:
    """Let a tower attend so from now on, as long as this process runs."""
    ALL_ATTENTION_FUNCTIONS.register(NAME, attend)
    tower.config._attn_implementation = NAME
