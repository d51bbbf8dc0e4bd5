"""How many tokens pictures cost, by the published arithmetic of each model family.

Counts are what the visual part of a prompt adds: placeholders and the family's own delimiters.
Rules and constants are those of the processors in transformers 5 (Qwen, Idefics3/SmolVLM, InternVL,
LLaVA-OneVision, Gemma) and of the vendors' documentation (OpenAI, Anthropic, Google).
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from longtake.tools.vlm.messages import VideoClock

STAMP_TOKENS = 12
"""Bound of the text that a processor itself writes for a frame's time, `<12345.6 seconds>`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A picture or video as its processor writes it: runs of tokens of its own, and words between
    them that are counted like any others."""

    tokens: int
    """Placeholders and marks, each one token in every tokenizer of the family."""
    words: tuple[str, ...] = ("", "")
    """Before the first run, between runs, after the last."""


class Family(ABC):
    """A way of counting pictures."""

    name: str
    takes_video: bool = False
    """Whether frames can be sent as one video."""

    @abstractmethod
    def image_tokens(self, width: int, height: int) -> int:
        """Tokens of one picture of that size in pixels."""

    def video_tokens(self, count: int, width: int, height: int) -> int:
        """Tokens of `count` frames sent as one video; images where there is no such thing."""
        return count * self.image_tokens(width, height)

    def image_layout(self, width: int, height: int) -> Layout:
        """One picture as written."""
        return Layout(tokens=self.image_tokens(width, height))

    def video_layout(self, times: Sequence[float], width: int, height: int) -> Layout:
        """Frames at these seconds as written, sent as one video."""
        return Layout(tokens=self.video_tokens(len(times), width, height))


def smart_resize(
    height: int, width: int, factor: int, least: int, most: int, *, frames: int = 1, steps: int = 1
) -> tuple[int, int]:
    """(height, width) that a Qwen processor gives a picture: multiples of `factor` whose area, over
    all frames, lies between `least` and `most` pixels. Rounds half to even, as upstream does."""
    high, wide = round(height / factor) * factor, round(width / factor) * factor
    if steps * high * wide > most:
        scale = math.sqrt(frames * height * width / most)
        high = max(factor, math.floor(height / scale / factor) * factor)
        wide = max(factor, math.floor(width / scale / factor) * factor)
    elif steps * high * wide < least:
        scale = math.sqrt(least / (frames * height * width))
        high = math.ceil(height * scale / factor) * factor
        wide = math.ceil(width * scale / factor) * factor
    return high, wide


@dataclass(frozen=True, slots=True, kw_only=True)
class Qwen2(Family):
    """Qwen2-VL and Qwen2.5-VL: dynamic resolution, two frames of a video share their tokens."""

    name: str
    takes_video: bool = True
    factor: int = 28
    """Pixels of a merged patch's side."""
    least: int = 56 * 56
    most: int = 12_845_056
    video_least: int = 128 * 28 * 28
    """Of a frame of a video."""
    video_most: int = 768 * 28 * 28
    temporal: int = 2

    def image_tokens(self, width: int, height: int) -> int:
        """Merged patches, and a token at either end."""
        high, wide = smart_resize(height, width, self.factor, self.least, self.most)
        return high // self.factor * (wide // self.factor) + 2

    def video_tokens(self, count: int, width: int, height: int) -> int:
        """Merged patches of every two frames, and a token at either end."""
        high, wide = smart_resize(height, width, self.factor, self.video_least, self.video_most)
        steps = -(-count // self.temporal)
        return steps * (high // self.factor) * (wide // self.factor) + 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Qwen3(Family):
    """Qwen3-VL and later: as Qwen2.5-VL, with a time before every two frames of a video and one
    limit for all of its pixels."""

    name: str
    takes_video: bool = True
    factor: int = 32
    least: int = 65_536
    most: int = 16_777_216
    video_least: int = 4096
    """Of a whole video."""
    video_most: int = 25_165_824
    temporal: int = 2
    frame_cap: int = 0
    """Most merged patches of a frame; 0 has no such cap."""

    def image_tokens(self, width: int, height: int) -> int:
        """Merged patches, and a token at either end."""
        high, wide = smart_resize(height, width, self.factor, self.least, self.most)
        return high // self.factor * (wide // self.factor) + 2

    def video_tokens(self, count: int, width: int, height: int) -> int:
        """Merged patches of every two frames with a time and a token at either end."""
        return -(-count // self.temporal) * (self._patches(count, width, height) + 2 + STAMP_TOKENS)

    def video_layout(self, times: Sequence[float], width: int, height: int) -> Layout:
        """Every two frames after the mean of their times."""
        seconds = VideoClock.of(times).seconds
        seconds += [seconds[-1]] * (-len(seconds) % self.temporal)
        pairs = zip(
            seconds[:: self.temporal], seconds[self.temporal - 1 :: self.temporal], strict=True
        )
        words = [f"<{(first + last) / 2:.1f} seconds>" for first, last in pairs]
        patches = self._patches(len(times), width, height)
        return Layout(tokens=len(words) * (patches + 2), words=(*words, ""))

    def _patches(self, count: int, width: int, height: int) -> int:
        """Merged patches of two frames."""
        most = self.video_most
        if self.frame_cap:
            cap = min(self.frame_cap * self.factor**2, self.video_most // count)
            most = max(cap, int(self.video_least * 1.05)) * count
        if height < self.factor or width < self.factor:
            scale = max(self.factor / height, self.factor / width)
            height, width = int(height * scale), int(width * scale)
        steps = round(count / 2) * 2
        high, wide = smart_resize(
            height, width, self.factor, self.video_least, most, frames=count, steps=steps
        )
        return (high // self.factor) * (wide // self.factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Idefics3(Family):
    """Idefics3 and SmolVLM: pictures are scaled up to tiles, frames of a video are not split."""

    name: str
    takes_video: bool = True
    tile: int = 512
    per_tile: int = 64
    longest: int = 2048
    """Pixels that the longer side is scaled to."""

    def image_tokens(self, width: int, height: int) -> int:
        """Tiles with their marks and line ends, and the whole picture once more."""
        rows, columns = self._grid(width, height)
        if not rows:
            return self.per_tile + 3
        tiles = rows * columns
        # the last two line ends are one token
        return (tiles + 1) * self.per_tile + 2 * tiles + rows + 3

    def video_tokens(self, count: int, width: int, height: int) -> int:
        """One tile a frame with its time; introduction and end."""
        return count * (self.per_tile + 3 + STAMP_TOKENS) + 40

    def image_layout(self, width: int, height: int) -> Layout:
        """Rows of tiles with line ends, and the whole picture."""
        rows, columns = self._grid(width, height)
        tiles = rows * columns
        if not tiles:
            return Layout(tokens=self.per_tile + 3)
        lines = ["\n"] * (rows - 1) + ["\n\n"]
        return Layout(tokens=(tiles + 1) * self.per_tile + 2 * tiles + 3, words=("", *lines, ""))

    def video_layout(self, times: Sequence[float], width: int, height: int) -> Layout:
        """An introduction, and every frame after its minute and second."""
        from num2words import num2words  # what SmolVLM's processor itself calls

        clock = VideoClock.of(times)
        told = [f"\nFrame from {int(s // 60):02d}:{int(s % 60):02d}:" for s in clock.seconds]
        told[0] = (
            f"You are provided the following series of {num2words(len(times))} frames from a "
            f"{timedelta(seconds=int(clock.duration))} [H:MM:SS] video.\n{told[0]}"
        )
        return Layout(tokens=len(times) * (self.per_tile + 3), words=(*told, "\n\n"))

    def _grid(self, width: int, height: int) -> tuple[int, int]:
        high, wide = _fit_longest(height, width, self.longest)
        ratio, tile = wide / high, self.tile
        if wide >= high:
            wide = math.ceil(wide / tile) * tile
            high = math.ceil(int(wide / ratio) / tile) * tile
        else:
            high = math.ceil(high / tile) * tile
            wide = math.ceil(int(high * ratio) / tile) * tile
        if high <= tile and wide <= tile:
            return 0, 0
        return math.ceil(high / tile), math.ceil(wide / tile)


def _fit_longest(height: int, width: int, longest: int, most: int = 4096) -> tuple[int, int]:
    """(height, width) with the longer side at `longest`, the other made even, none above `most`."""
    ratio = width / height
    if width >= height:
        wide = longest
        high = int(wide / ratio)
        high += high % 2
    else:
        high = longest
        wide = int(high * ratio)
        wide += wide % 2
    high, wide = max(high, 1), max(wide, 1)
    ratio = wide / high
    if wide >= high and wide > most:
        wide, high = most, int(most / ratio)
    elif high > wide and high > most:
        high, wide = most, int(most * ratio)
    return max(high, 1), max(wide, 1)


@lru_cache
def _grids(most: int) -> tuple[tuple[int, int], ...]:
    every = ((i, j) for i in range(1, most + 1) for j in range(1, most + 1) if i * j <= most)
    return tuple(sorted(every, key=lambda grid: grid[0] * grid[1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class InternVL(Family):
    """InternVL 2.5 and 3: the grid of tiles nearest to the picture's shape, and a thumbnail."""

    name: str
    takes_video: bool = True
    tile: int = 448
    per_tile: int = 256
    most_tiles: int = 12

    def image_tokens(self, width: int, height: int) -> int:
        """Tiles and thumbnail, and a token at either end."""
        best, nearest = (1, 1), math.inf
        for columns, rows in _grids(self.most_tiles):
            off = abs(width / height - columns / rows)
            large = width * height > 0.5 * self.tile**2 * columns * rows
            if off < nearest or (off == nearest and large):
                best, nearest = (columns, rows), min(off, nearest)
        tiles = best[0] * best[1]
        return (tiles + 1 if tiles > 1 else 1) * self.per_tile + 2

    def video_tokens(self, count: int, width: int, height: int) -> int:
        """One tile a frame, with its number."""
        return count * (self.per_tile + 2 + STAMP_TOKENS)


@dataclass(frozen=True, slots=True, kw_only=True)
class LlavaOneVision(Family):
    """LLaVA-OneVision: anyres grid of up to nine tiles' worth of tokens, a token a row, and the
    whole picture once more."""

    name: str
    takes_video: bool = True
    tile: int = 384
    per_tile: int = 729
    most_patches: int = 9
    sides: tuple[int, ...] = (384, 768, 1152, 1536, 1920, 2304)

    def image_tokens(self, width: int, height: int) -> int:
        """Tokens of the unpadded grid, its rows and the whole picture."""
        best_high, best_wide = self._best(width, height)
        side = math.isqrt(self.per_tile)
        rows, columns = side * (best_high // self.tile), side * (best_wide // self.tile)
        if width / height > columns / rows:
            rows -= (rows - int(round(height * (columns / width), 7))) // 2 * 2
        else:
            columns -= (columns - int(round(width * (rows / height), 7))) // 2 * 2
        tokens, lines = rows * columns, rows
        ratio = math.sqrt(rows * columns / (self.most_patches * side * side))
        if ratio > 1.1:
            tokens, lines = int(rows // ratio) * int(columns // ratio), int(rows // ratio)
        return tokens + lines + self.per_tile

    def video_tokens(self, count: int, width: int, height: int) -> int:
        """Every frame pooled by two in both directions, and one token."""
        side = math.ceil(math.isqrt(self.per_tile) / 2)
        return count * side * side + 1

    def _best(self, width: int, height: int) -> tuple[int, int]:
        best, effective, waste = (self.sides[0], self.sides[0]), 0, math.inf
        for high in self.sides:
            for wide in self.sides:
                scale = min(wide / width, high / height)
                fitted = min(int(width * scale) * int(height * scale), width * height)
                left = wide * high - fitted
                if fitted > effective or (fitted == effective and left < waste):
                    best, effective, waste = (high, wide), fitted, left
        return best


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant(Family):
    """Gemma 3 and others: the same for every picture."""

    name: str
    per_image: int = 256
    delimiters: int = 2

    def image_tokens(self, width: int, height: int) -> int:
        """The constant, and what encloses it."""
        return self.per_image + self.delimiters


@dataclass(frozen=True, slots=True, kw_only=True)
class Gemma4(Family):
    """Gemma 4: keeps the shape, at most `soft` tokens."""

    name: str
    takes_video: bool = True
    soft: int = 280
    soft_video: int = 70
    patch: int = 16
    pool: int = 3

    def image_tokens(self, width: int, height: int) -> int:
        """Pooled patches, and a token at either end."""
        return self._pooled(width, height, self.soft) + 2

    def video_tokens(self, count: int, width: int, height: int) -> int:
        """Pooled patches of every frame with its time."""
        return count * (self._pooled(width, height, self.soft_video) + 2 + STAMP_TOKENS)

    def _pooled(self, width: int, height: int, soft: int) -> int:
        unit = self.pool * self.patch
        scale = math.sqrt(soft * unit**2 / (height * width))
        high = math.floor(scale * height / unit) * unit
        wide = math.floor(scale * width / unit) * unit
        if not high:
            high, wide = unit, min(math.floor(width / height) * unit, unit * soft)
        elif not wide:
            wide, high = unit, min(math.floor(height / width) * unit, unit * soft)
        return (high // self.patch) * (wide // self.patch) // self.pool**2


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


@dataclass(frozen=True, slots=True)
class Largest(Family):
    """A bound for models of unknown family: the most that any of them counts."""

    families: tuple[Family, ...]
    name: str = "unknown"

    def image_tokens(self, width: int, height: int) -> int:
        """The largest count."""
        return max(family.image_tokens(width, height) for family in self.families)

    def video_tokens(self, count: int, width: int, height: int) -> int:
        """The largest count."""
        return max(family.video_tokens(count, width, height) for family in self.families)
