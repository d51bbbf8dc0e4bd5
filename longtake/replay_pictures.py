"""Frames of a replay page: small JPEGs as data URIs, few enough that the page stays light."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

from longtake.errors import MediaError, UsageError
from longtake.index.lanes import U8, Box
from longtake.tools.library import Library
from longtake.tools.stamps import stamped
from longtake.tools.view import SheetItem, View, fitted_size
from longtake.tools.viewer import Viewer
from longtake.tools.vlm.messages import Picture

MOST_FRAMES = 200
MOST_BYTES = 6 * 2**20
"""Of all JPEGs of a page together."""
LONGER_SIDE_PX = 320
_QUALITY = 78


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbnail:
    """A frame to show."""

    time: float
    """Seconds, as asked for."""
    width: int
    height: int
    source: str
    """A `data:` URI."""


class Pictures:
    """Decodes frames for one page and counts what it had to leave out. A contact sheet counts as
    one picture, as it is sent.

    Attributes:
        left_out: frames that were asked for beyond what a page holds, those of sheets included.
        faults: video id -> why its frames cannot be shown.
    """

    def __init__(
        self, library: Library, *, most_frames: int = MOST_FRAMES, most_bytes: int = MOST_BYTES
    ) -> None:
        self.left_out = 0
        self.faults: dict[str, str] = {}
        self._library = library
        self._viewer = Viewer(library)
        self._frames = most_frames
        self._bytes = most_bytes

    @property
    def room(self) -> int:
        """Pictures that still fit."""
        return self._frames if self._bytes > 0 else 0

    def of(
        self,
        video_id: str,
        times: Sequence[float],
        *,
        crop: tuple[float, float, float, float] | None = None,
        sent: tuple[int, int] | None = None,
        stamps: bool = False,
        most: int | None = None,
    ) -> list[Thumbnail]:
        """The frames at these times; fewer, evenly thinned, beyond `most` or what is left of the
        page; none where the video cannot be read, which `faults` then explains.

        Args:
            sent: pixels that a model was sent; no frame shows more. None is all that there is.
            stamps: draw their seconds into them.
        """
        wanted = len(times) if most is None else min(most, len(times))
        chosen = thinned(times, min(wanted, self.room))
        if video_id in self.faults or not chosen:
            self.left_out += 0 if video_id in self.faults else len(times)
            return []
        try:
            box = None if crop is None else Box(*crop)
            size = LONGER_SIDE_PX if sent is None else fitted_size(*sent, LONGER_SIDE_PX)
            frames = self._library.frames_at(video_id, chosen, size=size, crop=box)
        except (MediaError, UsageError) as exc:
            self.faults[video_id] = str(exc)
            return []
        self.left_out += len(times) - len(chosen)
        self._frames -= len(chosen)
        return [
            self._thumbnail(
                time,
                _jpeg(stamped(frame.rgb, time) if stamps else frame.rgb),
                (frame.rgb.shape[1], frame.rgb.shape[0]),
            )
            for time, frame in zip(chosen, frames, strict=True)
        ]

    def sheet(
        self,
        video_id: str,
        times: Sequence[float],
        *,
        size: tuple[int, int],
        columns: int,
        most: int = 1,
    ) -> Thumbnail | None:
        """The contact sheet of these frames of this size, byte for byte as a model is sent it; None
        where there is no room for it or the video cannot be read."""
        if video_id in self.faults or not min(most, self.room):
            self.left_out += 0 if video_id in self.faults else len(times)
            return None
        width, height = size
        item = SheetItem(
            video_id=video_id, times=tuple(times), width=width, height=height, columns=columns
        )
        try:
            parts = self._viewer.parts(View(items=(item,)))
        except (MediaError, UsageError) as exc:
            self.faults[video_id] = str(exc)
            return None
        self._frames -= 1
        (picture,) = (part for part in parts if isinstance(part, Picture))
        return self._thumbnail(times[0], picture.jpeg, item.pixels)

    def _thumbnail(self, time: float, jpeg: bytes, size: tuple[int, int]) -> Thumbnail:
        self._bytes -= len(jpeg)
        source = f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"
        return Thumbnail(time=time, width=size[0], height=size[1], source=source)


def thinned(times: Sequence[float], count: int) -> list[float]:
    """`count` of the times, spread evenly; all of them when there are no more.

    >>> thinned([0.0, 1.0, 2.0, 3.0, 4.0], 3)
    [0.0, 2.0, 4.0]
    """
    if count >= len(times):
        return list(times)
    if count <= 1:
        return [times[len(times) // 2]][:count]
    step = (len(times) - 1) / (count - 1)
    return [times[round(index * step)] for index in range(count)]


def shared(counts: Sequence[int], most: int) -> list[int]:
    """How many pictures each look may show when all together may show `most`: spread evenly, and
    what a look with few of them leaves goes to the others.

    >>> shared([2, 8, 8], 12)
    [2, 5, 5]
    """
    shares = [0] * len(counts)
    left = most
    smallest_first = sorted(range(len(counts)), key=lambda index: counts[index])
    for done, index in enumerate(smallest_first):
        shares[index] = min(counts[index], left // (len(counts) - done))
        left -= shares[index]
    return shares


def _jpeg(rgb: U8) -> bytes:
    from PIL import Image

    written = io.BytesIO()
    Image.fromarray(rgb).save(written, "JPEG", quality=_QUALITY, optimize=True)
    return written.getvalue()
