"""One pass over a media file that feeds every lane: small frames, sampled frames and 16 kHz audio.

The file is opened, demuxed and decoded once, whatever the number of consumers. Pictures are scaled
by swscale while
they are at hand; sampled frames are kept as decoded and converted by whoever needs them, at the
size needed.
"""

import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import av
from av.stream import Discard

from longtake.errors import MediaError
from longtake.index.audio import AudioBlock
from longtake.index.clock import Breaks
from longtake.index.media import (
    audio_stream,
    check_frame_size,
    claimed_duration,
    open_media,
    timeline_start,
    video_stream,
)
from longtake.index.sampled import SampledFrame, SmallFrames
from longtake.index.tracks import Event, Mode, SoundTrack, Track, VideoTrack

__all__ = ["AudioBlock", "DecodePass", "DecodePlan", "Event", "SampledFrame", "SmallFrames"]

_MAX_READ_ERRORS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodePlan:
    """What the consumers of a pass want; streams that nobody wants are not decoded."""

    fps: float = 1.0
    """Sampled frames per second of video."""
    small: bool = True
    """Give `SmallFrames`."""
    frames: bool = True
    """Give `SampledFrame`s."""
    audio: str | None = "default"
    """Give `AudioBlock`s of this stream: `default`, a language (`eng`) or an index (`2`); None
    for no audio."""
    mode: Mode = "nonref"
    """`nonref` leaves out frames that no other frame refers to, which costs a third less."""


class DecodePass:
    """Iterate over it once, from one thread, to get the events of a file in about presentation
    order.

    After exhaustion `duration` and `notes` say what the file really held.

    Raises:
        MediaError: while iterating, if the file cannot be read at all or nothing in it can be
        decoded.
        UsageError: while iterating, if the plan names an audio stream that is not there.
    """

    def __init__(self, path: str | os.PathLike[str], plan: DecodePlan | None = None) -> None:
        self.path = Path(path)
        self.plan = plan or DecodePlan()
        self.opens = 0
        """How often the file was opened."""
        self.notes: list[str] = []
        """What was odd about the file."""
        self.duration = 0.0
        """Seconds to the end of the last decoded frame or audio sample; measured, whatever the
        header claims."""
        self._tracks: dict[int, Track] = {}
        self._events = self._run()

    @property
    def position(self) -> float:
        """Seconds decoded so far, for progress."""
        return max((track.end for track in self._tracks.values()), default=0.0)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        return next(self._events)

    def close(self) -> None:
        """Stop early and close the file."""
        self._events.close()

    def _run(self) -> Generator[Event, None, None]:
        with open_media(self.path) as container:
            self.opens += 1
            breaks = Breaks(container)
            self._tracks = tracks = self._choose(container, breaks)
            for stream in container.streams:
                if stream.index not in tracks:
                    stream.discard = Discard.all
            for packet in self._packets(container):
                yield from tracks[packet.stream.index].push(packet)
            for track in tracks.values():
                yield from track.finish()
            self._conclude(claimed_duration(container, set(tracks)), breaks)

    def _choose(self, container: Any, breaks: Breaks) -> dict[int, Track]:
        plan, start = self.plan, timeline_start(container)
        tracks: dict[int, Track] = {}
        video = video_stream(container) if plan.small or plan.frames else None
        if video is not None:
            check_frame_size(self.path, video)
            fps = plan.fps if plan.frames else None
            tracks[video.index] = VideoTrack(
                video, start, breaks, mode=plan.mode, small=plan.small, fps=fps
            )
        audio = audio_stream(container, plan.audio) if plan.audio is not None else None
        if audio is not None:
            tracks[audio.index] = SoundTrack(audio, start, breaks, leads=video is None)
        return tracks

    def _packets(self, container: Any) -> Iterator[Any]:
        """Packets in file order; after a read error, whatever can still be read."""
        if not self._tracks:
            return
        streams = [container.streams[index] for index in self._tracks]
        for _ in range(_MAX_READ_ERRORS):
            try:
                yield from container.demux(streams)
                return
            except IndexError:
                # PyAV, at the end of a file in which a stream began after the header.
                return
            except av.FFmpegError as exc:
                problem = f"read error: {exc.strerror}"
                if problem not in self.notes:
                    self.notes.append(problem)

    def _conclude(self, claimed: float | None, breaks: Breaks) -> None:
        if self._tracks and not any(track.frames for track in self._tracks.values()):
            raise MediaError(f"{str(self.path)!r} has a header but nothing in it can be decoded")
        self.duration = self.position
        if breaks.count:
            self.notes.append(f"jumps of the timestamps, closed: {breaks.count}")
        if claimed is not None and self.duration < claimed - _slack_s(claimed):
            self.notes.append(
                f"truncated: holds {self.duration:.1f} s of the {claimed:.1f} s its header claims"
            )
        for track in self._tracks.values():
            self.notes += track.notes()


def _slack_s(claimed: float) -> float:
    """How much shorter than its header claims a sound file may be: headers are rounded or
    guessed."""
    return min(5.0, max(0.3, claimed / 100))
