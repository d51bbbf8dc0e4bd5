"""How nodes reach the library: the state and the context carry only names, the objects hang
here."""

import threading
from dataclasses import dataclass
from pathlib import Path

from longtake.config import Settings
from longtake.tools.library import Library


@dataclass(frozen=True)
class Context:
    """What a run is given beside its input. Servers build it from JSON, so every field is plain
    and has a default."""

    library: str = ""
    """Folder of the library; empty is the one in the settings."""
    depth: int = 12
    """Rows a sub-query takes from the fused ranking."""


_lock = threading.Lock()
_libraries: dict[str, Library] = {}


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
