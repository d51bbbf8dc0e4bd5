"""Sentences are embedded once: a run asks for the same question and lines at every step."""

import threading
from collections import OrderedDict

import numpy as np

from longtake.index.lanes import F32, SentenceEncoder

MOST = 20_000
"""Embeddings kept; at 384 numbers each about 30 MiB."""


class Remembered:
    """A sentence encoder that keeps what it was last asked for. Usable from any thread.

    Args:
        most: embeddings kept, those asked for last.
    """

    def __init__(self, encoder: SentenceEncoder, most: int = MOST) -> None:
        self._encoder = encoder
        self._most = most
        self._known: OrderedDict[str, F32] = OrderedDict()
        self._lock = threading.Lock()
        self.dimension = encoder.dimension
        self.identity = encoder.identity

    def embed(self, texts: list[str]) -> F32:
        """f32 [B, D] of unit length, as the encoder itself gives them."""
        if not texts:
            return self._encoder.embed(texts)
        with self._lock:
            new = [text for text in dict.fromkeys(texts) if text not in self._known]
            if new:
                self._known.update(zip(new, self._encoder.embed(new), strict=True))
            made = np.stack([self._known[text] for text in texts])
            for text in texts:
                self._known.move_to_end(text)
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        return made
