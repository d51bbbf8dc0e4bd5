"""What a run calls the videos of its library."""

from longtake import Library
from tests.agent.seeing import Eyes
from tests.agent.talking import desk_for


def test_a_video_that_is_indexed_during_a_run_gets_a_label(colours: Library) -> None:
    ids = [video.id for video in colours.videos()]
    with desk_for(colours, Eyes(), "default", 16_000) as desk:
        assert [desk.label(video_id) for video_id in ids] == ["V1", "V2"]
        assert desk.video_of("V3") is None
        assert [desk.label(video_id) for video_id in ("new", "newer", "new")] == ["V3", "V4", "V3"]
        assert [desk.video_of(label) for label in ("v1", "V3")] == [ids[0], "new"]
