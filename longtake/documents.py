"""The JSON documents that `--json` prints. Their keys are stable: `docs/json.md` lists them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from longtake.agent.answer import Answer
    from longtake.agent.forecast import Forecast
    from longtake.agent.prune import Pruned
    from longtake.index.check import Finding
    from longtake.index.doctor import LaneStatus
    from longtake.index.lanes import StageName
    from longtake.index.records import (
        ClipRecord,
        CueRecord,
        SegmentRecord,
        ShotRecord,
        StageRecord,
        VideoRecord,
    )
    from longtake.index.reports import IndexReport, VideoReport
    from longtake.tools.search import Hit, SearchResult

Document = dict[str, Any]


def document(name: str, **content: Any) -> Document:
    """A document of schema `longtake.NAME/1`; the number rises when a key changes its meaning."""
    return {"schema": f"longtake.{name}/1", **content}


def video(record: "VideoRecord") -> Document:
    """A video of the library."""
    return {
        "id": record.id,
        "title": record.title,
        "path": str(record.path),
        "duration_s": record.duration,
        "size_bytes": record.size,
        "fps": record.fps,
        "width_px": record.width,
        "height_px": record.height,
        "video_codec": record.video_codec,
        "audio_codec": record.audio_codec,
        "added_at": record.added_at,
        "notes": list(record.notes),
    }


def pruned(dropped: "Pruned") -> Document:
    """Calls of models that were dropped."""
    return {"dropped": dropped.calls, "runs": dropped.runs, "size_bytes": dropped.size}


def stage(record: "StageRecord") -> Document:
    """How a stage of a video ended."""
    return {
        "name": str(record.name),
        "state": str(record.state),
        "reason": record.reason,
        "engine": record.engine,
        "model": record.model,
        "version": record.version,
        "started_at": record.started_at,
        "finished_at": record.finished_at,
        "busy_s": record.stats.get("busy_s"),
        "stats": dict(record.stats),
    }


def states(stages: Mapping["StageName", "StageRecord"]) -> dict[str, str]:
    """Stage name -> state."""
    return {str(name): str(record.state) for name, record in stages.items()}


def index_report(library: Path, report: "IndexReport") -> Document:
    """What `longtake index` did."""
    return document(
        "index",
        library=str(library),
        ok=report.ok,
        wall_s=report.wall_s,
        videos=[_video_report(item) for item in report.videos],
    )


def _video_report(report: "VideoReport") -> Document:
    return {
        "path": str(report.path),
        "id": report.video_id,
        "title": report.title,
        "action": report.action,
        "error": report.error,
        "duration_s": report.duration_s,
        "wall_s": report.wall_s,
        "notes": list(report.notes),
        "stages": [stage(item) for item in report.stages],
    }


def hit(found: "Hit") -> Document:
    """A moment that a search found."""
    return {
        "video_id": found.video_id,
        "video_title": found.video_title,
        "video_path": str(found.video_path),
        "start_s": found.start,
        "end_s": found.end,
        "lane": str(found.lane),
        "score": found.score,
        "quote": found.quote,
        "frame_time_s": found.frame_time,
        "sources": list(found.sources),
    }


def search_result(query: str, result: "SearchResult") -> Document:
    """What `longtake search` found."""
    return document(
        "search",
        query=query,
        hits=[hit(item) for item in result.hits],
        searched={str(lane): how for lane, how in result.searched.items()},
    )


def answer(given: "Answer") -> Document:
    """What `longtake ask` answers."""
    return document("ask", **given.to_dict())


def forecast(question: str, made: "Forecast") -> Document:
    """What a question may cost."""
    return document("forecast", question=question, **made.to_dict())


def span(record: "ShotRecord | ClipRecord") -> Document:
    """A shot or clip."""
    return {"position": record.position, "start_s": record.start, "end_s": record.end}


def segment(record: "SegmentRecord") -> Document:
    """A speech segment with its words."""
    spoken = record.segment
    return {
        "start_s": spoken.start,
        "end_s": spoken.end,
        "text": spoken.text,
        "confidence": spoken.confidence,
        "language": spoken.language,
        "source": spoken.source,
        "words": [
            {
                "start_s": word.start,
                "end_s": word.end,
                "text": word.text,
                "probability": word.probability,
            }
            for word in spoken.words
        ],
    }


def cue(record: "CueRecord") -> Document:
    """On-screen text; the box is x0, y0, x1, y1 of the upright frame, 0..1."""
    shown = record.cue
    return {
        "start_s": shown.start,
        "end_s": shown.end,
        "text": shown.text,
        "confidence": shown.confidence,
        "box": list(shown.box),
    }


def findings(found: "Sequence[Finding]", *, repaired: bool) -> Document:
    """What `longtake check` found."""
    items = [
        {
            "kind": item.kind,
            "what": item.what,
            "video_id": item.video_id,
            "repairable": item.repairable,
        }
        for item in found
    ]
    return document("check", ok=is_sound(found), repaired=repaired, findings=items)


def is_sound(found: "Sequence[Finding]") -> bool:
    """Whether a check found nothing but videos whose files are gone."""
    return all(item.kind == "gone" for item in found)


def lane(status: "LaneStatus") -> Document:
    """What a lane would run with."""
    return {
        "lane": str(status.lane),
        "engine": status.engine,
        "version": status.version,
        "model": status.model,
        "path": None if status.path is None else str(status.path),
        "source": status.source,
        "verified": status.verified,
        "device": status.device,
        "problem": status.problem,
        "fix": status.fix,
    }
