"""What an answer rests on: citations of stored rows and of what views showed."""

from longtake.agent.state import Citation, Row


def row_citation(row: Row) -> Citation:
    """A retrieved row, for the query that it was found for."""
    return {
        "lane": row["lane"],
        "video_id": row["video_id"],
        "start": row["start"],
        "end": row["end"],
        "quote": row["text"],
        "rows": [row["id"]],
        "score": round(row["score"], 4),
        "query": row["query"],
    }


def view_citation(video_id: str, start: float, end: float, *, view: str, score: float) -> Citation:
    """A moment that a view showed, in seconds of its video."""
    return {
        "lane": "visual",
        "video_id": video_id,
        "start": start,
        "end": end,
        "quote": None,
        "rows": [],
        "score": score,
        "query": 0,
        "view": view,
    }
