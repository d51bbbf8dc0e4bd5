"""The plan of preset `focus`: explore with the probe there is, or over what the index knows."""

from longtake.tools.select.composition import Draft, Options, Plan
from longtake.tools.select.explore import Bandit, explore
from longtake.tools.select.items import Items, Signals
from longtake.tools.select.scorers import any_lane


def focus(items: Items, signals: Signals, budget: int, options: Options) -> Plan:
    """As many full-size frames as the budget has, of the stretches that look most promising.

    Without a probe the frames' stored relevance is what exploring finds, and nothing is scored.
    """
    probe = signals.probe
    notes: tuple[str, ...] = ()
    if probe is None:
        probe = any_lane(items, signals).__getitem__
        notes = ("no way to score frames on request: read the relevance in the index",)

    found = explore(len(items), budget, probe, Bandit(seed=options.seed))
    reason = f"of the most promising of {found.arms} stretches"
    drafts = [
        Draft(index=int(index), scale=1.0, score=float(score), reason=reason, part="frames")
        for index, score in zip(found.indices, found.scores, strict=True)
    ]
    return Plan(drafts=drafts, scored=found.scored if signals.probe else 0, notes=notes)
