"""The query-free check finds needles that stand out, and only those."""

import numpy as np

from longtake.eval.haystack.acts import Put
from longtake.eval.haystack.novelty import ActKey, Verdict, Watcher, act_key, act_keys, verdicts
from longtake.eval.haystack.suites import SUITES
from longtake.eval.haystack.world import make_world


def watched(bright: bool) -> tuple[Verdict, ...]:
    """Verdicts on every fifth act of putting, over grey noise; brightened while it lasts where
    `bright`."""
    suite = SUITES["dev"]
    day = make_world(suite, 0, 4).days[0]
    puts = [t for scene in day.scenes for t in scene.acts if isinstance(t.act, Put)]
    needles = puts[::6]
    rng = np.random.default_rng(0)
    watcher = Watcher(act_keys(day))
    inside = {number for timed in needles for number in range(timed.first, timed.last)}
    for number in range(day.frames):
        level = 200 if bright and number in inside else 100
        watcher.see(number, rng.integers(level - 20, level + 20, (18, 32, 3)).astype(np.uint8))
    scores: dict[tuple[str, ActKey], dict[str, float]] = {
        (day.video, key): ranked for key, ranked in watcher.scores().items()
    }
    return verdicts(scores, [(day.video, act_key(timed)) for timed in needles])


def test_pasted_needles_are_found() -> None:
    found = {verdict.ranker: verdict for verdict in watched(bright=True)}
    assert found["change"].recall == 1 and found["change"].solved
    assert found["drift"].recall == 1 and found["drift"].solved


def test_needles_like_all_others_are_not() -> None:
    assert not any(verdict.solved for verdict in watched(bright=False))


def test_luck_is_the_binomial_tail() -> None:
    scores: dict[tuple[str, ActKey], dict[str, float]] = {
        ("v", ("Put", i, i + 1)): {"change": float(i)} for i in range(10)
    }
    needles = [("v", ("Put", 9, 10)), ("v", ("Put", 0, 1))]
    verdict = next(v for v in verdicts(scores, needles) if v.ranker == "change")
    assert verdict.recall == 0.5
    assert abs(verdict.luck - (1 - 0.8**2)) < 1e-9
