"""Pictures of views. Only what is really sent is decoded, through `Library.frames_at`, and encoded
once: the same picture has the same bytes every time, so that prompt and image caches hit."""

import io
import threading
from collections import OrderedDict
from collections.abc import Sequence
from itertools import groupby

import numpy as np

from longtake.index.lanes import U8
from longtake.tools.library import Library
from longtake.tools.sheets import sheet
from longtake.tools.stamps import stamped
from longtake.tools.view import (
    FrameItem,
    PictureItem,
    Shape,
    SheetItem,
    View,
    box_of,
    parts_of,
    picture_of,
)
from longtake.tools.vlm.messages import Frames, Part, Picture

JPEG_QUALITY = 85
_KEPT = 512
"""Encoded pictures kept in memory."""


class Viewer:
    """Makes the pictures of views, each encoded once. Threads take turns."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._encoded: OrderedDict[str, Picture] = OrderedDict()
        self._lock = threading.Lock()

    def parts(self, view: View) -> tuple[Part, ...]:
        """The view as parts of a message, decoded and encoded.

        Raises:
            MediaError: a file is gone or cannot be decoded.
            UsageError: a time is not finite or a crop is empty.
        """
        with self._lock:
            made = self._made(view.pictures)
            return tuple(parts_of(view, lambda item: made[item.key]))

    def frames(self, video_id: str, shape: Shape, crop: Sequence[float] | None = None) -> Frames:
        """The frames of a shape, decoded and encoded. Raises as `parts`."""
        items = shape.items(video_id, box_of(crop) if crop is not None else None)
        with self._lock:
            made = self._made(items)
            return Frames(pictures=tuple(made[item.key] for item in items))

    def _made(self, items: Sequence[PictureItem]) -> dict[str, Picture]:
        """Pictures by key; frames of one video, size and crop are decoded in one go."""
        missing = [item for item in items if item.key not in self._encoded]
        frames = [item for item in missing if isinstance(item, FrameItem)]
        for _, run in groupby(frames, lambda i: (i.video_id, i.pixels, i.crop)):
            alike = list(run)
            first = alike[0]
            found = self._library.frames_at(
                first.video_id, [i.time for i in alike], size=first.pixels, crop=first.crop
            )
            for item, frame in zip(alike, found, strict=True):
                rgb = stamped(frame.rgb, item.time) if item.stamped else frame.rgb
                self._encoded[item.key] = picture_of(item, encode(rgb))
        for sheet_item in missing:
            if isinstance(sheet_item, SheetItem):
                made_of = encode(self._sheet(sheet_item))
                self._encoded[sheet_item.key] = picture_of(sheet_item, made_of)
        made = {item.key: self._encoded[item.key] for item in items}
        for key in made:
            self._encoded.move_to_end(key)
        while len(self._encoded) > max(_KEPT, len(made)):
            self._encoded.popitem(last=False)
        return made

    def _sheet(self, item: SheetItem) -> U8:
        size = (item.width, item.height)
        found = self._library.frames_at(item.video_id, item.times, size=size)
        cells = [stamped(frame.rgb, time) for frame, time in zip(found, item.times, strict=True)]
        return sheet(np.stack(cells), item.grid)


def encode(image: U8) -> bytes:
    """JPEG of u8 [H, W, 3] RGB."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()
