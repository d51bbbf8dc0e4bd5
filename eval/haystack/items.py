"""Questions chosen and written down: forms, options, axes, twins; one JSON object an item."""

from collections.abc import Callable, Collection, Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from longtake.errors import LongtakeError
from longtake.eval.haystack import hops, needles, sequences
from longtake.eval.haystack.config import CANARY, VERSION
from longtake.eval.haystack.drafts import OPTIONS, Draft, Proof
from longtake.eval.haystack.events import Event, Pool
from longtake.eval.haystack.wording import Wording
from longtake.timing import Span

Item = dict[str, Any]
Family = Callable[[Pool, np.random.Generator, Wording], Iterator[Draft]]

FAMILIES: dict[str, Family] = {
    "N1": needles.n1,
    "N2": needles.n2,
    "N3": needles.n3,
    "N4": needles.n4,
    "C1": sequences.c1,
    "G1": sequences.g1,
    "O1": sequences.o1,
    "M2": hops.m2,
    "D1": sequences.d1,
    "M1": hops.m1,
    "X1": hops.x1,
    "X2": hops.x2,
    "R1": sequences.r1,
    "S1": sequences.s1,
}
"""The one with the fewest items so far is asked next; N1 to N4 bring their twins U1, M2 brings
U2."""
MOST_DECOYS = 16
"""Written down an item, the nearest in time; `axes.decoys` counts all."""


def choose(
    pool: Pool,
    rng: np.random.Generator,
    families: Collection[str] = tuple(FAMILIES),
    *,
    least_decoys: int = 0,
) -> list[Draft]:
    """Drafts of all families, as even as can be, enough for the world's items; those with fewer
    decoys than `least_decoys` are left out.

    Raises:
        LongtakeError: the world does not hold enough to ask about.
    """
    words = Wording(rng, held_out=pool.config.held_out)
    sources = {
        name: family(pool, rng, words) for name, family in FAMILIES.items() if name in families
    }
    chosen: list[Draft] = []
    asked = dict.fromkeys(sources, 0)
    while (total := sum(asked.values())) < pool.config.items:
        if not sources:
            raise LongtakeError(
                f"world {pool.world.name} holds {total} questions, {pool.config.items} are wanted: "
                "use another seed, longer videos or fewer items"
            )
        name = min(sources, key=lambda name: asked[name])
        draft = next(sources[name], None)
        if draft is None:
            del sources[name]
            continue
        if len(draft.decoys) < least_decoys:
            continue
        chosen.append(draft)
        asked[name] += _size(draft, pool.config.rotations)
    return chosen


def _size(draft: Draft, rotations: int) -> int:
    forms = 1 + rotations * (len(draft.wrong) >= OPTIONS - 1)
    return forms * (1 if draft.twin is None else 2)


def write(pool: Pool, drafts: list[Draft], rng: np.random.Generator) -> list[Item]:
    """Exactly the world's number of items; the last draft may lose its open form or twin."""
    made: list[Item] = []
    for number, draft in enumerate(drafts):
        made += _forms(pool, draft, f"{pool.world.name}-{number:04d}", rng)
    return _without_orphans(made[: pool.config.items])


def _without_orphans(items: list[Item]) -> list[Item]:
    """Twins that were cut off are not referred to."""
    kept = {item["item_id"] for item in items}
    return [item if item["twin_id"] in kept else {**item, "twin_id": None} for item in items]


def _forms(pool: Pool, draft: Draft, name: str, rng: np.random.Generator) -> list[Item]:
    """Multiple choice in each rotation, then the open form, each followed by its twin's."""
    forms: list[tuple[str, list[str]]] = []
    if len(draft.wrong) >= OPTIONS - 1:
        options = [draft.right, *draft.wrong[: OPTIONS - 1]]
        options = [options[i] for i in rng.permutation(OPTIONS)]
        for r in range(pool.config.rotations):
            suffix = "mc" if pool.config.rotations == 1 else f"mc{r}"
            forms.append((suffix, options[r:] + options[:r]))
    forms.append(("open", list(draft.listed)))
    made = []
    for suffix, options in forms:
        own = f"{name}-{draft.family}-{suffix}"
        twin = f"{name}-{draft.twin.family}-{suffix}" if draft.twin else None
        made.append(_item(pool, draft, own, twin, options, suffix))
        if draft.twin and twin:
            made.append(_item(pool, draft.twin, twin, own, options, suffix))
    return made


