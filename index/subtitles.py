"""Subtitles that come with a video, beside the file or inside it, as speech segments."""

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from longtake.errors import MediaError
from longtake.index.captions import (
    REPEAT_GAP_S,
    Caption,
    file_captions,
    stream_captions,
    without_repeats,
)
from longtake.index.lanes import Segment
from longtake.index.media import MediaInfo, StreamInfo

FORMATS = {".srt": "srt", ".vtt": "vtt", ".ass": "ass", ".ssa": "ssa"}
"""File name endings of side-car subtitles and pysubs2's names for them."""

MAX_SEGMENT_S = 15.0
_TEXT_CODECS = frozenset({"mov_text", "srt", "subrip", "webvtt", "ass", "ssa", "text"})
_FLAGS = frozenset({"sdh", "cc", "hi", "forced", "default"})
_LANGUAGE = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9]{2,8})*", re.IGNORECASE)
_THREE_LETTERS = dict(
    pair.split("=")
    for pair in (
        "ara=ar bul=bg cat=ca ces=cs cze=cs dan=da deu=de ger=de ell=el gre=el eng=en est=et "
        "eus=eu baq=eu fas=fa per=fa fin=fi fra=fr fre=fr glg=gl heb=he hin=hi hrv=hr hun=hu "
        "ind=id isl=is ice=is ita=it jpn=ja kor=ko lav=lv lit=lt mkd=mk mac=mk msa=ms may=ms "
        "nld=nl dut=nl nor=no nob=no nno=nn pol=pl por=pt ron=ro rum=ro rus=ru slk=sk slo=sk "
        "slv=sl spa=es sqi=sq alb=sq srp=sr swe=sv tam=ta tel=te tha=th tur=tr ukr=uk urd=ur "
        "vie=vi zho=zh chi=zh"
    ).split()
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtitleSource:
    """A subtitle file or stream that belongs to a video."""

    path: Path
    """The subtitle file, or the video that holds the stream."""
    stream: int | None = None
    """Number of the stream in the container; None for a file of its own."""
    language: str | None = None
    """Two letters where there are two (`en`), else as the file says."""
    format: str
    """`srt`, `vtt`, `ass` or `ssa`; of a stream, the codec."""
    title: str
    """For people: the file's name, or the stream and what it says about itself."""
    readable: bool = True
    """False for subtitles that are pictures; they would need text recognition."""
    forced: bool = False
    """Only translates what is said in other languages than the rest."""


def find_subtitles(path: str | Path, info: MediaInfo) -> list[SubtitleSource]:
    """Subtitles beside and inside a video: files first, then streams with the default ahead.

    Those in another language than the default sound come last.
    """
    path = Path(path)
    found = [_sidecar(path, file) for file in sidecar_files(path)]
    streams = sorted(info.subtitle_streams, key=lambda stream: not stream.default)
    found += [_embedded(path, stream) for stream in streams]
    spoken = next((stream.language for stream in info.audio_streams if stream.default), None)
    if spoken is not None:
        fitting = (None, _language(spoken))
        found.sort(key=lambda source: source.language not in fitting)
    return found


def subtitle_files(folder: Path) -> list[Path]:
    """Files in a folder that are called like subtitles; none when it cannot be listed."""
    try:
        return [file for file in folder.iterdir() if file.suffix.lower() in FORMATS]
    except OSError:
        return []


def sidecar_files(path: str | Path, beside: Sequence[Path] | None = None) -> list[Path]:
    """Subtitle files beside a video: its name, or that and a language and flags, and their ending.

    For `talk.mp4`: `talk.srt`, `talk.en.vtt`, `talk.pt-BR.sdh.ass`, `talk.mp4.srt`.

    Args:
        beside: the `subtitle_files` of the video's folder, when they are at hand.
    """
    path = Path(path)
    if beside is None:
        beside = subtitle_files(path.parent)
    found = [file for file in beside if _suffixes(path, file) is not None and file.is_file()]
    return sorted(found, key=lambda file: (len(file.name), file.name))


def choose(sources: Sequence[SubtitleSource], language: str | None) -> SubtitleSource | None:
    """The source to use for speech in `language` (None: whatever it is); None if none will do.

    Pictures and forced subtitles never do. A source that does not tell its language does when no
    other matches.
    """
    usable = [source for source in sources if source.readable and not source.forced]
    if language is None:
        return usable[0] if usable else None
    wanted = _language(language)
    for accepted in (wanted, None):
        for source in usable:
            if source.language == accepted:
                return source
    return None


def read_subtitles(source: SubtitleSource) -> list[Segment]:
    """The source's text as segments in order of time, on the timeline of the video.

    Markup, comments and empty captions are left out. Lines that stand over several captions, as in
    rolling captions, come once. Times before the video's start are moved to it.

    Raises:
        MediaError: the source is missing, damaged, not subtitles or consists of pictures.
    """
    if not source.readable:
        raise MediaError(
            f"subtitles {source.title!r} are pictures, not text; "
            "use speech recognition instead (speech.subtitles = 'ignore')"
        )
    captions = list(
        file_captions(source.path, source.format)
        if source.stream is None
        else stream_captions(source.path, source.stream)
    )
    valid = [
        caption._replace(start=max(0.0, caption.start))
        for caption in captions
        if caption.lines and caption.end > max(0.0, caption.start)
    ]
    valid.sort(key=lambda caption: caption[:2])
    segments = [
        Segment(
            start=caption.start,
            end=_end(caption),
            text=" ".join(caption.lines),
            confidence=1.0,
            language=source.language,
            source="subtitles",
        )
        for caption in without_repeats(valid)
    ]
    _log.info(
        "subtitles %s: %d captions, %d without text or time, %d repeated",
        source.title,
        len(captions),
        len(captions) - len(valid),
        len(valid) - len(segments),
    )
    return _joined(segments)


def _end(caption: Caption) -> float:
    longest = caption.start + MAX_SEGMENT_S
    return caption.end if caption.end <= longest + 1e-6 else longest


def _sidecar(video: Path, file: Path) -> SubtitleSource:
    suffixes = _suffixes(video, file) or []
    languages = [suffix for suffix in suffixes if suffix not in _FLAGS]
    return SubtitleSource(
        path=file,
        language=_language(languages[0]) if languages else None,
        format=FORMATS[file.suffix.lower()],
        title=file.name,
        forced="forced" in suffixes,
    )


def _embedded(video: Path, stream: StreamInfo) -> SubtitleSource:
    title = stream.title or ""
    return SubtitleSource(
        path=video,
        stream=stream.index,
        language=_language(stream.language) if stream.language else None,
        format=stream.codec or "unknown",
        title=f"stream {stream}",
        readable=stream.codec in _TEXT_CODECS,
        forced=re.search(r"\bforced\b", title, re.IGNORECASE) is not None,
    )


def _suffixes(video: Path, file: Path) -> list[str] | None:
    """What stands between the video's name and the ending, in lower case; None if not its file."""
    for name in (video.name, video.stem):
        if file.stem == name:
            return []
        if file.stem.startswith(name + "."):
            parts = file.stem[len(name) + 1 :].lower().split(".")
            known = [part in _FLAGS or _is_language(part) for part in parts]
            return parts if all(known) and len(parts) <= 3 else None
    return None


def _is_language(tag: str) -> bool:
    match = _LANGUAGE.fullmatch(tag)
    return match is not None and (len(match[1]) == 2 or match[1] in _THREE_LETTERS)


def _language(tag: str) -> str:
    """`en` for `en`, `eng` and `en-US`."""
    match = _LANGUAGE.fullmatch(tag)
    base = (match[1] if match else tag).lower()
    return _THREE_LETTERS.get(base, base)


def _joined(segments: Iterable[Segment]) -> list[Segment]:
    """Segments with sentences put together that captions cut in two.

    Only where it is plain: the text stops without a mark and goes on at once in lower case.
    """
    joined: list[Segment] = []
    for segment in segments:
        last = joined[-1] if joined else None
        if (
            last is not None
            and not re.search(r"""[.!?:;…\])"'»”♪-]$""", last.text)
            and segment.text[0].islower()
            and -REPEAT_GAP_S <= segment.start - last.end <= REPEAT_GAP_S
            and segment.end - last.start <= MAX_SEGMENT_S
        ):
            joined[-1] = replace(last, end=segment.end, text=f"{last.text} {segment.text}")
        else:
            joined.append(segment)
    return joined
