"""TransNetV2: shot boundaries by a small 3D network, dissolves included.

Soucek and Lokoc, "TransNet V2: An effective deep network architecture for fast shot transition
detection" (2020). The network is defined here from the paper and the names of its tensors, so that
its weights are all it needs.
"""

import pickle
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from longtake.config import Settings
from longtake.errors import EngineError, WeightsCorrupt
from longtake.index.encoders import use_gpu
from longtake.index.lanes import F32, F64, U8
from longtake.index.openvino_export import Compiled, Precision, exported, write_module
from longtake.index.shots import spans_between
from longtake.models import fingerprint, resolve
from longtake.timing import Span

WINDOW = 450
"""Frames a call. The authors' 100 with an overlap of 50 computes everything twice."""
_MARGIN = 25
"""Frames at either end of a window whose scores are thrown away."""
_LOOKUP = 101
_XML = "transnetv2.xml"


class Network(Protocol):
    """u8 [WINDOW, 27, 48, 3] -> probability of a cut after each frame, f32 [WINDOW]."""

    def __call__(self, frames: U8) -> F32: ...


def build_transnet(settings: Settings) -> "TransNetDetector":
    """TransNetV2 on a GPU in torch, otherwise exported to OpenVINO.

    Raises:
        WeightsMissing, WeightsCorrupt: no usable weights.
    """
    weights = resolve("transnetv2", "transnetv2", offline=settings.offline).path
    network: Network
    if use_gpu(settings.device):
        network = TorchNetwork(weights, device="cuda")
    else:
        network = OpenVinoNetwork(weights, threads=settings.threads)
    return TransNetDetector(network, threshold=settings.shots.threshold or 0.3)


class TransNetDetector:
    """Streams frames through the network in overlapping windows.

    Keeps one window of frames, and one score and one time a frame.

    Args:
        threshold: probability above which a frame belongs to a transition. 0.3 finds more than the
            authors' 0.5 at the same precision; 0.1 finds most dissolves.
    """

    def __init__(self, network: Network, *, threshold: float = 0.3) -> None:
        self.threshold = threshold
        self._network = network
        self._pending: list[U8] = []
        self._waiting = 0
        self._count = 0
        self._scores: list[F32] = []
        self._times: list[F64] = []

    def push(self, times: F64, frames: U8) -> None:
        """Take the next T frames: times [T] ascending, frames u8 [T, 27, 48, 3] RGB.

        Raises:
            EngineError: the network failed.
        """
        if not len(frames):
            return
        if not self._count:
            self._hold(np.repeat(frames[:1], _MARGIN, axis=0))
        self._hold(frames)
        self._times.append(np.array(times, np.float64))
        self._count += len(frames)
        while self._waiting >= WINDOW:
            self._advance(np.concatenate(self._pending))

    def scores(self) -> F32:
        """Probability of a cut right after each frame so far, f32 [N]; ends the stream."""
        if not self._count:
            return np.zeros(0, np.float32)
        frames = np.concatenate(self._pending)
        while sum(map(len, self._scores)) < self._count:
            padding = np.repeat(frames[-1:], max(0, WINDOW - len(frames)), axis=0)
            frames = self._advance(np.concatenate([frames, padding]))
        return np.concatenate(self._scores)[: self._count]

    def finish(self, duration: float) -> list[Span]:
        """The shots, without gaps, covering [0, duration)."""
        scores = self.scores()
        if not len(scores):
            return spans_between([], duration)
        return spans_between(np.concatenate(self._times)[self._cuts(scores)], duration)

    def _cuts(self, scores: F32) -> np.ndarray[Any, np.dtype[np.intp]]:
        """First frame of every new shot: the middle of each run above the threshold, plus one."""
        above = np.concatenate([[False], scores > self.threshold, [False]])
        edges = np.flatnonzero(above[1:] != above[:-1])
        starts, ends = edges[::2], edges[1::2]
        cuts = (starts + ends - 1) // 2 + 1
        return cuts[cuts < len(scores)]

    def _hold(self, frames: U8) -> None:
        self._pending.append(frames.copy())
        self._waiting += len(frames)

    def _advance(self, frames: U8) -> U8:
        """Score the first window; returns (and keeps) the frames the next one needs."""
        scores = self._network(frames[:WINDOW])
        self._scores.append(scores[_MARGIN : WINDOW - _MARGIN])
        rest = frames[WINDOW - 2 * _MARGIN :]
        self._pending, self._waiting = [rest], len(rest)
        return rest


