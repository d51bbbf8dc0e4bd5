"""Whisper speech recognisers: faster-whisper (CTranslate2) and openai-whisper (torch).

Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022.

Windows are filled up with silence here; both packages would fill the spectrogram with zeros, which
stand for a loud hiss. Both decode without timestamp tokens: with them Whisper leaves a sentence
that may go on behind the window to the next one, a batch has no next one, and a tenth of all words
was lost. Words get their times from cross-attention either way.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from pickle import UnpicklingError
from statistics import fmean

import numpy as np

from longtake.errors import EngineError, UsageError, WeightsCorrupt
from longtake.index.lanes import F32, SAMPLE_RATE, Recognised, Word
from longtake.index.windows import BATCH_WINDOWS

_WINDOW_SAMPLES = 30 * SAMPLE_RATE
_MAX_TOKENS = 224  # of a window's text: half of Whisper's context, as in the reference decoder


class FasterWhisper:
    """faster-whisper's batched beam search, repeatable: int8 on a CPU, float16 on a GPU.

    Args:
        folder: a CTranslate2 Whisper model.
        identity: name of model and weights.
        device: `auto`, `cpu` or `cuda`.
        threads: CPU threads.
        beam_size: at least 2; the batched search loops with 1.

    Raises:
        WeightsCorrupt: the folder cannot be loaded as such a model.
        UsageError: there is no such device here.
    """

    def __init__(
        self, folder: Path, *, identity: str, device: str, threads: int, beam_size: int
    ) -> None:
        import ctranslate2
        from faster_whisper import BatchedInferencePipeline, WhisperModel

        gpus = ctranslate2.get_cuda_device_count()
        if device == "cuda" and not gpus:
            raise UsageError("device 'cuda' asked for, but CTranslate2 sees no GPU: use 'cpu'")
        device = "cuda" if gpus and device != "cpu" else "cpu"
        if not (folder / "tokenizer.json").is_file():
            # faster-whisper would fetch one from the hub instead
            raise WeightsCorrupt(f"no tokenizer.json beside the Whisper weights in {str(folder)!r}")
        try:
            self._model = WhisperModel(
                str(folder),
                device=device,
                compute_type="int8" if device == "cpu" else "float16",
                cpu_threads=threads,
                local_files_only=True,
            )
        except (RuntimeError, ValueError, OSError) as exc:
            raise WeightsCorrupt(f"cannot load Whisper weights {str(folder)!r}: {exc}") from exc
        self._pipeline = BatchedInferencePipeline(self._model)
        self._beam_size = beam_size
        self.identity = identity

    def detect_language(self, audio: F32) -> dict[str, float]:
        """Probability of every language from the first 30 s."""
        if not self._model.model.is_multilingual:
            return {"en": 1.0}
        with _translated("language detection"):
            return dict(self._model.detect_language(audio[:_WINDOW_SAMPLES])[2])

    def transcribe(
        self, audio: F32, *, cuts: Sequence[int] = (), language: str | None = None
    ) -> Iterator[Recognised]:
        """Segments with word times, relative to the start of `audio`.

        Raises:
            EngineError: the recogniser failed.
            UsageError: `language` is not one of the model's.
        """
        _check_language(language, self._model.supported_languages)
        windows = window_bounds(len(audio), cuts)
        if not windows:
            return
        language = language or most_probable(self.detect_language(audio))
        padded = np.zeros(len(windows) * _WINDOW_SAMPLES, np.float32)
        for number, (start, stop) in enumerate(windows):
            at = number * _WINDOW_SAMPLES
            padded[at : at + stop - start] = audio[start:stop]
        with _translated("recognition"):
            segments, _ = self._pipeline.transcribe(
                padded,
                language=language,
                clip_timestamps=[
                    {"start": number * 30.0, "end": (number + 1) * 30.0}
                    for number in range(len(windows))
                ],
                batch_size=BATCH_WINDOWS,
                beam_size=self._beam_size,
                without_timestamps=True,  # see the module's docstring
                word_timestamps=True,
                max_new_tokens=_MAX_TOKENS,
            )
            for segment in segments:
                number = segment.seek // 3000
                shift = windows[number][0] / SAMPLE_RATE - number * 30.0
                timed = (
                    (shift + w.start, shift + w.end, w.word, w.probability) for w in segment.words
                )
                if words := _words(timed, number, windows):
                    yield _recognised(
                        words,
                        language=language,
                        window=number,
                        log_probability=segment.avg_logprob,
                        no_speech_probability=segment.no_speech_prob,
                    )


class OpenaiWhisper:
    """The reference implementation in torch: float32 on a CPU, float16 on a GPU.

    Args: as `FasterWhisper`, but `file` is an openai-whisper checkpoint.

    Raises:
        WeightsCorrupt: the file cannot be loaded as a checkpoint.
        UsageError: there is no such device here.
    """

    def __init__(
        self, file: Path, *, identity: str, device: str, threads: int, beam_size: int
    ) -> None:
        import torch
        import whisper

        if device == "cuda" and not torch.cuda.is_available():
            raise UsageError("device 'cuda' asked for, but torch sees no GPU: use 'cpu'")
        device = "cuda" if torch.cuda.is_available() and device != "cpu" else "cpu"
        torch.set_num_threads(threads)
        try:
            self._model = whisper.load_model(str(file), device=device)
            self._set_alignment_heads(file)
        except (OSError, EOFError, KeyError, TypeError, RuntimeError, UnpicklingError) as exc:
            raise WeightsCorrupt(f"cannot load Whisper checkpoint {str(file)!r}: {exc}") from exc
        self._half = device == "cuda"
        self._beam_size = beam_size
        self.identity = identity

    def _set_alignment_heads(self, file: Path) -> None:
        """Attention heads that follow the audio: known by name, or written by `ct2_weights`."""
        import torch
        import whisper

        if official := whisper._ALIGNMENT_HEADS.get(file.stem):
            self._model.set_alignment_heads(official)
            return
        checkpoint = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
        if heads := checkpoint.get("alignment_heads"):
            dims = self._model.dims
            mask = torch.zeros(dims.n_text_layer, dims.n_text_head, dtype=torch.bool)
            mask[tuple(torch.tensor(heads).T)] = True
            self._model.register_buffer("alignment_heads", mask.to_sparse(), persistent=False)

    def detect_language(self, audio: F32) -> dict[str, float]:
        """Probability of every language from the first 30 s."""
        import whisper

        if not self._model.is_multilingual:
            return {"en": 1.0}
        mel = whisper.log_mel_spectrogram(
            whisper.pad_or_trim(audio), n_mels=self._model.dims.n_mels
        )
        with _translated("language detection"):
            return dict(self._model.detect_language(mel.to(self._model.device))[1])

    def transcribe(
        self, audio: F32, *, cuts: Sequence[int] = (), language: str | None = None
    ) -> Iterator[Recognised]:
        """As `FasterWhisper.transcribe`."""
        from whisper.tokenizer import LANGUAGES

        _check_language(language, list(LANGUAGES) if self._model.is_multilingual else ["en"])
        windows = window_bounds(len(audio), cuts)
        if windows and language is None:
            language = most_probable(self.detect_language(audio))
        for number, (start, stop) in enumerate(windows):
            with _translated("recognition"):
                yield from self._window(audio[start:stop], number, windows, language)

    def _window(
        self, samples: F32, number: int, windows: list[tuple[int, int]], language: str | None
    ) -> Iterator[Recognised]:
        """One window in one decoding; the package's own loop would hear its silence again."""
        import whisper
        from whisper.timing import add_word_timestamps

        mel = whisper.log_mel_spectrogram(
            np.pad(samples, (0, _WINDOW_SAMPLES - len(samples))), n_mels=self._model.dims.n_mels
        ).to(self._model.device)
        options = whisper.DecodingOptions(
            language=language,
            beam_size=self._beam_size,
            without_timestamps=True,
            fp16=self._half,
        )
        mel = mel.half() if self._half else mel
        result = whisper.decode(self._model, mel, options)
        seconds = len(samples) / SAMPLE_RATE
        segment = {"seek": 0, "start": 0.0, "end": seconds, "tokens": result.tokens, "words": []}
        add_word_timestamps(
            segments=[segment],
            model=self._model,
            tokenizer=whisper.tokenizer.get_tokenizer(
                self._model.is_multilingual,
                num_languages=self._model.num_languages,
                language=language,
                task="transcribe",
            ),
            mel=mel,
            num_frames=len(samples) // 160,
            last_speech_timestamp=0.0,
        )
        shift = windows[number][0] / SAMPLE_RATE
        timed = (
            (shift + word["start"], shift + word["end"], word["word"], word["probability"])
            for word in segment["words"]
        )
        if words := _words(timed, number, windows):
            yield _recognised(
                words,
                language=language,
                window=number,
                log_probability=result.avg_logprob,
                no_speech_probability=result.no_speech_prob,
            )


