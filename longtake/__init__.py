"""Answers questions about long videos, with moments you can check.

    from longtake import Agent, Library

    with Library.open("my-library", create=True) as library:
        library.index(["talks/"])
        answer = Agent(library).ask_sync("When does the tide turn?")
        print(answer.text, answer.evidence)

Importing this package loads none of the heavy libraries; they come with what first needs them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from longtake.agent.agent import Agent
    from longtake.agent.answer import Answer, Evidence
    from longtake.config import Settings
    from longtake.timing import Span
    from longtake.tools.hits import Hit
    from longtake.tools.library import Library

__version__ = "0.1.0"
__all__ = ["Agent", "Answer", "Evidence", "Hit", "Library", "Settings", "Span", "__version__"]

_HOMES = {
    "Agent": "longtake.agent.agent",
    "Answer": "longtake.agent.answer",
    "Evidence": "longtake.agent.answer",
    "Hit": "longtake.tools.hits",
    "Library": "longtake.tools.library",
    "Settings": "longtake.config",
    "Span": "longtake.timing",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
