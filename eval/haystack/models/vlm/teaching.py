"""Second and third lesson: batches of requests and replies, and training on them."""

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from longtake.eval.haystack.models.vlm import easy_lessons, lessons, written_lessons
from longtake.eval.haystack.models.vlm.footage import Reel
from longtake.eval.haystack.models.vlm.labels import CELL, HEADS, labels, patches
from longtake.eval.haystack.models.vlm.lessons import Sample
from longtake.eval.haystack.models.vlm.seeing import Heads
from longtake.eval.haystack.models.vlm.together import agreed, average, place
from longtake.tools.vlm.messages import Message, Picture, Text, laid_out

IGNORED = -100
"""Label of tokens that nothing is to be learned of."""
Teach = Callable[[np.random.Generator, Sequence[Reel], int], Sample]
"""Makes a sample, given the most tokens of its frames."""
Kinds = dict[str, tuple[Teach, float]]
"""Kinds of samples, with how often each is made."""
KINDS: Kinds = {
    "card": (lambda rng, days, most: easy_lessons.about_card(rng), 1.0),
    "whether": (lambda rng, days, most: easy_lessons.whether(rng), 2.0),
    "shelf": (lambda rng, days, most: easy_lessons.about_shelf(rng), 2.0),
    "album": (lambda rng, days, most: easy_lessons.album(rng), 1.5),
    "album look": (lambda rng, days, most: easy_lessons.album_look(rng), 1.5),
    "album read": (lambda rng, days, most: easy_lessons.album_read(rng), 1.0),
    "frame": (lambda rng, days, most: lessons.about_frame(rng, days), 1.5),
    "glimpse": (easy_lessons.glimpse, 3.0),
    "look": (lessons.look, 3.0),
    "glance": (lessons.glance, 1.5),
    "judge": (lessons.judge, 0.3),
    "read": (lessons.read, 2.5),
    "lines": (lambda rng, days, most: lessons.read(rng, days, 0), 2.0),
    "recall": (lambda rng, days, most: easy_lessons.recall(rng), 1.0),
    "answer": (lambda rng, days, most: written_lessons.answer(rng), 2.0),
    "plan": (lambda rng, days, most: written_lessons.plan(rng), 0.5),
    "reflect": (lambda rng, days, most: written_lessons.reflect(rng), 0.12),
}
"""All lessons as they are used."""
EASY: Kinds = {
    "card": (lambda rng, days, most: easy_lessons.about_card(rng), 4.0),
    "whether": (lambda rng, days, most: easy_lessons.whether(rng), 4.0),
    "album": (lambda rng, days, most: easy_lessons.album(rng), 5.0),
    "frame": (lambda rng, days, most: lessons.about_frame(rng, days), 2.0),
    "glimpse": (lambda rng, days, most: easy_lessons.glimpse(rng, days, 300), 4.0),
    "look": (lambda rng, days, most: lessons.look(rng, days, 150), 0.7),
    "read": (lambda rng, days, most: lessons.read(rng, days, 150), 0.7),
    "recall": (lambda rng, days, most: easy_lessons.recall(rng), 1.5),
    "answer": (lambda rng, days, most: written_lessons.answer(rng), 1.0),
    "plan": (lambda rng, days, most: written_lessons.plan(rng), 0.05),
    "reflect": (lambda rng, days, most: written_lessons.reflect(rng), 0.06),
}
"""Little to look at and to read, many answers a token: what teaches where to look."""
WORDS: Kinds = {
    "read": (lambda rng, days, most: lessons.read(rng, days, 0), 3.0),
    "answer": (lambda rng, days, most: written_lessons.answer(rng), 4.0),
    "plan": (lambda rng, days, most: written_lessons.plan(rng), 0.5),
    "reflect": (lambda rng, days, most: written_lessons.reflect(rng), 0.8),
}
"""Lessons without frames."""
MOST_TOKENS = (250, 450, 700, 1000, 2000)
"""Of the frames of a sample; long ones are rare, and come late."""
BATCH_TOKENS = 5000
"""Of a batch, padding included; a single sample may have more."""
ABRIDGED = 0.7
"""Share of batches without the rules of their requests."""
POOL = 96
"""Samples that are sorted by length and cut into batches."""
COPYING, COPY_BATCHES = 0.3, 4
"""First share of training without frames that has batches of `copies`, and how many to a pool."""
MUON_LR, ADAM_LR = 0.008, 2e-3
TOWER = 0.3
"""Learning rate of the tower, relative to the language model's."""
SIGHT = 0.3
"""Weight of the loss of seeing."""


