"""How nodes reach the library: the state and the context carry only names, the objects hang
here."""

import threading
from dataclasses import dataclass
from pathlib import Path

from longtake.config import Settings
from longtake.tools.library import Library
from longtake.tools.vlm.messages import Vlm


@dataclass(frozen=True)
class Context:
    """What a run is given beside its input. Servers build it from JSON, so every field is plain
    and has a default."""

    library: str = ""
    """Folder of the library; empty is the one in the settings."""
    depth: int = 12
    """Rows a sub-query takes from the fused ranking."""
    vlm: str = ""
    """The model that sees, as `--vlm` takes it; empty is the settings' model, `none` is none."""
    budget: int = 0
    """Tokens the question may cost; 0 is the settings' budget."""
    policy: str = ""
    """How the next thing to look at is chosen; empty is the settings' policy."""
    preset: str = ""
    """What is looked at first; empty is the settings' preset."""


_lock = threading.Lock()
_libraries: dict[str, Library] = {}
_vlms: dict[str, Vlm] = {}

NO_VLM = "none"
"""`Context.vlm` that answers from speech and on-screen text alone."""


def register(library: Library) -> str:
    """Make an open library reachable; returns the name to put into `Context.library`."""
    name = str(library.root)
    with _lock:
        _libraries[name] = library
    return name


def library_of(context: Context | None) -> Library:
    """The library a run works on; opens it on first use.

    Raises:
        LibraryMissing: there is none in that folder.
    """
    name = context.library if context is not None else ""
    root = str(Path(name or Settings().library).expanduser().absolute())
    with _lock:
        if root not in _libraries:
            _libraries[root] = Library.open(root)
        return _libraries[root]


def register_vlm(vlm: Vlm) -> str:
    """Make an open model reachable; returns the name to put into `Context.vlm`."""
    name = f"{vlm.name}@{id(vlm):x}"
    with _lock:
        _vlms[name] = vlm
    return name


def vlm_of(context: Context | None) -> Vlm | None:
    """The model that a run sees with, opened on first use; None when it has none.

    Raises:
        UsageError: the name fits no backend, or the backend is not installed.
    """
    settings = library_of(context).settings
    name = (context.vlm if context is not None else "") or settings.vlm.model or NO_VLM
    if name == NO_VLM:
        return None
    with _lock:
        if name not in _vlms:
            from longtake.tools.vlm.backends import open_vlm

            chosen = settings.vlm.model_copy(update={"model": name})
            made = open_vlm(settings.model_copy(update={"vlm": chosen}))
            assert made is not None
            _vlms[name] = made
        return _vlms[name]
