"""Tokens of pictures of the Qwen-VL models, by the rules and constants of their processors in
transformers 5: dynamic resolution in merged patches."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from longtake.tools.vlm.messages import VideoClock
from longtake.tools.vlm.tokens import STAMP_TOKENS, Family, Layout


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
    video_exact: bool = True
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
    video_exact: bool = True
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
