"""Voice activity: how likely each 32 ms of audio holds speech, streamed with constant memory.

The network is Silero VAD (Silero Team, 2021, MIT), in the ONNX file that comes with faster-whisper.
"""

import numpy as np

from longtake.index.lanes import F32

HOP = 512
"""Samples that get one probability (32 ms at 16 kHz); fixed by the network."""

_CONTEXT = 64
_CHUNK_HOPS = 1000


class VoiceActivity:
    """Speech probability and loudness of an endless stream of 16 kHz samples.

    The network always sees the same chunks, so results do not depend on how the stream is cut.
    """

    def __init__(self) -> None:
        from faster_whisper.vad import get_vad_model

        self._session = get_vad_model().session
        self._hidden = np.zeros((1, 1, 128), np.float32)
        self._cell = np.zeros((1, 1, 128), np.float32)
        self._context = np.zeros(_CONTEXT, np.float32)
        self._waiting: list[F32] = []
        self._waiting_samples = 0

    def push(self, samples: F32) -> list[tuple[F32, F32, F32]]:
        """Take f32 [N]; give (samples [n * HOP], probabilities [n], dBFS [n]) of full chunks."""
        self._waiting.append(samples)
        self._waiting_samples += len(samples)
        size = _CHUNK_HOPS * HOP
        if self._waiting_samples < size:
            return []
        pool = np.concatenate(self._waiting)
        whole = len(pool) // size * size
        self._waiting = [pool[whole:].copy()]
        self._waiting_samples = len(pool) - whole
        return [self._run(pool[at : at + size]) for at in range(0, whole, size)]

    def finish(self) -> list[tuple[F32, F32, F32]]:
        """The rest, filled up with silence to a whole hop."""
        if not self._waiting_samples:
            return []
        rest = np.concatenate(self._waiting)
        self._waiting, self._waiting_samples = [], 0
        return [self._run(np.pad(rest, (0, -len(rest) % HOP)))]

    def _run(self, samples: F32) -> tuple[F32, F32, F32]:
        hops = samples.reshape(-1, HOP)
        before = np.vstack([self._context, hops[:-1, -_CONTEXT:]])
        self._context = hops[-1, -_CONTEXT:].copy()
        output, self._hidden, self._cell = self._session.run(
            None,
            {"input": np.hstack([before, hops]), "h": self._hidden, "c": self._cell},
        )
        return samples, np.asarray(output, np.float32).ravel(), levels(samples)


def levels(samples: F32) -> F32:
    """Root mean square of every hop in dBFS, f32 [N // HOP]; digital silence is -120."""
    hops = samples[: len(samples) // HOP * HOP].reshape(-1, HOP)
    power = np.mean(np.square(hops, dtype=np.float64), axis=1)
    return np.asarray(10 * np.log10(np.maximum(power, 1e-12)), np.float32)
