"""What a world is made from; with the version and a seed it fixes every frame and every truth."""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

VERSION = "1"
"""Of the generator: raised whenever the same seed gives other frames or another truth."""
CANARY = "longtake-haystack canary 7c1f0a52-9d3e-4b86-a6f4-2e8b5d90c317"
"""In every item, so that it can be found in training data."""

Voice = Literal["piper", "given"]
Counts = Literal["around", "occurring"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldConfig:
    """One world: some days (a video each) with the same rooms, people and codes."""

    days: int
    seconds: float
    """Length of each day."""
    items: int
    """Questions asked of the world, exactly."""
    width: int = 640
    height: int = 360
    fps: int = 8
    gop_s: float = 6.0
    """Distance of key frames; needles keep off them."""
    needle_s: tuple[float, ...] = (0.5, 2.0, 8.0)
    needle_shares: tuple[float, ...] = (0.25, 0.6, 0.15)
    text_px: tuple[int, ...] = (6, 8, 10, 12, 16, 20, 24, 32)
    """Heights of capitals on boards."""
    snr_db: tuple[float, ...] = (30.0, 20.0, 10.0)
    """Speech over the noise around it."""
    speeds: tuple[float, ...] = (0.9, 1.0, 1.15, 1.3)
    """Piper's length scale: higher is slower."""
    rooms: int = 8
    held_out: bool = False
    """Use also the words, shapes and wordings kept from public seeds."""
    rotations: int = 1
    """Orders in which options are asked."""
    counts: Counts = "around"
    """Options of counts: numbers next to the right one, small ones of which are right more often
    than others; or five that truly occur, each of which is right as often as the others."""
    irregular: bool = False
    """Frames at irregular times, some left out (VFR)."""
    text_contrast: tuple[float, ...] = (1.0,)
    """Of letters on boards: 1 is the usual ink, 0 the board's own colour."""
    text_degrees: tuple[float, ...] = (0.0,)
    """By which rows of boards are turned."""
    text_blur_px: tuple[int, ...] = (0,)
    """Over which letters are smeared sideways, as when a camera moves."""

    @property
    def text_varies(self) -> bool:
        """Whether boards look different from the usual."""
        return (self.text_contrast, self.text_degrees, self.text_blur_px) != ((1.0,), (0.0,), (0,))


ADDED = ("counts", "irregular", "text_contrast", "text_degrees", "text_blur_px")
"""Settings that came after the first suites: only where they are used do they count in the hash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Worlds that are made and scored together."""

    name: str
    worlds: tuple[WorldConfig, ...]

    @property
    def items(self) -> int:
        """Questions in all."""
        return sum(world.items for world in self.worlds)

    @property
    def days(self) -> int:
        """Videos in all."""
        return sum(world.days for world in self.worlds)


def config_hash(suite: Suite, voice: Voice) -> str:
    """SHA-256 of everything but the seed that what is made depends on."""
    usual = {field.name: field.default for field in fields(WorldConfig)}

    def told_of(world: WorldConfig) -> dict[str, Any]:
        values = asdict(world)
        return {n: v for n, v in values.items() if n not in ADDED or v != usual[n]}

    worlds = [told_of(world) for world in suite.worlds]
    whole = {"version": VERSION, "voice": voice, "name": suite.name, "worlds": worlds}
    told = json.dumps(whole, sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()
