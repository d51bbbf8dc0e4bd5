"""Tokens of pictures of models that vendors serve, by the documentation of Anthropic, OpenAI and
Google."""

import math
from dataclasses import dataclass

from longtake.tools.vlm.tokens import Family


@dataclass(frozen=True, slots=True, kw_only=True)
class Claude(Family):
    """Claude: 28-pixel patches after fitting the longest edge and a number of patches."""

    name: str
    longest: int = 1568
    most_patches: int = 1568
    patch: int = 28

    def image_tokens(self, width: int, height: int) -> int:
        """Patches of the fitted picture."""
        wide, high = self._fitted(max(width, height), min(width, height))
        return self._patches(wide) * self._patches(high)

    def _patches(self, side: int) -> int:
        return -(-side // self.patch)

    def _fits(self, wide: int, high: int) -> bool:
        across, down = self._patches(wide), self._patches(high)
        longest = max(across, down) * self.patch
        return longest <= self.longest and across * down <= self.most_patches

    def _fitted(self, wide: int, high: int) -> tuple[int, int]:
        """The vendor's reference search for the largest size that fits, landscape."""
        if self._fits(wide, high):
            return wide, high
        ratio, low, top = wide / high, 1, wide
        while low + 1 < top:
            middle = (low + top) // 2
            if self._fits(middle, max(round(middle / ratio), 1)):
                low = middle
            else:
                top = middle
        return low, max(round(low / ratio), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAiPatches(Family):
    """OpenAI's patch models at `detail: high`: 32-pixel patches times a factor of the model."""

    name: str
    longest: int = 2048
    most_patches: int = 2500
    factor: float = 1.2

    def image_tokens(self, width: int, height: int) -> int:
        """Patches of the fitted picture times the factor, rounded up."""
        scale = min(1.0, self.longest / max(width, height))
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
        if _patches32(width) * _patches32(height) > self.most_patches:
            shrink = math.sqrt(1024 * self.most_patches / (width * height))
            across, down = width * shrink / 32, height * shrink / 32
            shrink *= min(math.floor(across) / across, math.floor(down) / down)
            width, height = int(width * shrink), int(height * shrink)
        return math.ceil(round(_patches32(width) * _patches32(height) * self.factor, 6))


def _patches32(side: int) -> int:
    return math.ceil(side / 32)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAiTiles(Family):
    """OpenAI's tile models at `detail: high`: 512-pixel tiles of a picture fitted twice."""

    name: str
    base: int
    per_tile: int

    def image_tokens(self, width: int, height: int) -> int:
        """Base and tiles."""
        scale = min(1.0, 2048 / max(width, height))
        wide, high = width * scale, height * scale
        scale = min(1.0, 768 / min(wide, high))
        across = math.ceil(round(wide * scale / 512, 6))
        down = math.ceil(round(high * scale / 512, 6))
        return self.base + self.per_tile * across * down


@dataclass(frozen=True, slots=True, kw_only=True)
class Gemini2(Family):
    """Gemini 2: one tile up to 384 pixels, else tiles of two thirds of the shorter side."""

    name: str
    per_tile: int = 258

    def image_tokens(self, width: int, height: int) -> int:
        """Tiles."""
        if max(width, height) <= 384:
            return self.per_tile
        unit = max(1, math.floor(min(width, height) / 1.5))
        return self.per_tile * math.ceil(width / unit) * math.ceil(height / unit)