def most_probable(languages: dict[str, float]) -> str:
    """The language with the highest probability; the first by name among equals."""
    return max(sorted(languages), key=languages.__getitem__)


def window_bounds(length: int, cuts: Sequence[int]) -> list[tuple[int, int]]:
    """Windows [start, stop) of at most 30 s over `length` samples that begin anew at `cuts`."""
    edges = [0, *(cut for cut in cuts if 0 < cut < length), length]
    return [
        (at, min(at + _WINDOW_SAMPLES, stop))
        for start, stop in pairwise(edges)
        for at in range(start, stop, _WINDOW_SAMPLES)
    ]


def _words(
    timed: Iterable[tuple[float, float, str, float]], number: int, windows: list[tuple[int, int]]
) -> tuple[Word, ...]:
    """Words kept inside their window and in order (alignment overshoots the end of the audio)."""
    at, last = (sample / SAMPLE_RATE for sample in windows[number])
    words = []
    for start, end, text, probability in timed:
        start = min(max(float(start), at), last)
        at = min(max(float(end), start), last)
        clamped = min(max(float(probability), 0.0), 1.0)
        words.append(Word(start=start, end=at, text=text, probability=clamped))
    return tuple(words)


def _recognised(
    words: tuple[Word, ...],
    *,
    language: str | None,
    window: int,
    log_probability: float,
    no_speech_probability: float,
) -> Recognised:
    return Recognised(
        start=words[0].start,
        end=words[-1].end,
        text="".join(word.text for word in words).strip(),
        confidence=fmean(word.probability for word in words),
        language=language,
        words=words,
        window=window,
        log_probability=float(log_probability),
        no_speech_probability=float(no_speech_probability),
    )


def _check_language(language: str | None, known: Sequence[str]) -> None:
    if language is not None and language not in known:
        names = ", ".join(sorted(known))
        raise UsageError(f"this Whisper model does not know language {language!r}; known: {names}")


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, ValueError) as exc:
        raise EngineError(f"{what} failed: {exc}") from exc
