"""What the nodes of one run share beside its state: library, model, ledger, encoded frames.

The state holds names only. A desk is found by the run's id and made anew from the journal when a
killed run goes on in another process.
"""

import asyncio
import threading
import time
from collections.abc import Mapping
from typing import Any

from langgraph.config import get_stream_writer
from langgraph.runtime import Runtime

from longtake.agent.budget import Ledger
from longtake.agent.calls import Calls
from longtake.agent.context import Context, library_of, vlm_of
from longtake.agent.quotes import quotes_in
from longtake.agent.receipt import Receipt
from longtake.agent.requests import Quote
from longtake.config import Settings
from longtake.timing import Span
from longtake.tools.library import Library
from longtake.tools.viewer import Viewer
from longtake.tools.vlm.journal import Journal
from longtake.tools.vlm.messages import Request, Vlm

JOURNAL = "calls.db"
"""File in the library folder that keeps every call and its reply."""

_desks: dict[str, "Desk"] = {}
_lock = threading.Lock()


class Desk:
    """Everything a run works with.

    Attributes:
        preset: what is looked at first.
        policy: how the next thing to look at is chosen.
    """

    def __init__(
        self, library: Library, calls: Calls, *, policy: str, preset: str, journal: Journal
    ) -> None:
        self.library = library
        self.calls = calls
        self.policy = policy
        self.preset = preset
        self.viewer = Viewer(library)
        self._journal = journal
        self._events: list[dict[str, Any]] = []
        self._labels = {video.id: f"V{i}" for i, video in enumerate(library.videos(), 1)}
        self._quotes: dict[tuple[str, Span], list[Quote]] = {}

    @property
    def ledger(self) -> Ledger:
        """The run's ledger."""
        return self.calls.ledger

    def label(self, video_id: str) -> str:
        """What models call a video: `V1`, ... in the order of the library; those that were indexed
        since the run began come after them, as they are met."""
        return self._labels.setdefault(video_id, f"V{len(self._labels) + 1}")

    def video_of(self, label: str) -> str | None:
        """Id of the video with that label; None when there is none."""
        wanted = label.strip().upper()
        return next((video for video, name in self._labels.items() if name == wanted), None)

    def quotes(self, video_id: str, span: Span) -> list[Quote]:
        """What is said and written in a stretch; read once, however many shapes are priced."""
        key = video_id, span
        if key not in self._quotes:
            self._quotes[key] = quotes_in(self.library, video_id, span)
        return self._quotes[key]

    def reserve(self, request: Request, *, node: str, purpose: str, answer: bool = False) -> str:
        """Set tokens apart for a request before it is sent.

        Args:
            answer: it writes the final answer and may draw on the answer's reserve.

        Raises:
            BudgetExceeded: it does not fit in what is left.
        """
        return self.ledger.reserve(
            self.calls.price(request),
            node=node,
            purpose=purpose,
            backend=self.calls.vlm.name,
            answer=answer,
        )

    def release(self, reservation: str, reason: str) -> None:
        """Give back tokens of a call that was not made."""
        self.ledger.release(reservation, reason)

    def called(self, event: dict[str, Any]) -> None:
        """Stream a call's event and keep it for the trace."""
        made = {**event, "at": round(time.time(), 3)}
        self._events.append(made)
        get_stream_writer()(made)

    def take_events(self) -> list[dict[str, Any]]:
        """Events of calls since they were last taken."""
        taken, self._events = self._events, []
        return taken

    def receipt(self) -> Receipt:
        """What the run has cost so far."""
        return Receipt.of(self.ledger, self.library.settings.vlm)

    def close(self) -> None:
        """Let go of the journal; open reservations are released."""
        self.ledger.release_all("the run ended")
        self._journal.close()


def has_model(runtime: Runtime[Context]) -> bool:
    """Whether the run has a model that sees."""
    return vlm_of(runtime.context) is not None


async def desk_of(state: Mapping[str, Any], runtime: Runtime[Context]) -> Desk:
    """The desk of the run that the state belongs to.

    Raises:
        UsageError: the model that the context names cannot be opened.
        LibraryMissing: there is no library in the context's folder.
    """
    run_id = str(state["run_id"])
    if run_id not in _desks:
        context = runtime.context or Context()
        library = library_of(context)
        vlm = vlm_of(context)
        assert vlm is not None, "nodes that look run only with a model"
        # parallel looks of a resumed run come here together: one of them opens it
        await asyncio.to_thread(open_desk, run_id, context, library, vlm)
    return _desks[run_id]


def close_desk(run_id: str) -> None:
    """Let go of what a run shared; safe to call again."""
    desk = _desks.pop(run_id, None)
    if desk is not None:
        desk.close()


def open_desk(run_id: str, context: Context, library: Library, vlm: Vlm) -> Desk:
    """A desk for a run, one and the same however often and from where it is asked for. A run that
    was killed goes on with what its journal says it has spent."""
    with _lock:
        if run_id not in _desks:
            _desks[run_id] = _made(run_id, context, library, vlm)
        return _desks[run_id]


def _made(run_id: str, context: Context, library: Library, vlm: Vlm) -> Desk:
    settings: Settings = library.settings
    journal = Journal.open(library.root / JOURNAL)
    desk: Desk | None = None

    def on_call(event: dict[str, Any]) -> None:
        assert desk is not None
        desk.called(event)

    calls = Calls.restore(
        vlm,
        journal,
        run_id,
        limit=context.budget or settings.agent.budget,
        use_cache=settings.vlm.cache,
        on_call=on_call,
    )
    desk = Desk(
        library,
        calls,
        policy=context.policy or settings.agent.policy,
        preset=context.preset or settings.agent.preset,
        journal=journal,
    )
    return desk
