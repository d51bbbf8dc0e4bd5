"""Training by several processes, one a core, each on batches of its own: started by `torchrun`,
they average their gradients after every step and so stay at the same weights.

    torchrun --nproc-per-node 2 -m longtake.eval.haystack.models.vlm.train OUT --footage DIR
"""

import atexit
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import nn


def meet() -> int:
    """Join the others, if there are any, until the end of the process: one that ends with threads
    of the group still at work may be aborted.

    Returns:
        Which process this is, from 0.
    """
    if "RANK" in os.environ and not dist.is_initialized():
        dist.init_process_group("gloo")
        atexit.register(dist.destroy_process_group)
    return place()


def place() -> int:
    """Which process this is: 0 where there is one only."""
    return dist.get_rank() if dist.is_initialized() else 0


@contextmanager
def in_turn() -> Iterator[None]:
    """The first process does it, then the others."""
    if dist.is_initialized() and place():
        dist.barrier()
    yield
    if dist.is_initialized() and not place():
        dist.barrier()


def average(parameters: Iterable[nn.Parameter]) -> None:
    """Every gradient becomes the mean over all processes; of those that have none, 0 is taken."""
    if not dist.is_initialized():
        return
    wanted = [p for p in parameters if p.requires_grad]
    flat = torch.cat(
        [torch.zeros(p.numel()) if p.grad is None else p.grad.reshape(-1) for p in wanted]
    )
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    at = 0
    for parameter in wanted:
        parameter.grad = flat[at : at + parameter.numel()].view_as(parameter)
        at += parameter.numel()


def agreed(share: float) -> float:
    """What the first process says, so that all stop at the same step."""
    if not dist.is_initialized():
        return share
    told = torch.tensor([share], dtype=torch.float64)
    dist.broadcast(told, 0)
    return float(told)
