"""What the encoder is taught: which captions are true of which frames, and what frames show."""

from collections.abc import Iterable
from itertools import product

import numpy as np
import torch
from torch.nn import functional

from longtake.eval.haystack.acts import Thing
from longtake.eval.haystack.models.captions import Caption, Facts
from longtake.eval.haystack.models.clip import GATHERED, WIDTH
from longtake.eval.haystack.models.facts import FACTS, PLACES, SLOTS, WORDS
from longtake.eval.haystack.vocabulary import PICTURES, SIGNS


def _numbers(kind: str, names: Iterable[str]) -> list[int]:
    return [FACTS[f"{kind} {name}"] for name in names]


EXCLUSIVE: dict[str, list[int]] = {
    "place": _numbers("place", PLACES),
    "coat": _numbers("coat", WORDS.colours),
    "hat": _numbers("hat", WORDS.hats),
    "badge": _numbers("badge", WORDS.badges),
    "held colour": _numbers("held", WORDS.colours),
    "held thing": _numbers("held", WORDS.things),
    "picture colour": _numbers("picture", WORDS.colours),
    "picture shape": _numbers("picture", PICTURES),
    "vehicle colour": _numbers("vehicle", WORDS.colours),
    "vehicle kind": _numbers("vehicle", WORDS.vehicles),
    "direction": [FACTS["leftward"], FACTS["rightward"]],
    "carried or put": [FACTS["carried"], FACTS["put"]],
}
"""Facts of which a frame shows at most one."""
_STORED = _numbers("stored", (f"{c} {t}" for c, t in product(WORDS.colours, WORDS.things)))
_ANY = [FACTS["actor"], FACTS["vehicle"]]
_SIGNS = _numbers("sign", SIGNS)
SIGN_LETTERS = sorted({sign[0] for sign in SIGNS})
SIGN_DIGITS = sorted({sign[1] for sign in SIGNS})


def marked(held: Iterable[Facts]) -> torch.Tensor:
    """Which facts each has, f32 [N, FACTS] of zeros and ones."""
    sets = list(held)
    marks = np.zeros((len(sets), len(FACTS)), np.float32)
    for row, found in enumerate(sets):
        marks[row, [FACTS[fact] for fact in found]] = 1
    return torch.from_numpy(marks)


def truth(captions: list[Caption], shown: torch.Tensor) -> torch.Tensor:
    """Which captions are true of which frames, bool [captions, frames]."""
    asked = marked(caption.facts for caption in captions)
    return asked @ (1 - shown).T == 0


def ranking_loss(likeness: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Every true pair of a row against all false ones of that row, as InfoNCE where there is one
    true pair a row. Both [A, B]; rows without a true pair do not count."""
    false = likeness.masked_fill(true, -1e4).logsumexp(1, keepdim=True)
    count = true.sum(1)
    losses = (functional.softplus(false - likeness) * true).sum(1) / count.clamp(min=1)
    return losses[count > 0].mean()


def placed(held: Iterable[dict[int, Thing]]) -> torch.Tensor:
    """Colour and kind of what stands in each slot, i64 [N, SLOTS, 2], numbered from 1; 0 is
    nothing."""
    things = list(held)
    marks = torch.zeros(len(things), SLOTS, 2, dtype=torch.long)
    for row, stored in enumerate(things):
        for slot, thing in stored.items():
            marks[row, slot, 0] = 1 + WORDS.colours.index(thing.colour)
            marks[row, slot, 1] = 1 + WORDS.things.index(thing.shape)
    return marks


class Readers(torch.nn.Module):
    """Linear classifiers on frames' embeddings and, for what stands where, on what the tower
    gathers; thrown away after training. They teach it to see before captions can."""

    def __init__(self) -> None:
        super().__init__()
        self.facts = torch.nn.Linear(WIDTH, len(FACTS))
        self.letter = torch.nn.Linear(WIDTH, len(SIGN_LETTERS))
        self.digit = torch.nn.Linear(WIDTH, len(SIGN_DIGITS))
        self.slots = torch.nn.Linear(GATHERED, SLOTS * (2 + len(WORDS.colours) + len(WORDS.things)))

    def forward(
        self,
        embeddings: torch.Tensor,
        gathered: torch.Tensor,
        shown: torch.Tensor,
        stored: torch.Tensor,
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """The loss, and the share read rightly by kind of fact."""
        scores = self.facts(embeddings)
        loss = functional.binary_cross_entropy_with_logits(scores[:, _ANY], shown[:, _ANY])
        any_where = functional.binary_cross_entropy_with_logits(
            scores[:, _STORED], shown[:, _STORED], reduction="none"
        )
        right: dict[str, float] = {}
        loss = loss + 0.2 * any_where.sum(1).mean() + self._slots(gathered, stored, right)
        there = shown[:, _STORED] > 0
        if there.any():
            right["stored"] = float((scores[:, _STORED] > 0)[there].float().mean())
        for kind, numbers in EXCLUSIVE.items():
            rows = shown[:, numbers].sum(1) == 1
            if rows.any():
                target = shown[rows][:, numbers].argmax(1)
                loss = loss + 2 * rows.float().mean().sqrt() * read(
                    scores[rows][:, numbers], target, right, kind
                )
        rows = shown[:, _SIGNS].sum(1) == 1
        if rows.any():
            sign = shown[rows][:, _SIGNS].argmax(1).tolist()
            for kind, reader, marks, at in (
                ("letter", self.letter, SIGN_LETTERS, 0),
                ("digit", self.digit, SIGN_DIGITS, 1),
            ):
                target = torch.tensor([marks.index(SIGNS[i][at]) for i in sign])
                loss = loss + 0.5 * read(reader(embeddings[rows]), target, right, kind)
        return loss, right

    def _slots(
        self, gathered: torch.Tensor, stored: torch.Tensor, right: dict[str, float]
    ) -> torch.Tensor:
        scores = self.slots(gathered).view(len(stored), SLOTS, -1)
        colours = 1 + len(WORDS.colours)
        loss = torch.zeros(())
        for kind, part, target in (
            ("slot colour", scores[..., :colours], stored[..., 0]),
            ("slot thing", scores[..., colours:], stored[..., 1]),
        ):
            full = target > 0
            loss = loss + functional.cross_entropy(part.flatten(0, 1), target.flatten())
            if full.any():
                loss = loss + read(part[full], target[full], right, kind)
        return loss


def read(
    scores: torch.Tensor, target: torch.Tensor, right: dict[str, float], kind: str
) -> torch.Tensor:
    """Cross-entropy of scores [N, answers]; the share read rightly goes to `right` under `kind`."""
    right[kind] = float((scores.argmax(1) == target).float().mean())
    return functional.cross_entropy(scores, target)
