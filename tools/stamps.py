"""Seconds drawn into pictures, for models that read them there.

LOVE-R1 stamps the frames of its overview this way. Theirs are red; chroma subsampling blurs red
letters at small sizes, so ours are white on a dark plate.
"""

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from longtake.index.lanes import U8

SHARE = 1 / 8
"""Height of the letters as a share of the picture's shorter side."""
LEAST_PX, MOST_PX = 11, 28
"""Smaller letters do not survive JPEG; larger ones only hide more of the picture."""
_PLATE, _INK = (0, 0, 0), (255, 255, 255)


def stamp_text(time: float) -> str:
    """A second as it is drawn: `12.5s`."""
    return f"{time:.1f}s"


def stamped(image: U8, time: float) -> U8:
    """A copy of u8 [H, W, 3] RGB with its second bottom right. Where the picture is too narrow for
    letters of `LEAST_PX` they are as large as fits, down to 6 px."""
    height, width = image.shape[:2]
    words = stamp_text(time)
    size = min(MOST_PX, max(LEAST_PX, round(min(width, height) * SHARE)))
    while size > 6 and _plate(words, size)[0] > width:
        size -= 1
    wide, high = _plate(words, size)
    picture = Image.fromarray(image)
    draw = ImageDraw.Draw(picture)
    left, top = width - wide, height - high
    draw.rectangle((left, top, width, height), fill=_PLATE)
    draw.text((left + wide / 2, top + high / 2), words, font=_font(size), fill=_INK, anchor="mm")
    return np.asarray(picture)


def _plate(words: str, size: int) -> tuple[int, int]:
    """(width, height) in pixels of what the words stand on."""
    return round(_font(size).getlength(words) + size / 2), round(size * 1.15)


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont), "Pillow was built without FreeType"
    return font
