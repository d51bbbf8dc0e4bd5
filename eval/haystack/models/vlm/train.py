"""Train the small model that sees haystack worlds, on a CPU; with `torchrun`, on several cores:

    python -m longtake.eval.haystack.models.vlm.train OUT --footage DIR
    torchrun --nproc-per-node 2 -m longtake.eval.haystack.models.vlm.train OUT --footage DIR

In four lessons: the vision tower learns what parts of pictures show, the language model learns to
read lines and to reply as longtake asks, both learn together where to look from very little, then
from frames as they are sent. `--resume` goes on with a folder's weights in the last lesson.
"""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from longtake.eval.haystack.models.frames import TRAINING
from longtake.eval.haystack.models.vlm import teaching, windows
from longtake.eval.haystack.models.vlm.build import WIDTH, make_model, make_tokenizer, save
from longtake.eval.haystack.models.vlm.footage import Reel, reels, shoot_all
from longtake.eval.haystack.models.vlm.naming import speak
from longtake.eval.haystack.models.vlm.seeing import Heads, learn_to_see
from longtake.eval.haystack.models.vlm.starts import begin, begin_text
from longtake.eval.haystack.models.vlm.together import in_turn, meet, place

DAYS = 23
"""Of ten minutes, each of a world of its own."""
READ_DAYS = 6
"""Whose requests the tokenizer is made from."""
SAVED_EVERY = 200
"""Steps of the last lesson."""

_log = logging.getLogger(__name__)


def tell(step: int, *numbers: float) -> None:
    """Log progress, by the first process: losses, then seconds."""
    if place():
        return
    *losses, spent = numbers
    said = " ".join(f"{loss:.4g}" for loss in losses)
    _log.info("step %d, %.0f s: %s", step, spent, said)


def train(out: Path, footage: Path, *, seed: int, minutes: Sequence[float]) -> None:
    """All four lessons, each for so many minutes.

    Args:
        out: folder for the weights, in the hub's format; heads that serve training alone are kept
            beside it, in `OUT.heads`.
        footage: where drawn frames are kept.
    """
    torch.manual_seed(seed)
    with in_turn():
        shoot_all(footage, DAYS, first_seed=TRAINING)
    days = reels(footage)
    tokenizer = make_tokenizer(teaching.corpus(days[:READ_DAYS]))
    model, processor = make_model(tokenizer)
    heads = Heads(WIDTH)
    tower = model.model.visual
    begin(tower)
    windows.use(tower)
    learn_to_see(tower, heads, days, seed=seed, minutes=minutes[0], tell=tell)
    begin_text(model.model.language_model)
    tower.requires_grad_(False)
    teaching.teach(
        model, heads, tokenizer, days, teaching.WORDS, seed=seed, minutes=minutes[1], tell=tell
    )
    tower.requires_grad_(True)
    named = speak(model, heads, tokenizer, days, seed=seed)
    _log.info("of the variance of words, %.2f is in pictures", named)
    teaching.teach(
        model, heads, tokenizer, days, teaching.EASY, seed=seed + 1, minutes=minutes[2], tell=tell
    )
    _both(model, processor, heads, days, out, seed=seed + 2, minutes=minutes[3])


def resume(out: Path, footage: Path, *, seed: int, minutes: float) -> None:
    """More of the last lesson, from the weights in `out` and the heads beside it, which are learned
    anew where they are not there."""
    from transformers import AutoProcessor, Qwen2_5_VLForConditionalGeneration

    torch.manual_seed(seed)
    model: Any = Qwen2_5_VLForConditionalGeneration.from_pretrained(out, dtype=torch.float32)
    processor = AutoProcessor.from_pretrained(out)
    windows.use(model.model.visual)
    heads = Heads(WIDTH)
    if out.with_suffix(".heads").exists():
        heads.load_state_dict(torch.load(out.with_suffix(".heads")))
    _both(model, processor, heads, reels(footage), out, seed=seed, minutes=minutes)


def _both(
    model: Any,
    processor: Any,
    heads: Heads,
    days: Sequence[Reel],
    out: Path,
    *,
    seed: int,
    minutes: float,
) -> None:
    """The last lesson; what it has made so far is saved again and again."""

    def kept() -> None:
        if place():
            return
        save(model, processor, out)
        torch.save(heads.state_dict(), out.with_suffix(".heads"))

    def keep(step: int, *numbers: float) -> None:
        tell(step, *numbers)
        if step % SAVED_EVERY == 0:
            kept()

    steps = teaching.teach(
        model,
        heads,
        processor.tokenizer,
        days,
        teaching.KINDS,
        seed=seed,
        minutes=minutes,
        tell=keep,
    )
    kept()
    _log.info("%d steps", steps)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--footage", type=Path, required=True, help="where drawn frames are kept")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, nargs=4, default=(25.0, 10.0, 30.0, 60.0))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--resume", action="store_true", help="go on with the weights in OUT")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(given.threads)
    meet()
    if given.resume:
        resume(given.out, given.footage, seed=given.seed, minutes=given.minutes[3])
    else:
        train(given.out, given.footage, seed=given.seed, minutes=given.minutes)


if __name__ == "__main__":
    main()
