"""A question with its truth, before it is written down in its forms."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from longtake.eval.haystack.acts import Row
from longtake.eval.haystack.events import Event, Modality, Pool, Stay
from longtake.eval.haystack.wording import Asked
from longtake.eval.samples import AnswerKind
from longtake.timing import Span

OPTIONS = 5
Role = str
"""`needle`, `bridge`, `context` or `negation`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A stretch that is needed to answer, or that shows why nobody can."""

    video: str
    span: Span
    modality: Modality
    role: Role = "needle"
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A question, its answer, what proves it and what could be taken for it."""

    family: str
    videos: tuple[str, ...]
    asked: Asked
    kind: AnswerKind
    """Of the open form."""
    answer: str | float | tuple[str, ...] | tuple[Span, ...] | None
    """None where nothing answers it."""
    right: str = ""
    """The answer as an option."""
    wrong: tuple[str, ...] = ()
    """Other options, all of which truly occur; without at least four there is only the open
    form."""
    listed: tuple[str, ...] = ()
    """What an order is of."""
    accepted: tuple[str, ...] = ()
    """Other wordings of a text."""
    sets: tuple[tuple[Proof, ...], ...]
    """Each set proves the answer by itself; of an unanswerable question, what comes nearest."""
    needle: Event | None = None
    """For depth, length and look; None for questions about many events."""
    decoys: tuple[Event, ...] = ()
    hops: int = 1
    visible_until_s: float | None = None
    axes: dict[str, str] = field(default_factory=dict)
    twin: "Draft | None" = None

    @property
    def answerable(self) -> bool:
        """Whether anything answers it."""
        return self.answer is not None


def proof(event: Event, role: Role = "needle") -> Proof:
    """An event as proof."""
    return Proof(
        video=event.video, span=event.span, modality=event.modality, role=role, box=event.box
    )


def proof_of_stay(stay: Stay, role: Role = "needle") -> Proof:
    """A scene in a room as proof."""
    return Proof(video=stay.video, span=stay.span, modality="visual", role=role)


def others(
    rng: np.random.Generator, right: str, values: Iterable[str], first: Sequence[str] = ()
) -> tuple[str, ...]:
    """Four other options: those in `first`, then by chance; fewer when there are no more."""
    rest = sorted(set(values) - {right} - set(first))
    order = [rest[i] for i in rng.permutation(len(rest))]
    ranked = [value for value in dict.fromkeys(first) if value != right] + order
    return tuple(ranked[: OPTIONS - 1])


def text_axes(row: Row) -> dict[str, str]:
    """How large a row is and, where it is not as usual, how it is written."""
    if row.look is None:
        return {"px": str(row.px)}
    return {
        "px": str(row.px),
        "contrast": f"{row.look.contrast:g}",
        "degrees": f"{abs(row.look.degrees):g}",
        "blur_px": str(row.look.blur_px),
    }


def once(events: Iterable[Event], of: str) -> list[Event]:
    """Events whose attribute `of` of what happened (as text) no other of them has."""
    held = list(events)
    values = [str(getattr(event.what, of)) for event in held]
    seen = Counter(values)
    return [event for event, value in zip(held, values, strict=True) if seen[value] == 1]


def drawn(rng: np.random.Generator, events: Sequence[Event]) -> list[Event]:
    """In random order."""
    return [events[i] for i in rng.permutation(len(events))]


def drawn_names(rng: np.random.Generator, names: Iterable[str]) -> list[str]:
    """In random order, each once."""
    held = sorted(set(names))
    return [held[i] for i in rng.permutation(len(held))]


def same_video(pool: Pool, event: Event, kind: type) -> tuple[Event, ...]:
    """Other events of a kind in the event's video."""
    return tuple(e for e in pool.of(kind, event.video) if e is not event)
