"""A small picture of every clip, and a storyboard of the whole video for people.

Clips are known only when the shots are, long after their frames went by. So every sampled frame
that changed leaves a small JPEG in a spool file on disk, and the clips choose from it at the end.
"""

import bisect
import io
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from PIL import Image, ImageDraw, ImageFont

from longtake.errors import LibraryError
from longtake.index.gate import ChangeGate
from longtake.index.lanes import StageResult, StageState
from longtake.index.sampled import SampledFrame
from longtake.timing import Span, format_time

LONGER_SIDE_PX = 320
STORYBOARD = "storyboard.jpg"
COLUMNS, ROWS = 6, 10
"""Most pictures across and down the storyboard."""

_QUALITY = 80
_INTERVAL_S = 0.5
_CHANGE = 4.0
"""Finer than the gate of the visual lane: a new line on a slide is a new picture."""
_TILE_PX = 240
_GAP_PX, _CAPTION_PX = 8, 22
_PAPER, _INK = (24, 26, 30), (220, 222, 226)


class ThumbnailWriter:
    """Writes `<position>.jpg` for every clip and `storyboard.jpg` into one folder.

    Args:
        folder: of this video; made when there is something to put into it.
        max_pictures: how many pictures the spool holds (about 10 kB each). When it is full, every
            second one is dropped and from then on frames are taken half as often.
    """

    def __init__(self, folder: Path, *, max_pictures: int = 20_000) -> None:
        self._spool: IO[bytes] | None = None
        self._folder = folder
        self._max_pictures = max_pictures
        self._interval_s = _INTERVAL_S
        self._gate = ChangeGate(max_block=_CHANGE)
        self._places: list[tuple[int, int]] = []  # (offset, length) of each picture
        self._times: list[float] = []  # of each frame taken
        self._pictures: list[int] = []  # the picture that stands for it

    def push(self, frame: SampledFrame) -> None:
        """Take the next sampled frame.

        Raises:
            LibraryError: there is no room on the disk.
        """
        if self._times and frame.time - self._times[-1] < self._interval_s - 1e-6:
            return
        if self._gate.changed(frame.thumb()):
            self._keep(_jpeg(Image.fromarray(frame.rgb(*_fit(frame.width, frame.height)))))
        self._times.append(frame.time)
        self._pictures.append(len(self._places) - 1)
        if len(self._places) >= self._max_pictures:
            self._thin()

    def finish(self, clips: Sequence[Span]) -> StageResult:
        """Write the pictures; each clip gets the one nearest its middle.

        Files of an earlier run are replaced one by one, so that none is ever missing or half
        written. They are not flushed to the disk: they can be made again from the video.

        Raises:
            LibraryError: the folder cannot be written.
        """
        try:
            if not self._times:
                return StageResult(state=StageState.EMPTY, reason="no picture was decoded")
            if not clips:
                return StageResult(state=StageState.EMPTY, reason="there are no clips")
            with self._writing():
                self._write(clips)
        finally:
            self.close()
        return StageResult(
            state=StageState.DONE,
            stats={
                "frames": len(self._times),
                "pictures": len(self._places),
                "thumbnails": len(clips),
            },
        )

    def _write(self, clips: Sequence[Span]) -> None:
        fresh = self._folder.with_name(self._folder.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        for position, clip in enumerate(clips):
            picture = self._pictures[self._nearest(clip)]
            (fresh / f"{position}.jpg").write_bytes(self._read(picture))
        (fresh / STORYBOARD).write_bytes(_jpeg(self._storyboard()))
        _replace(self._folder, fresh)

    def close(self) -> None:
        """Give the spool's room on the disk back."""
        if self._spool is not None:
            self._spool.close()
            self._spool = None

    def __del__(self) -> None:
        self.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            raise LibraryError(
                f"cannot write thumbnails to {str(self._folder)!r}: {exc.strerror}"
            ) from exc

    def _keep(self, picture: bytes) -> None:
        with self._writing():
            if self._spool is None:
                # Without a name: a killed process leaves nothing behind.
                self._folder.parent.mkdir(parents=True, exist_ok=True)
                self._spool = tempfile.TemporaryFile(dir=self._folder.parent)  # noqa: SIM115
            self._places.append((self._spool.seek(0, os.SEEK_END), len(picture)))
            self._spool.write(picture)

    def _read(self, picture: int) -> bytes:
        assert self._spool is not None, "the spool is closed"
        offset, length = self._places[picture]
        self._spool.seek(offset)
        return self._spool.read(length)

    def _thin(self) -> None:
        """Keep every second picture, and the frames that it stands for."""
        self._interval_s = max(2 * self._interval_s, self._mean_interval() * 2)
        frames = [
            (t, k // 2) for t, k in zip(self._times, self._pictures, strict=True) if not k % 2
        ]
        kept = [self._read(picture) for picture in range(0, len(self._places), 2)]
        self.close()
        self._places = []
        for picture in kept:
            self._keep(picture)
        self._times = [time for time, _ in frames]
        self._pictures = [picture for _, picture in frames]

    def _mean_interval(self) -> float:
        return (self._times[-1] - self._times[0]) / len(self._times)

    def _nearest(self, clip: Span) -> int:
        """The frame nearest the clip's middle, of those inside it when there are any."""
        first = bisect.bisect_left(self._times, clip.start)
        end = bisect.bisect_left(self._times, clip.end)
        if first == end:  # none inside
            first, end = max(first - 1, 0), min(end + 1, len(self._times))
        return min(range(first, end), key=lambda k: abs(self._times[k] - clip.middle))

    def _storyboard(self) -> Image.Image:
        """Pictures from even steps through the video, each once, with their times."""
        count = min(COLUMNS * ROWS, len(self._times))
        start, length = self._times[0], self._times[-1] - self._times[0]
        step = length / count
        chosen: dict[int, float] = {}
        for k in range(count):
            frame = self._nearest(Span(start + k * step, start + (k + 1) * step))
            chosen.setdefault(self._pictures[frame], self._times[frame])
        return contact_sheet(
            [(time, Image.open(io.BytesIO(self._read(k)))) for k, time in chosen.items()]
        )


def contact_sheet(pictures: Sequence[tuple[float, Image.Image]]) -> Image.Image:
    """Pictures of one size in rows, the time under each."""
    width, height = _fit(*pictures[0][1].size, longer_px=_TILE_PX)
    columns = min(COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    across, down = width + _GAP_PX, height + _CAPTION_PX + _GAP_PX
    sheet = Image.new("RGB", (columns * across + _GAP_PX, rows * down + _GAP_PX), _PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(14)
    for k, (time, picture) in enumerate(pictures):
        x, y = _GAP_PX + k % columns * across, _GAP_PX + k // columns * down
        sheet.paste(picture.resize((width, height), Image.Resampling.LANCZOS), (x, y))
        caption = (x + width / 2, y + height + _CAPTION_PX / 2)
        draw.text(caption, format_time(time), font=font, fill=_INK, anchor="mm")
    return sheet


def _fit(width: int, height: int, *, longer_px: int = LONGER_SIDE_PX) -> tuple[int, int]:
    """Size with the same shape whose longer side is `longer_px`; small pictures stay small."""
    share = min(1.0, longer_px / max(width, height))
    return max(2, round(width * share)), max(2, round(height * share))


def _jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def _replace(folder: Path, fresh: Path) -> None:
    """Put the files of `fresh` in the place of those in `folder`."""
    if not folder.exists():
        fresh.rename(folder)
        return
    names = {path.name for path in fresh.iterdir()}
    for name in sorted(names):
        os.replace(fresh / name, folder / name)
    for path in folder.iterdir():
        if path.name not in names:
            path.unlink()
    fresh.rmdir()
