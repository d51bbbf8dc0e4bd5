"""Models on a CPU: exported once to OpenVINO in the user's cache, then run without torch.

OpenVINO starts in a fraction of a second where torch and transformers take several, and runs in
bf16 on processors that support it.
"""

import hashlib
import logging
import shutil
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from longtake.errors import EngineError
from longtake.models import cache_folder

Precision = Literal["auto", "f32"]
"""`auto`: bf16 where the processor computes in it, else f32."""

_FORMAT = 1
"""Part of every cache key; raise it when exports change."""

_log = logging.getLogger(__name__)


def load_openvino() -> Any:
    """The `openvino` module, with its telemetry switched off: it would report every import."""
    # A None entry makes `import openvino_telemetry` fail, and OpenVINO then uses its own stub.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type] # documented use
    import openvino

    return openvino


def exported(name: str, key: str, write: Callable[[Path], None]) -> Path:
    """Folder in the cache with an export.

    Args:
        name: what the folder is called, for people.
        key: everything the export depends on (weights, shapes).
        write: puts the export's files in an empty folder; called only when the cache has none.
    """
    digest = hashlib.sha256(f"{_FORMAT}\n{key}".encode()).hexdigest()[:16]
    safe = "".join(c if c.isalnum() or c in "-._" else "-" for c in name)
    folder = cache_folder() / "openvino" / f"{safe}-{digest}"
    if not folder.exists():
        _log.info("exporting %s to OpenVINO, once", name)
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=folder.parent))
        try:
            write(work)
            _publish(work, folder)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return folder


def _publish(work: Path, folder: Path) -> None:
    """Rename a finished export into place; another process may have been quicker."""
    try:
        work.rename(folder)
    except OSError:
        if not folder.exists():
            raise


def write_module(
    module: Any, xml: Path, examples: tuple[Any, ...], shapes: list[list[int]] | None = None
) -> None:
    """Export a torch module to `xml`.

    Args:
        module: in eval mode, taking and returning tensors.
        examples: inputs to trace with.
        shapes: of the inputs, -1 where they vary. By default the first dimension does, and so does
            the second one of matrices (token ids).
    """
    import torch

    openvino = load_openvino()
    if shapes is None:
        shapes = [[-1, -1] if x.ndim == 2 else [-1, *x.shape[1:]] for x in examples]
    fastpath = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # the fused attention op has no OpenVINO form
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # tracing warns of every shape turned into a constant
            # Traced here because OpenVINO would run the module again to check the trace.
            traced = torch.jit.trace(  # type: ignore[no-untyped-call] # torch has it untyped
                module, examples, check_trace=False, strict=False
            )
            model = openvino.convert_model(traced, example_input=examples, input=shapes)
    finally:
        torch.backends.mha.set_fastpath_enabled(fastpath)
    openvino.save_model(model, xml, compress_to_fp16=False)


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """No progress bars and no advice from transformers while it loads a model."""
    from transformers.utils import logging as theirs

    bars, level = theirs.is_progress_bar_enabled(), theirs.get_verbosity()
    theirs.disable_progress_bar()
    theirs.set_verbosity_error()
    try:
        yield
    finally:
        theirs.set_verbosity(level)
        if bars:
            theirs.enable_progress_bar()


class Compiled:
    """A model ready to run; calls from several threads take turns."""

    def __init__(self, xml: Path, *, threads: int, precision: Precision = "f32") -> None:
        """
        Raises:
            EngineError: the exported file is damaged or the processor cannot run it.
        """
        openvino = load_openvino()
        core = openvino.Core()
        self.bf16 = precision == "auto" and "BF16" in core.get_property(
            "CPU", "OPTIMIZATION_CAPABILITIES"
        )
        options = {
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": "bf16" if self.bf16 else "f32",
            "NUM_STREAMS": "1",
            "ENABLE_CPU_PINNING": False,  # several engines share the cores
        }
        try:
            self._model = core.compile_model(xml, "CPU", options)
        except RuntimeError as exc:
            raise EngineError(
                f"OpenVINO cannot load {str(xml)!r} ({exc}): delete that folder to export it anew"
            ) from exc
        self._request = self._model.create_infer_request()
        self._lock = threading.Lock()

    @property
    def output_dimension(self) -> int:
        """Last dimension of the first output."""
        return int(self._model.output(0).partial_shape[-1].get_length())

    def __call__(self, *inputs: NDArray[Any]) -> NDArray[np.float32]:
        """First output for `inputs`, in the order they were traced."""
        feeds: Mapping[int, NDArray[Any]] = dict(enumerate(inputs))
        with self._lock:
            try:
                result = self._request.infer(feeds)
            except RuntimeError as exc:
                raise EngineError(f"OpenVINO failed while running a model: {exc}") from exc
            return np.array(result[0], np.float32)
