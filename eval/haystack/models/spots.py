"""Where in a frame hats, badges, coats, things and signs are to be seen, and classifiers that read
the image tower's maps there."""

from dataclasses import dataclass
from functools import partial

import torch

from longtake.eval.haystack.acts import Actor, Thing
from longtake.eval.haystack.draw import Painter
from longtake.eval.haystack.models.facts import WORDS
from longtake.eval.haystack.models.frames import DAY, moments
from longtake.eval.haystack.models.lessons import SIGN_DIGITS, SIGN_LETTERS, read
from longtake.eval.haystack.models.vlm.facts import Facts, facts
from longtake.eval.haystack.sets import Box

ASKED: dict[str, tuple[str, ...]] = {
    "hat": WORDS.hats,
    "badge": WORDS.badges,
    "coat": WORDS.colours,
    "held colour": WORDS.colours,
    "held thing": WORDS.things,
    "stored colour": WORDS.colours,
    "stored thing": WORDS.things,
    "letter": tuple(SIGN_LETTERS),
    "digit": tuple(SIGN_DIGITS),
}
"""What is read at spots, and the answers."""
_NUMBERS = {kind: number for number, kind in enumerate(ASKED)}
ON_ACTOR = {"hat": (0.5, 0.17), "badge": (0.5, 0.52), "coat": (0.5, 0.68)}
"""Their middles in an actor's box, as shares of its width and height."""
MAPS: dict[str, int] = {"layer3": 256, "layer4": 512}
"""The image tower's maps that are read, and their channels: cells of 16 and of 32 pixels."""


@dataclass(frozen=True, slots=True)
class Spot:
    """One answer and where it is to be seen."""

    kind: int
    """Number in `ASKED`."""
    x: float
    """Share of the frame's width."""
    y: float
    """Share of its height."""
    answer: int
    """Number among the answers."""


def spots_in(seed: int) -> list[list[Spot]]:
    """Those of each frame of `shown_in`, without drawing them."""
    day, found = moments(seed)
    size = DAY.width, DAY.height
    painter = Painter(day, *size)
    return [spots(facts(day, painter, number, size)) for _, number in found]


def spots(found: Facts) -> list[Spot]:
    """Those of a frame of `DAY`'s size that lie inside it."""
    made: list[Spot] = []

    def add(kind: str, word: str, box: Box, right: float = 0.5, down: float = 0.5) -> None:
        x = (box[0] + right * (box[2] - box[0])) / DAY.width
        y = (box[1] + down * (box[3] - box[1])) / DAY.height
        if 0 <= x < 1 and 0 <= y < 1:
            made.append(Spot(_NUMBERS[kind], x, y, ASKED[kind].index(word)))

    for one in found.seen:
        match one.what:
            case Actor(coat=coat, hat=hat, badge=badge):
                for kind, word in (("hat", hat), ("badge", badge), ("coat", coat)):
                    add(kind, word, one.box, *ON_ACTOR[kind])
            case Thing(colour=colour, shape=shape):
                where = "held" if one.carried else "stored"
                add(f"{where} colour", colour, one.box)
                add(f"{where} thing", shape, one.box)
            case str(sign):
                add("letter", sign[0], one.box, right=0.25)
                add("digit", sign[1], one.box, right=0.75)
    return made


class SpotReaders(torch.nn.Module):
    """Linear classifiers on single cells of the image tower's maps; thrown away after training.
    They make cells tell what they show before attention has learned where to look."""

    def __init__(self, visual: torch.nn.Module) -> None:
        super().__init__()
        self._readers = torch.nn.ModuleDict(
            {
                f"{layer} {kind}": torch.nn.Linear(channels, len(answers))
                for layer, channels in MAPS.items()
                for kind, answers in ASKED.items()
            }
        )
        self._maps: dict[str, torch.Tensor] = {}
        for layer in MAPS:
            visual.get_submodule(layer).register_forward_hook(partial(self._keep, layer))

    def _keep(
        self, layer: str, _: torch.nn.Module, __: tuple[torch.Tensor], out: torch.Tensor
    ) -> None:
        self._maps[layer] = out

    def forward(self, found: list[list[Spot]]) -> tuple[torch.Tensor, dict[str, float]]:
        """What is read in the frames that the tower saw last.

        Args:
            found: the spots of each frame.

        Returns:
            The loss, and the share read rightly by layer and kind.
        """
        flat = [(row, spot) for row, spots_ in enumerate(found) for spot in spots_]
        rows = torch.tensor([row for row, _ in flat], dtype=torch.long)
        at = torch.tensor([[spot.x, spot.y] for _, spot in flat]).view(-1, 2)
        kinds = torch.tensor([spot.kind for _, spot in flat])
        answers = torch.tensor([spot.answer for _, spot in flat])
        loss = torch.zeros(())
        right: dict[str, float] = {}
        for layer, seen in self._maps.items():
            x, y = (at * seen.shape[-1]).long().unbind(1)
            cells = seen[rows, :, y, x].float()
            for number, kind in enumerate(ASKED):
                asked = kinds == number
                if asked.any():
                    name = f"{layer} {kind}"
                    scores = self._readers[name](cells[asked])
                    loss = loss + read(scores, answers[asked], right, name)
        return loss, right
