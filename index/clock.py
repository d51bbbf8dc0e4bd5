"""Times of packets and frames in files whose timestamps are missing, jump or run backwards."""

from typing import Any

from longtake.index.media import claimed_duration, timeline_start

LEAP_S = 3600.0
"""A single picture or pause is not believed to last longer."""
_BACK_S = 0.2
"""Decoding times that step back by more are a break; less is jitter."""
_PAUSE_S = 60.0
"""Longer steps forward are breaks where these are usual, or past the end that the header claims."""
_SAME_BREAK_S = 1.0
_REORDER_S = 60.0
"""No picture is decoded so long before it is shown; such a presentation time is wrong."""
_TS_DISCONT = 0x0200  # AVFMT_TS_DISCONT: breaks are a regular part of the format, as in MPEG-TS


class Breaks:
    """Breaks of one file's timeline.

    The leading stream (the video's) closes them and the other follows, so that sound and picture
    move together.
    """

    def __init__(self, container: Any) -> None:
        claimed = claimed_duration(container)
        self.believable_s = float("-inf")
        """Up to this time in the file, a long step forward is a long pause."""
        if claimed is not None and not is_discontinuous(container):
            self.believable_s = timeline_start(container) + claimed + _PAUSE_S
        self.offset_s = 0.0
        """What the leading stream adds to times in the file."""
        self.count = 0


def is_discontinuous(container: Any) -> bool:
    """Whether timeline breaks are a regular part of the container's format."""
    return bool(container.format.flags & _TS_DISCONT)


class PacketClock:
    """Moves the packets of one stream so that a timeline with breaks runs on as if it had none."""

    def __init__(self, time_base: float, breaks: Breaks, *, leads: bool) -> None:
        self._breaks = breaks
        self._leads = leads
        self._time_base = time_base
        self._back = round(_BACK_S / time_base)
        self._pause = round(_PAUSE_S / time_base)
        self._leap = round(LEAP_S / time_base)
        self._reorder = round(_REORDER_S / time_base)
        self._same = round(_SAME_BREAK_S / time_base)
        self._offset = 0
        self._followed = 0  # breaks of the leading stream that this one has met too
        self._last: int | None = None

    def repair(self, packet: Any) -> None:
        """Shift the packet's times in place; call for every packet of the stream in file order."""
        raw, pts = packet.dts, packet.pts
        if raw is None:
            if pts is not None:
                packet.pts = self._plausible(pts + self._offset)
            return
        if self._offset and not self._leads:
            # The leading stream may have met the last break later than this one.
            self._follow(self._offset)
        dts: int = raw + self._offset
        if self._last is not None and self._is_break(dts, dts - self._last):
            dts = self._close_break(raw, self._last + min(packet.duration or 0, self._pause))
        self._last = dts
        if pts is not None and abs(pts - raw) > self._reorder:
            packet.pts = dts
        elif self._offset and pts is not None:
            packet.pts = pts + self._offset
        if self._offset:
            packet.dts = dts

    def _is_break(self, dts: int, step: int) -> bool:
        if step <= self._pause:
            return step < -self._back
        return step > self._leap or dts * self._time_base > self._breaks.believable_s

    def _plausible(self, pts: int) -> int | None:
        known = self._last is not None
        return None if known and abs(pts - (self._last or 0)) > self._reorder else pts

    def _close_break(self, raw: int, expected: int) -> int:
        if self._leads:
            self._offset = expected - raw
            self._breaks.offset_s = self._offset * self._time_base
            self._breaks.count += 1
        elif not self._follow(expected - raw):
            self._offset = expected - raw
        return raw + self._offset

    def _follow(self, own: int) -> bool:
        """Take the leading stream's new offset if it is about this stream's own."""
        if self._breaks.count == self._followed:
            return False
        shared = round(self._breaks.offset_s / self._time_base)
        if abs(shared - own) > self._same:
            return False
        self._offset = shared
        self._followed = self._breaks.count
        return True


class FrameClock:
    """Times of decoded frames on the video's timeline, strictly ascending."""

    def __init__(self, start: float, frame_s: float) -> None:
        self._start = start
        self._frame_s = frame_s
        self.last = float("-inf")
        self.longest_s = 0.0
        """Longest time between two frames so far."""
        self.repaired = 0
        """Frames whose own timestamp was missing or not after the one before."""

    def time(self, frame: Any) -> float:
        """Seconds from the start of the video."""
        last = self.last
        ticks = frame.pts if frame.pts is not None else frame.dts
        if ticks is not None:
            time = float(ticks * frame.time_base) - self._start
            if last < time <= max(0.0, last) + LEAP_S:
                self.longest_s = max(self.longest_s, time - last) if last >= 0 else 0.0
                self.last = time
                return time
        self.repaired += 1
        self.last = max(0.0, last + self._frame_s)
        return self.last

    def end(self, frame: Any) -> float:
        """When the last frame stops being shown; a claim far beyond the others' is not believed."""
        duration = float((frame.duration or 0) * frame.time_base)
        if not 0 < duration <= max(10.0, self.longest_s):
            duration = self._frame_s
        return self.last + duration
