"""Rows of boards that are hard to read: pale, turned or smeared."""

import math
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from longtake.eval.haystack.acts import Look
from longtake.eval.haystack.sets import STRIP, Box
from longtake.eval.haystack.vocabulary import Rgb

ROW_INK: Rgb = (238, 216, 120)


def turned(box: Box, degrees: float) -> Box:
    """The smallest upright box around a box that is turned about its middle."""
    turn = math.radians(degrees)
    width, height = box[2] - box[0], box[3] - box[1]
    across = abs(width * math.cos(turn)) + abs(height * math.sin(turn))
    down = abs(width * math.sin(turn)) + abs(height * math.cos(turn))
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return x - across / 2, y - down / 2, x + across / 2, y + down / 2


def write(
    picture: Image.Image, text: str, font: ImageFont.FreeTypeFont, box: Box, look: Look
) -> None:
    """Write into the picture, the capitals in `box`."""
    sheet = _ink(text, font, look)
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    place = round(x - sheet.width / 2), round(y - sheet.height / 2)
    ink = tuple(round(b + look.contrast * (a - b)) for a, b in zip(ROW_INK, STRIP, strict=True))
    picture.paste(ink, place, sheet)


@lru_cache(maxsize=64)
def _ink(text: str, font: ImageFont.FreeTypeFont, look: Look) -> Image.Image:
    """L: where there is ink; the capitals' middle is the sheet's."""
    left, top, right, bottom = font.getbbox("H" + text, anchor="ls")
    cap = round(-font.getbbox("H", anchor="ls")[1])
    reach = math.ceil(max(-top, bottom, cap)) + look.blur_px + 2
    sheet = Image.new("L", (math.ceil(right - left) + 2 * reach, 2 * reach + cap))
    pen = ImageDraw.Draw(sheet)
    start = (sheet.width - font.getlength(text)) / 2
    pen.text((round(start), reach + cap), text, font=font, fill=255, anchor="ls")
    if look.blur_px > 1:
        rows = np.asarray(sheet, np.float32)
        taps = np.full(look.blur_px, 1 / look.blur_px, np.float32)
        smeared = [np.convolve(row, taps, "same") for row in rows]
        sheet = Image.fromarray(np.array(smeared).round().clip(0, 255).astype(np.uint8))
    return sheet.rotate(look.degrees, Image.Resampling.BICUBIC, expand=True)
