"""Media files: what a container says it holds, and the checks that come before decoding.

Time 0 of a video is the start of its container: the earliest presentation time of its streams,
after edit lists.
Every part of longtake uses this one timeline, so pictures and speech keep the offset the file
gives them.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from av.stream import Disposition

from longtake.errors import MediaError, UsageError
from longtake.index.picture import MAX_FRAME_PX, Orientation, display_size, frame_size_error

_NOT_VIDEOS = frozenset({"hls", "dash", "concat", "imf", "tty", "image2", "image2pipe"})
"""Demuxers that follow references to other files or turn text and still images into "videos"."""

_FORMATS = ",".join(
    sorted(
        name
        for name in av.formats_available
        if not name.endswith("_pipe") and _NOT_VIDEOS.isdisjoint(name.split(","))
    )
)
_COVER_ART = Disposition.attached_pic | Disposition.timed_thumbnails
_FIRST_FRAME_PACKETS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamInfo:
    """One audio or subtitle stream."""

    index: int
    """Its number in the container."""
    codec: str | None
    """None when nothing here can decode it."""
    language: str | None
    title: str | None
    default: bool

    def __str__(self) -> str:
        parts = (self.language, self.codec, self.title, "default" if self.default else None)
        return f"{self.index} ({', '.join(part for part in parts if part)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """A chapter mark of the container."""

    start: float
    end: float
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaInfo:
    """What a file claims about itself; only decoding tells whether that is true."""

    path: Path
    container: str
    """Name of the container format (`mov,mp4,...`, `matroska,webm`)."""
    duration: float | None
    """Seconds by the header; None when it does not say."""
    fps: float | None
    """Average frame rate."""
    width: int | None
    """Of the upright picture with square pixels; None without a video stream."""
    height: int | None
    video_codec: str | None
    audio_codec: str | None
    """Codec of the default audio stream."""
    audio_streams: tuple[StreamInfo, ...]
    subtitle_streams: tuple[StreamInfo, ...]
    chapters: tuple[Chapter, ...]
    notes: tuple[str, ...]
    """What is odd about the file."""


def probe(path: str | os.PathLike[str]) -> MediaInfo:
    """Header-level facts about a media file, and proof that it holds at least one decodable frame.

    Raises:
        MediaError: the file is missing, unreadable, empty, not media, or a header without media.
    """
    path = Path(path)
    notes: list[str] = []
    with open_media(path) as container:
        video, audio = video_stream(container), _default_audio(container)
        if video is not None:
            check_frame_size(path, video)
        frame = _first_frame(container, video) if video is not None else None
        if video is not None and frame is None:
            notes.append("no picture can be decoded")
        if frame is None and not (audio is not None and _sounds(path)):
            raise MediaError(f"{str(path)!r} has a header but nothing in it can be decoded")
        size = None
        if video is not None:
            size = display_size(
                video.codec_context.width,
                video.codec_context.height,
                sample_aspect(video),
                Orientation() if frame is None else Orientation.of(frame),
            )
        return MediaInfo(
            path=path,
            container=container.format.name,
            duration=claimed_duration(container),
            fps=frame_rate(video) if video is not None else None,
            width=size[0] if size else None,
            height=size[1] if size else None,
            video_codec=video.codec_context.name if video is not None else None,
            audio_codec=audio.codec_context.name if audio is not None else None,
            audio_streams=tuple(_describe(s) for s in container.streams.audio),
            subtitle_streams=tuple(_describe(s) for s in container.streams.subtitles),
            chapters=_chapters(container),
            notes=tuple(notes),
        )


@contextmanager
def open_media(path: str | os.PathLike[str]) -> Iterator[Any]:
    """An open input container of PyAV with at least one audio or video stream.

    Raises:
        MediaError: as `probe`; also when FFmpeg fails inside the block.
    """
    path = Path(path)
    _check_file(path)
    try:
        with av.open(
            # With an absolute path no part of a strange name is taken for a protocol.
            os.path.abspath(path),
            options={"format_whitelist": _FORMATS, "protocol_whitelist": "file"},
            metadata_errors="replace",
        ) as container:
            if video_stream(container) is None and _default_audio(container) is None:
                raise MediaError(f"{str(path)!r} holds neither video nor audio that can be decoded")
            yield container
    except av.FFmpegError as exc:
        raise MediaError(_why_unreadable(path, exc)) from exc


def _why_unreadable(path: Path, exc: Exception) -> str:
    head = b""
    with suppress(OSError), open(path, "rb") as file:
        head = file.read(8)
    if head[4:] == b"ftyp":
        return f"{str(path)!r} is an MP4 file without a readable index: it is cut off or damaged"
    reason = getattr(exc, "strerror", None) or exc
    return f"{str(path)!r} is not a video or audio file that can be read: {reason}"


def _check_file(path: Path) -> None:
    try:
        info = os.stat(path)
        if stat.S_ISREG(info.st_mode):
            with open(path, "rb"):
                pass
    except FileNotFoundError as exc:
        raise MediaError(f"{str(path)!r} does not exist") from exc
    except PermissionError as exc:
        raise MediaError(f"{str(path)!r} may not be read (permission denied)") from exc
    except OSError as exc:
        reason = "a loop of links" if exc.errno == errno.ELOOP else exc.strerror
        raise MediaError(f"{str(path)!r} cannot be opened: {reason}") from exc
    except ValueError as exc:
        raise MediaError(f"{str(path)!r} is not a file name: {exc}") from exc
    if stat.S_ISDIR(info.st_mode):
        raise MediaError(f"{str(path)!r} is a directory, not a media file")
    if not stat.S_ISREG(info.st_mode):
        raise MediaError(f"{str(path)!r} is not a regular file")
    if info.st_size == 0:
        raise MediaError(f"{str(path)!r} is empty (0 bytes)")


def video_stream(container: Any) -> Any | None:
    """The main video stream; cover art is none."""
    best = container.streams.best("video")
    streams = [best, *container.streams.video] if best is not None else container.streams.video
    for stream in streams:
        if stream.codec_context is not None and not stream.disposition & _COVER_ART:
            return stream
    return None


def audio_stream(container: Any, choice: str) -> Any | None:
    """The audio stream called `default`, by language (`eng`) or by index (`2`); None without audio.

    Raises:
        UsageError: there is audio, but not the one asked for; the message lists the streams.
    """
    default = _default_audio(container)
    if choice == "default" or default is None:
        return default
    for stream in container.streams.audio:
        if stream.codec_context is None:
            continue
        if choice in (str(stream.index), _tag(stream, "language")):
            return stream
    known = "; ".join(str(_describe(s)) for s in container.streams.audio)
    raise UsageError(f"no audio stream {choice!r}; there are {known}")


def _default_audio(container: Any) -> Any | None:
    streams = [s for s in container.streams.audio if s.codec_context is not None]
    flagged = [s for s in streams if s.disposition & Disposition.default]
    if len(flagged) == 1:
        return flagged[0]
    best = container.streams.best("audio")
    return best if best in streams else next(iter(streams), None)


def timeline_start(container: Any) -> float:
    """Presentation time in the file, in seconds, that is time 0 of the video."""
    return float((container.start_time or 0) / av.time_base)


def claimed_duration(container: Any, indices: set[int] | None = None) -> float | None:
    """Seconds by the header, of all streams or of these; None when it does not say."""
    media = [*container.streams.video, *container.streams.audio]
    if indices is not None and any(stream.index not in indices for stream in media):
        return _claimed_by_streams(container, [s for s in media if s.index in indices])
    if container.duration is None or container.duration <= 0:
        return None
    duration: float = container.duration / av.time_base
    # Matroska counts from time 0 of the file, not from its first frame.
    late = max(0.0, timeline_start(container)) if "matroska" in container.format.name else 0.0
    return duration - late if duration > late else duration


def _claimed_by_streams(container: Any, streams: list[Any]) -> float | None:
    if not streams or any(s.duration is None or s.start_time is None for s in streams):
        return None
    ends = (float((s.start_time + s.duration) * s.time_base) for s in streams)
    return float(max(ends)) - timeline_start(container)


def frame_rate(stream: Any) -> float | None:
    """Average frames per second; None when unknown or absurd."""
    rate = stream.average_rate or stream.guessed_rate
    return float(rate) if rate and 1 / 60 <= rate <= 1000 else None


def frame_seconds(stream: Any) -> float:
    """How long a frame is shown on average; a guess when unknown."""
    return 1 / (frame_rate(stream) or 25.0)


def sample_aspect(stream: Any) -> float:
    """Width of a pixel over its height; 1.0 when unknown or absurd."""
    ratio = stream.sample_aspect_ratio
    return float(ratio) if ratio and 1 / 16 <= ratio <= 16 else 1.0


def check_frame_size(path: Path, stream: Any) -> None:
    """Refuse frames of absurd size before anything is allocated, and tell the decoder to.

    Raises:
        MediaError: if the stream's frames are larger than longtake takes.
    """
    context = stream.codec_context
    problem = frame_size_error(context.width, context.height)
    if problem is not None:
        raise MediaError(f"{str(path)!r}: {problem}")
    context.options = {"max_pixels": str(MAX_FRAME_PX)}


def _first_frame(container: Any, stream: Any) -> Any | None:
    for count, packet in enumerate(container.demux(stream)):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            frames = []
        if frames:
            return frames[0]
        if count == _FIRST_FRAME_PACKETS:
            break
    return None


def _sounds(path: Path) -> bool:
    # Opened anew: looking for a picture may have read to the end of what cannot be sought.
    with open_media(path) as container:
        return _first_frame(container, _default_audio(container)) is not None


def _tag(stream: Any, name: str) -> str | None:
    value = stream.metadata.get(name)
    return value if value and value != "und" else None


def _describe(stream: Any) -> StreamInfo:
    context = stream.codec_context
    return StreamInfo(
        index=stream.index,
        codec=context.name if context is not None else None,
        language=_tag(stream, "language"),
        title=_tag(stream, "title"),
        default=bool(stream.disposition & Disposition.default),
    )


def _chapters(container: Any) -> tuple[Chapter, ...]:
    start = timeline_start(container)
    return tuple(
        Chapter(
            start=max(0.0, float(mark["start"] * mark["time_base"]) - start),
            end=max(0.0, float(mark["end"] * mark["time_base"]) - start),
            title=mark["metadata"].get("title", ""),
        )
        for mark in container.chapters()
    )
