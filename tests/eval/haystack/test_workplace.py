"""Interrupted runs: what is kept, what is made again, and that nobody can tell afterwards."""

from pathlib import Path

import pytest

from longtake.errors import UsageError
from longtake.eval.haystack.config import Suite, WorldConfig
from longtake.eval.haystack.generate import generate
from longtake.eval.haystack.sound import Piper
from longtake.eval.haystack.workplace import begun_seed
from tests.eval.haystack.test_made import files

SMALL = WorldConfig(
    days=2, seconds=20, items=8, width=160, height=90, fps=5, text_px=(8, 16),
    needle_s=(0.5, 2.0), needle_shares=(0.5, 0.5), rooms=4,
)  # fmt: skip
TWO = Suite(name="smoke", worlds=(SMALL, SMALL))


class Stopped(Exception):
    pass


class Stopping:
    """Progress that counts drawn frames, and stops at one of a video."""

    def __init__(self, video: int, frame: int) -> None:
        self.seen: list[str] = []
        self.drawn = 0
        self.stop = (video, frame)

    def __call__(self, video: str, done: int, total: int) -> None:
        if video not in self.seen:
            self.seen.append(video)
        self.drawn += 1
        if (len(self.seen), done) == self.stop:
            raise Stopped


@pytest.mark.parametrize("voice", ["piper", "none"])
def test_an_interrupted_run_goes_on_and_ends_as_if_it_had_not_been(
    tmp_path: Path, voice: str
) -> None:
    speaker = Piper() if voice == "piper" else None
    generate(TWO, tmp_path / "whole", 5, speaker=speaker)
    out = tmp_path / "parts"
    with pytest.raises(Stopped):
        generate(TWO, out, 5, speaker=speaker, progress=Stopping(3, 40))
    assert begun_seed(out) == 5
    assert not (out / "truth" / "worlds.json").exists()
    assert len(list((out / "videos").glob("*.mp4"))) == 2
    rest = Stopping(0, 0)
    generate(TWO, out, 5, speaker=speaker, progress=rest)
    assert rest.drawn == 2 + 2 * 100  # two videos were kept, two drawn
    assert files(out) == files(tmp_path / "whole")
    assert begun_seed(out) is None
    with pytest.raises(UsageError, match="is not empty"):
        generate(TWO, out, 5, speaker=speaker)


def test_a_damaged_video_is_made_again(tmp_path: Path) -> None:
    generate(TWO, tmp_path / "whole", 5, speaker=None)
    out = tmp_path / "parts"
    with pytest.raises(Stopped):
        generate(TWO, out, 5, speaker=None, progress=Stopping(3, 1))
    hurt, *_ = (out / "videos").glob("*.mp4")
    hurt.write_bytes(hurt.read_bytes()[:-1] + b"x")
    rest = Stopping(0, 0)
    generate(TWO, out, 5, speaker=None, progress=rest)
    assert rest.drawn == 1 + 3 * 100
    assert files(out) == files(tmp_path / "whole")


def test_another_run_does_not_go_on_with_it(tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        generate(TWO, tmp_path / "out", 5, speaker=None, progress=Stopping(1, 3))
    other = Suite(name="smoke", worlds=(SMALL,))
    for suite, seed in ((TWO, 6), (other, 5)):
        with pytest.raises(UsageError, match="another seed"):
            generate(suite, tmp_path / "out", seed, speaker=None)
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="name a new folder"):
        generate(TWO, strange, 5, speaker=None)
    assert [path.name for path in strange.iterdir()] == ["notes.txt"]
