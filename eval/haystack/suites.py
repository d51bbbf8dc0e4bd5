"""The suites that `longtake eval generate` knows, in the sizes of benchmarks.md 4.9; `lengths` has
short and long videos for comparing one with the other, `varied` has frames at irregular times and
boards that are hard to read."""

from dataclasses import replace

from longtake.errors import UsageError
from longtake.eval.haystack.config import Suite, WorldConfig

_SMOKE = WorldConfig(
    days=3, seconds=60, items=48, needle_s=(0.5, 2.0), needle_shares=(0.25, 0.75), rooms=5
)
_DEV = WorldConfig(days=5, seconds=600, items=100)
_HOUR = WorldConfig(days=2, seconds=3600, items=125, rooms=10)
_LIBRARY = WorldConfig(days=50, seconds=600, items=500, rooms=12)
_STRESS = WorldConfig(days=1, seconds=36_000, items=200, rooms=12)
_BY_LENGTH = (
    *(replace(_SMOKE, items=24, counts="occurring"),) * 4,
    *(WorldConfig(days=1, seconds=600, items=32, counts="occurring"),) * 3,
    WorldConfig(days=2, seconds=3600, items=72, rooms=10, fps=4, counts="occurring"),
)
_VARIED = WorldConfig(
    days=2,
    seconds=300,
    items=60,
    counts="occurring",
    irregular=True,
    text_contrast=(1.0, 0.5, 0.2),
    text_degrees=(-5.0, -2.5, 0.0, 2.5, 5.0),
    text_blur_px=(0, 3, 6),
)
FOOTAGE = "footage"
"""Name of what is made of a user's own videos; how large it is depends on them."""

SUITES = {
    "smoke": Suite(name="smoke", worlds=(_SMOKE,)),
    "dev": Suite(name="dev", worlds=(_DEV,) * 8),
    "lengths": Suite(name="lengths", worlds=_BY_LENGTH),
    "standard": Suite(name="standard", worlds=(*(_HOUR,) * 12, _LIBRARY)),
    "stress": Suite(name="stress", worlds=(_STRESS,)),
    "varied": Suite(name="varied", worlds=(_VARIED,) * 4),
}


def suite(name: str, *, held_out: bool = False) -> Suite:
    """The suite of that name, with held-out words and wordings where asked.

    Raises:
        UsageError: there is none; the message lists those there are.
    """
    if name not in SUITES:
        raise UsageError(f"no suite {name!r}; there are: {', '.join(SUITES)}")
    found = SUITES[name]
    return replace(found, worlds=tuple(replace(w, held_out=held_out) for w in found.worlds))
