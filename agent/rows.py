"""Rows of the state, made in one place."""

from longtake.agent.state import LaneName, Row
from longtake.timing import Span


def made_row(
    lane: LaneName,
    row_id: int,
    video_id: str,
    span: Span,
    text: str | None,
    *,
    frame_time: float | None = None,
    score: float = 0.0,
    query: int = 0,
) -> Row:
    """A row that stands beside no other moment; times in seconds."""
    return {
        "lane": lane,
        "id": row_id,
        "video_id": video_id,
        "start": span.start,
        "end": span.end,
        "text": text,
        "frame_time": frame_time,
        "score": score,
        "query": query,
        "beside": False,
    }