class OpenVinoNetwork:
    """The network exported once, for windows of exactly WINDOW frames."""

    def __init__(self, weights: Path, *, threads: int, precision: Precision = "auto") -> None:
        key = f"transnetv2 {WINDOW} {fingerprint(str(weights))}"
        folder = exported("transnetv2", key, partial(_export, weights))
        self._model = Compiled(folder / _XML, threads=threads, precision=precision)

    def __call__(self, frames: U8) -> F32:
        scores: F32 = self._model(frames[None], color_histograms(frames)[None])[0]
        return scores


class TorchNetwork:
    """The network in torch, float32."""

    def __init__(self, weights: Path, *, device: str = "cpu") -> None:
        self._model = load_network(weights).to(device)
        self._device = device

    def __call__(self, frames: U8) -> F32:
        import torch

        inputs = [
            torch.from_numpy(np.ascontiguousarray(array)).to(self._device)[None]
            for array in (frames, color_histograms(frames))
        ]
        try:
            with torch.inference_mode():
                scores: F32 = self._model(*inputs)[0].cpu().numpy()
        except RuntimeError as exc:
            raise EngineError(f"TransNetV2 failed in torch: {exc}") from exc
        return scores


def color_histograms(frames: U8) -> F32:
    """Unit-length RGB histograms of 8x8x8 bins: u8 [T, H, W, 3] -> f32 [T, 512]."""
    count = len(frames)
    coarse = (frames >> 5).astype(np.int32)
    bins = (coarse[..., 0] << 6) + (coarse[..., 1] << 3) + coarse[..., 2]
    bins = bins.reshape(count, -1) + 512 * np.arange(count, dtype=np.int32)[:, None]
    counts = np.bincount(bins.ravel(), minlength=512 * count).reshape(count, 512)
    histograms: F32 = (counts / np.linalg.norm(counts, axis=1, keepdims=True)).astype(np.float32)
    return histograms


def _export(weights: Path, target: Path) -> None:
    import torch

    # Tracing runs the network: a short window will do, its length is set by the shapes.
    length = _LOOKUP
    examples = (torch.zeros(1, length, 27, 48, 3, dtype=torch.uint8), torch.zeros(1, length, 512))
    shapes = [[1, WINDOW, 27, 48, 3], [1, WINDOW, 512]]
    write_module(load_network(weights), target / _XML, examples, shapes)


def load_network(weights: Path) -> Any:
    """The network in torch, eval mode: (frames u8 [B, T, 27, 48, 3], histograms f32 [B, T, 512])
    -> probabilities [B, T].

    Raises:
        WeightsCorrupt: the file does not hold its tensors.
    """
    import torch

    from longtake.index.transnet_model import TransNetV2

    network = TransNetV2(lookup=_LOOKUP)
    try:
        state = torch.load(weights, map_location="cpu", weights_only=True)
        # A second head, for whole transitions, is only used in training.
        unused = [name for name in state if name.startswith("cls_layer2.")]
        network.load_state_dict({k: v for k, v in state.items() if k not in unused})
    except (OSError, EOFError, RuntimeError, AttributeError, pickle.UnpicklingError) as exc:
        raise WeightsCorrupt(f"no TransNetV2 weights in {str(weights)!r}: {exc}") from exc
    return network.eval()
