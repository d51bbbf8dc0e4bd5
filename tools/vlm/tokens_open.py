"""Tokens of pictures of open models beside Qwen, by the rules and constants of their processors in
transformers 5: Idefics3 and SmolVLM, InternVL, LLaVA-OneVision, Gemma."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from longtake.tools.vlm.messages import VideoClock
from longtake.tools.vlm.tokens import STAMP_TOKENS, Family, Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class Idefics3(Family):
    """Idefics3 and SmolVLM: pictures are scaled up to tiles, frames of a video are not split."""

    name: str
    takes_video: bool = True
    video_exact: bool = True
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
