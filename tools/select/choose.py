"""A preset and a budget -> what to show."""

from collections.abc import Sequence

import numpy as np

from longtake.errors import UsageError
from longtake.tools.select.composition import (
    Draft,
    Options,
    Pick,
    Plan,
    Preset,
    Selection,
    run_parts,
)
from longtake.tools.select.items import F64, IntArray, Items, Signals
from longtake.tools.select.presets import PRESETS
from longtake.tools.select.selectors import spread

WHERE_FROM = {
    "features": "frame embeddings: index the video with the visual lane",
    "query": "the question embedded beside the frames: a visual lane with its weights",
    "relevance": "a question, and a lane that was indexed",
    "frame_text": "a question, and frame embeddings",
    "probability": "a model's yes or no about frames",
    "probe": "a way to score frames on request",
    "change": "shots or frame embeddings",
    "density": "speech or on-screen text",
}
"""What has to be there for a signal."""


def preset_named(name: str) -> Preset:
    """The preset of that name.

    Raises:
        UsageError: there is none; the message lists those that there are.
    """
    if name not in PRESETS:
        raise UsageError(f"no preset {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name]


def choose(
    preset: str | Preset,
    items: Items,
    signals: Signals,
    budget: int,
    *,
    forced: Sequence[float] = (),
    grid: int = 0,
    seed: int = 0,
) -> Selection:
    """What a preset shows of these frames.

    Args:
        budget: in full-size frames; what is chosen costs no more.
        forced: seconds; the frames nearest to them are chosen first, at full size.
        grid: so many evenly spread full-size frames are chosen next, whatever the preset.
        seed: of the presets that draw at random (`focus`).

    Raises:
        UsageError: no such preset; a signal that it needs is missing or does not fit the frames;
            the budget is below 1, or too small for what is forced.
    """
    preset = preset_named(preset) if isinstance(preset, str) else preset
    if budget < 1:
        raise UsageError(f"a budget of {budget!r} frames shows nothing; give at least 1")
    signals.check(items)
    _require(preset, items, signals)
    if not len(items):
        return Selection(preset=preset.name, budget=budget, picks=(), scored=0)
    fixed = _fixed(items, forced, grid)
    if len(fixed) > budget:
        raise UsageError(
            f"{len(fixed)} frames are forced or on the grid, the budget is {budget}; force fewer "
            "or give more"
        )
    pool = np.arange(len(items), dtype=np.intp)
    left = budget - len(fixed)
    plan = Plan(drafts=())
    if fixed:
        pool = np.setdiff1d(pool, [draft.index for draft in fixed])
    if left and len(pool):
        whole = len(pool) == len(items)
        some = (items, signals) if whole else (items.take(pool), signals.take(pool))
        if preset.plan is not None:
            plan = preset.plan(*some, left, Options(seed=seed))
        else:
            plan = run_parts(preset, *some, left)
    picks = [_pick(items, draft.index, draft) for draft in fixed]
    picks += [_pick(items, int(pool[draft.index]), draft) for draft in plan.drafts]
    return Selection(
        preset=preset.name,
        budget=budget,
        picks=tuple(sorted(picks, key=lambda pick: pick.time)),
        scored=plan.scored,
        notes=plan.notes,
    )


def missing(preset: Preset, items: Items, signals: Signals) -> tuple[str, ...]:
    """What the preset needs and cannot have; alternatives are joined by ` or `."""
    known = signals.known(items)
    return tuple(need for need in preset.needs if not known & {*need.split(" or ")})


def _require(preset: Preset, items: Items, signals: Signals) -> None:
    lacking = missing(preset, items, signals)
    if not lacking:
        return
    able = [other.name for other in PRESETS.values() if not missing(other, items, signals)]
    first = lacking[0].split(" or ")[0]
    raise UsageError(
        f"preset {preset.name!r} needs {', '.join(lacking)}, not there for these frames "
        f"({first}: {WHERE_FROM[first]}); presets that do without: {', '.join(able)}"
    )


def _fixed(items: Items, forced: Sequence[float], grid: int) -> list[Draft]:
    """Frames that are chosen whatever the preset, each once."""
    wanted = np.asarray(forced, np.float64)
    if not np.isfinite(wanted).all():
        raise UsageError(f"forced times must be seconds, got {list(forced)!r}")
    drafts = {
        int(index): Draft(index=int(index), scale=1.0, score=0.0, reason="asked for", part="forced")
        for index in _nearest(items, wanted)
    }
    for index in spread(len(items), grid):
        draft = Draft(index=int(index), scale=1.0, score=0.0, reason="evenly spread", part="grid")
        drafts.setdefault(int(index), draft)
    return list(drafts.values())


def _nearest(items: Items, times: F64) -> IntArray:
    """Indices of the frames nearest to these seconds, the earlier of equally near ones."""
    after = np.clip(np.searchsorted(items.times, times), 0, len(items) - 1)
    before = np.maximum(after - 1, 0)
    earlier = times - items.times[before] <= items.times[after] - times
    return np.where(earlier, before, after)


def _pick(items: Items, index: int, draft: Draft) -> Pick:
    return Pick(
        time=float(items.times[index]),
        scale=draft.scale,
        clip=int(items.clips[index]) if draft.clip is None else draft.clip,
        score=draft.score,
        reason=draft.reason,
        part=draft.part,
        frames=draft.frames,
    )