def written(message: Message) -> str:
    """A message as the chat template writes it, pictures by their number of tokens."""
    text = f"<|im_start|>{message.role}\n"
    parts = laid_out(message.parts, as_video=False)
    if all(isinstance(part, Text) for part in parts):
        text += "\n".join(part.text for part in parts if isinstance(part, Text))
    else:
        for part in parts:
            if isinstance(part, Text):
                text += part.text
            elif isinstance(part, Picture):
                count = (part.width // CELL) * (part.height // CELL)
                text += f"<|vision_start|>{'<|image_pad|>' * count}<|vision_end|>"
    return f"{text}<|im_end|>\n"


def _padded(tokenizer: Any, rows: Sequence[tuple[list[int], list[int]]]) -> dict[str, torch.Tensor]:
    longest = max(len(ids) for ids, _ in rows)
    ids = torch.full((len(rows), longest), tokenizer.pad_token_id)
    labelled = torch.full((len(rows), longest), IGNORED)
    for i, (own, wanted) in enumerate(rows):
        ids[i, : len(own)] = torch.tensor(own)
        labelled[i, : len(own)] = torch.tensor(wanted)
    return {"input_ids": ids, "labels": labelled}


_RULES = re.compile(
    r'(Reply with one JSON object: \{"\w+").*?(?=\nWhen it is seen|<\|im_end\|>)', re.S
)


def abridged(asked: str) -> str:
    """A request without what all of its kind say alike, but for the reply's first key: most lessons
    are given so, which takes a fraction of the time."""
    start = asked.find("<|im_start|>user")
    return _RULES.sub(r"\1", asked[max(0, start) :])


def encoded(tokenizer: Any, sample: Sample, *, short: bool = False) -> tuple[list[int], list[int]]:
    """Ids of a conversation, and labels: the ids of replies, all else ignored.

    Args:
        short: leave out the rules of its requests.
    """
    ids: list[int] = []
    wanted: list[int] = []
    for request, reply in sample.turns:
        asked = "".join(written(m) for m in request.messages) + "<|im_start|>assistant\n"
        asked = abridged(asked) if short else asked
        own = tokenizer.encode(asked, add_special_tokens=False)
        said = tokenizer.encode(f"{reply}<|im_end|>", add_special_tokens=False)
        ids += [*own, *said, *tokenizer.encode("\n", add_special_tokens=False)]
        wanted += [*[IGNORED] * len(own), *said, IGNORED]
    return ids, wanted


def batch(
    tokenizer: Any, samples: Sequence[Sample], *, short: bool = False
) -> dict[str, torch.Tensor]:
    """Tensors of some samples, padded on the right.

    Returns:
        `input_ids` and `labels`, i64 [samples, tokens]; where there are pictures, also
        `pixel_values` and `image_grid_thw` as of the model's processor, and `seen`, the labels of
        their tokens, i64 [tokens, heads].
    """
    made = _padded(tokenizer, [encoded(tokenizer, sample, short=short) for sample in samples])
    laid = [patches(p) for sample in samples for p in sample.pictures]
    if laid:
        seen = [
            labels(f, p.shape[1], p.shape[0]).reshape(-1, len(HEADS))
            for sample in samples
            for p, f in zip(sample.pictures, sample.facts, strict=True)
        ]
        made["seen"] = torch.from_numpy(np.concatenate(seen))
        made["pixel_values"] = torch.from_numpy(np.concatenate([v for v, _ in laid]))
        made["image_grid_thw"] = torch.tensor([g for _, g in laid])
    return made


def copies(rng: np.random.Generator, tokenizer: Any, rows: int = 24) -> dict[str, torch.Tensor]:
    """Lines of random tokens, then the same lines in another order: only to be copied."""
    (end,) = tokenizer.encode("\n", add_special_tokens=False)
    made = []
    for _ in range(rows):
        lines = [
            [*rng.integers(20, len(tokenizer), int(rng.integers(3, 10))).tolist(), end]
            for _ in range(int(rng.integers(4, 10)))
        ]
        again = [lines[i] for i in rng.permutation(len(lines))]
        ids = [token for line in (*lines, *again) for token in line]
        wanted = [IGNORED] * sum(map(len, lines))
        wanted += [token if i else IGNORED for line in again for i, token in enumerate(line)]
        made.append((ids, wanted))
    return _padded(tokenizer, made)


def batches(
    rng: np.random.Generator,
    tokenizer: Any,
    days: Sequence[Reel],
    kinds_of: Kinds,
    share: Callable[[], float],
) -> Iterator[dict[str, torch.Tensor]]:
    """Endless batches of samples of about one length; without frames, some are `copies` at first.

    Args:
        share: how much of the training is over, 0 to 1.
    """
    weights = np.array([weight for _, weight in kinds_of.values()])
    teach = [teacher for teacher, _ in kinds_of.values()]
    while True:
        if kinds_of is WORDS and share() < COPYING:
            yield from (copies(rng, tokenizer) for _ in range(COPY_BATCHES))
        kinds = rng.choice(len(teach), POOL, p=weights / weights.sum())
        late = share()
        lengths = np.array([1.0, 1.0, 0.2 + late, late * late, 0.4 * late * late])
        most = rng.choice(MOST_TOKENS, POOL, p=lengths / lengths.sum())
        made = (teach[k](rng, days, int(m)) for k, m in zip(kinds, most, strict=True))
        samples = sorted(made, key=lambda s: s.tokens)
        cut: list[list[Sample]] = [[]]
        for sample in samples:
            if cut[-1] and (len(cut[-1]) + 1) * sample.tokens > BATCH_TOKENS:
                cut.append([])
            cut[-1].append(sample)
        for i in rng.permutation(len(cut)):
            yield batch(tokenizer, cut[i], short=bool(rng.random() < ABRIDGED))


def loss_of(
    model: Any, heads: Heads, made: dict[str, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean cross entropy of the replies' tokens, and the loss of seeing: 0 without pictures.

    Args:
        made: a `batch`.
    """
    told = made["labels"][:, 1:]
    given = {k: v for k, v in made.items() if k not in ("labels", "seen")}
    ids = made["input_ids"]
    kinds = (ids == model.config.image_token_id).int()
    caught: list[torch.Tensor] = []
    hook = model.model.visual.register_forward_hook(
        lambda module, args, out: caught.append(out.pooler_output)
    )
    with torch.autocast("cpu", torch.bfloat16):
        hidden = model.model(**given, mm_token_type_ids=kinds, use_cache=False).last_hidden_state
        wanted = told != IGNORED
        logits = model.lm_head(hidden[:, :-1][wanted])
        seen = heads.loss(caught[0], made["seen"]) if caught else torch.zeros(())
    hook.remove()
    return nn.functional.cross_entropy(logits.float(), told[wanted]), seen


def optimizers(model: Any) -> list[torch.optim.Optimizer]:
    """Muon for matrices, AdamW for the rest; the tower, which sees already, at a lower rate."""
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = defaultdict(list)
    for name, parameter in model.named_parameters():
        matrix = parameter.ndim == 2 and "embed" not in name and "lm_head" not in name
        if parameter.requires_grad:
            groups[matrix, "visual" in name].append(parameter)

    def own(matrix: bool, rate: float) -> list[dict[str, Any]]:
        return [
            {"params": groups[matrix, tower], "lr": rate * (TOWER if tower else 1.0)}
            for tower in (False, True)
            if groups[matrix, tower]
        ]

    made = [
        torch.optim.Muon(own(True, MUON_LR), lr=MUON_LR, weight_decay=0.01),
        torch.optim.AdamW(own(False, ADAM_LR), lr=ADAM_LR, betas=(0.9, 0.98), weight_decay=0.01),
    ]
    for optimizer in made:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return made


def teach(
    model: Any, heads: Heads, tokenizer: Any, days: Sequence[Reel], kinds: Kinds, *, seed: int,
    minutes: float, tell: Callable[[int, float, float, float], None],
) -> int:  # fmt: skip
    """Train for so many minutes; returns how many steps it took.

    Args:
        tell: gets step, loss, loss of seeing and seconds, every fifty steps.
    """
    started, step, running, sight = time.time(), 0, 0.0, 0.0

    def share_done() -> float:
        return (time.time() - started) / (minutes * 60)

    source = batches(np.random.default_rng((seed, place())), tokenizer, days, kinds, share_done)
    learners = [*optimizers(model), torch.optim.AdamW(heads.parameters(), lr=ADAM_LR)]
    learners[-1].param_groups[0]["peak"] = ADAM_LR
    model.train()
    while (share := agreed(share_done())) < 1:
        scale = min(1.0, (step + 1) / 50) * max(0.02, 1 - share)
        for learner in learners:
            for group in learner.param_groups:
                group["lr"] = group["peak"] * scale
        loss, seen = loss_of(model, heads, next(source))
        for learner in learners:
            learner.zero_grad()
        (loss + SIGHT * seen).backward()  # type: ignore[no-untyped-call]
        average([*model.parameters(), *heads.parameters()])
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for learner in learners:
            learner.step()
        running = loss.item() if not step else 0.98 * running + 0.02 * loss.item()
        sight = 0.95 * sight + 0.05 * seen.item() if seen.item() else sight
        if step % 50 == 0:
            tell(step, running, sight, time.time() - started)
        step += 1
    model.eval()
    return step


def corpus(days: Sequence[Reel], count: int = 600) -> list[str]:
    """Texts of requests and replies, for the tokenizer: `count` samples of each kind."""
    rng = np.random.default_rng(1)
    texts = []
    for _ in range(count):
        for teacher, _ in KINDS.values():
            sample = teacher(rng, days, 300)
            for request, reply in sample.turns:
                texts += [written(m).replace("<|image_pad|>", "") for m in request.messages]
                texts += ["assistant", reply]
    return texts
