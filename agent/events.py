"""Events of a run: streamed as they happen and kept with the run.

| event | keys beside `event` and `at` (Unix seconds) |
|---|---|
| planned | queries: list of texts, by: `rules` or `model`, whole |
| retrieved | rows: count, lanes: lane -> report |
| selected | round, views: list of `View`, left, limit (tokens), asked (not in conversations) |
| looking | view: id |
| observed | observation: `Observation`, left |
| called | node, purpose, backend, planned, actual, spent, left, limit, seconds, replayed, outcome |
| reflected | action, why, by: `rules` or `model`, confidence (not in conversations) |
| drafted | abstained, confidence, by |
| verified | evidence: count, notes, again: whether the model is asked once more |
| answer | the answer as `Answer.to_dict` |

Actions of `reflected` are `answer`, `look`, `zoom`, `search` and `read`; in conversations with a
model (`love_zoom`, `spotlight`) `answer`, `zoom`, `choose` (frames between two), `time` (the frame
at a time), `refused` (what the model asked for is not done, why says the reason it is told) and
`retry` (an attempt broke the rules in why and is made again). What was `asked` is the small frames
that the model said yes or no about before the views were chosen: a list of video_id, times, width
and height by call.
"""

import time
from typing import Any

from langgraph.runtime import Runtime

from longtake.agent.context import Context


def emit(runtime: Runtime[Context], event: str, **data: Any) -> list[dict[str, Any]]:
    """Stream an event and return it for the state's `trace`."""
    made = {"event": event, **data, "at": round(time.time(), 3)}
    runtime.stream_writer(made)
    return [made]