def _item(
    pool: Pool, draft: Draft, name: str, twin: str | None, options: list[str], suffix: str
) -> Item:
    choice = suffix != "open"
    question, answer = draft.asked.text, _plain(draft.answer)
    if choice and draft.listed:
        events = "; ".join(f"{i}. {event}" for i, event in enumerate(draft.listed, 1))
        question = f"{question} {events}."
    if choice and draft.answerable:
        answer = chr(ord("A") + options.index(draft.right))
    sets = [(f"s{i}", proofs) for i, proofs in enumerate(draft.sets)]
    return {
        "item_id": name,
        "world_id": pool.world.name,
        "videos": list(draft.videos),
        "family": draft.family,
        "form": "mc" if choice else "open",
        "kind": "option" if choice else draft.kind,
        "question": question,
        "options": options,
        "answer": answer,
        "accepted": [] if choice else list(draft.accepted),
        "answerable": draft.answerable,
        "evidence": [_evidence(label, one) for label, proofs in sets for one in proofs],
        "min_evidence_sets": [[label] for label, _ in sets] if draft.answerable else [],
        "decoys": [_decoy(event) for event in _nearest(draft)],
        "axes": _axes(pool, draft, choice=choice),
        "twin_id": twin,
        "rotation_group": name.rsplit("-", 1)[0],
        "visible_until": draft.visible_until_s,
        "gen_version": VERSION,
        "canary": CANARY,
    }


def _plain(answer: object) -> Any:
    """As JSON has it."""
    if isinstance(answer, tuple):
        return [[a.start, a.end] if isinstance(a, Span) else a for a in answer]
    return answer


def _evidence(label: str, one: Proof) -> dict[str, Any]:
    return {
        "set_id": label,
        "video": one.video,
        "t0": one.span.start,
        "t1": one.span.end,
        "box": None if one.box is None else [round(part, 4) for part in one.box],
        "modality": one.modality,
        "role": one.role,
    }


def _nearest(draft: Draft) -> list[Event]:
    if draft.needle is None:
        return list(draft.decoys[:MOST_DECOYS])
    needle = draft.needle
    return sorted(draft.decoys, key=lambda event: needle.span.gap(event.span))[:MOST_DECOYS]


def _decoy(event: Event) -> dict[str, Any]:
    return {"video": event.video, "t0": event.span.start, "t1": event.span.end}


def _axes(pool: Pool, draft: Draft, *, choice: bool) -> dict[str, str]:
    """What results are broken down by, as text."""
    axes = {
        "family": draft.family,
        "form": "choice" if choice else "open",
        "length_min": f"{pool.length_min(draft.videos):g}",
        "hops": str(draft.hops),
        "modality": "+".join(sorted({one.modality for group in draft.sets for one in group})),
        "decoys": _bucket(len(draft.decoys), (8, 32, 128)),
        "wording": "seen" if draft.asked.seen else "held_out",
        **draft.axes,
    }
    if draft.needle is not None:
        span = draft.needle.span
        depth = span.middle / pool.durations[draft.needle.video]
        axes["depth"] = str(min(9, int(10 * depth)))
        axes["needle_s"] = _bucket(span.duration, (1, 4))
    return axes


def _bucket(value: float, edges: tuple[int, ...]) -> str:
    """`<8`, `8-32`, `>=32`."""
    if value < edges[0]:
        return f"<{edges[0]}"
    for low, high in pairwise(edges):
        if value < high:
            return f"{low}-{high}"
    return f">={edges[-1]}"


def visual_needles(drafts: list[Draft]) -> list[Event]:
    """What the query-free rankers are tried on: acts that one answer hangs on."""
    return [
        draft.needle
        for draft in drafts
        if draft.needle is not None and draft.needle.key is not None
    ]
