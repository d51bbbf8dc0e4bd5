"""The commands on real, tiny videos: what they print, where, and how they exit."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import pysubs2
import pytest
from PIL import Image, ImageDraw, ImageFont
from typer.testing import CliRunner

from longtake import __version__
from longtake.cli import app

ROOT = Path(__file__).resolve().parent.parent
ODD_NAME = '-odd [bold]"x"\n🎬.mp4'
SPOKEN = [(0.5, 2.0, "The tide turns at noon."), (3.0, 5.0, "The gauge stands on the pier.")]


def _make_video(path: Path, *, seconds: float, text: str = "", shade: int = 200) -> None:
    picture = Image.new("RGB", (320, 180), (shade, shade, shade))
    font = ImageFont.load_default(28)
    ImageDraw.Draw(picture).text((20, 70), text, fill=(0, 0, 0), font=font)
    frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
    with av.open(str(path), "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=10, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(round(seconds * 10)):
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode())


def _write_srt(path: Path) -> None:
    lines = [
        pysubs2.SSAEvent(start=int(start * 1000), end=int(end * 1000), text=text)
        for start, end, text in SPOKEN
    ]
    subtitles = pysubs2.SSAFile()
    subtitles.events = lines
    subtitles.save(str(path))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """talk.mp4 with subtitles beside it, slide.mp4 with a line of text, and a file that is junk."""
    made = tmp_path_factory.mktemp("videos")
    _make_video(made / "talk.mp4", seconds=6)
    _write_srt(made / "talk.srt")
    _make_video(made / "slide.mp4", seconds=3, text="Harbour room 42")
    (made / "junk.mp4").write_bytes(b"not a video at all")
    return made


@pytest.fixture(scope="module", autouse=True)
def no_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A working folder and a user without settings; nothing asks the hub."""
    patch = pytest.MonkeyPatch()
    empty = tmp_path_factory.mktemp("empty")
    patch.chdir(empty)
    patch.setenv("XDG_CONFIG_HOME", str(empty))
    patch.setenv("LONGTAKE_OFFLINE", "true")
    yield
    patch.undo()


class Run:
    """What a command did."""

    def __init__(self, *arguments: str | Path) -> None:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        self.code, self.out, self.err = result.exit_code, result.stdout, result.stderr

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(scope="module")
def indexed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """A library over the folder, and how indexing it went."""
    library = tmp_path_factory.mktemp("library") / "library"
    return library, Run("index", folder, "--library", library)


@pytest.fixture(scope="module")
def library(indexed: tuple[Path, Run]) -> Path:
    return indexed[0]


@pytest.fixture
def own_library(library: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(library, tmp_path / "library"))


def test_index_names_what_was_done_and_what_failed_and_goes_on(indexed: tuple[Path, Run]) -> None:
    run = indexed[1]
    assert run.code == 1
    assert run.out.splitlines()[-1].startswith("2 indexed, 1 failed in ")
    (failed,) = [line for line in run.out.splitlines() if line.startswith("junk.mp4: failed: ")]
    assert "junk.mp4" in failed
    assert "Traceback" not in run.out + run.err
    (skipped,) = [line for line in run.out.splitlines() if line.startswith("skipped ")]
    assert skipped.startswith("skipped visual: no weights for open_clip model ")
    assert "pip install" not in skipped  # no package has them
    assert "[1/3] " in run.err


def test_what_is_indexed_is_left_alone(library: Path, folder: Path) -> None:
    run = Run("index", folder / "talk.mp4", "--library", library)
    assert run.code == 0
    assert run.out.startswith("1 unchanged in ")


def test_nothing_to_index_is_not_an_error(tmp_path: Path) -> None:
    run = Run("index", tmp_path, "--library", tmp_path / "library")
    assert (run.code, run.out) == (0, "no videos found in 0.0 s\n")


def test_a_path_that_is_not_there_is_reported(library: Path, tmp_path: Path) -> None:
    run = Run("index", tmp_path / "gone.mp4", "--library", library)
    assert run.code == 1
    assert "no such file or folder" in run.out


def test_videos_lists_them(library: Path) -> None:
    run = Run("--library", library, "videos")
    assert run.code == 0
    assert [line.split()[4] for line in run.out.splitlines()[1:]] == ["slide.mp4", "talk.mp4"]


def test_show_gives_transcript_and_cues_in_time_order(library: Path) -> None:
    run = Run("show", "talk", "--transcript", "--library", library)
    assert [line.split(maxsplit=1) for line in run.out.splitlines()] == [
        ["0:00.5-0:02.0", "The tide turns at noon."],
        ["0:03.0-0:05.0", "The gauge stands on the pier."],
    ]
    run = Run("show", "talk", "--transcript", "--between", "0-2.5", "--library", library)
    assert len(run.out.splitlines()) == 1
    run = Run("show", "slide", "--cues", "--library", library)
    assert run.out.split(maxsplit=1)[1] == "[Harbour room 42]\n"


def test_show_summarises_the_stages(library: Path) -> None:
    run = Run("show", "talk.mp4", "--library", library)
    states = dict(line.split()[:2] for line in run.out.splitlines() if line[:1].isalpha())
    assert states["speech"] == states["shots"] == states["sentences"] == "done"
    assert states["visual"] == "skipped"


def test_search_prints_moments_with_a_command_to_watch_them(library: Path, folder: Path) -> None:
    run = Run("search", "tide", "noon", "--library", library, "-n", "1")
    moment, command = run.out.splitlines()
    assert moment == 'talk.mp4 0:00.5-0:02.0  speech  "The tide turns at noon."'
    assert str(folder / "talk.mp4") in command
    assert "visual: " in run.err


def test_search_that_finds_nothing_says_so(library: Path) -> None:
    run = Run("search", "tide", "--lane", "text", "--video", "talk", "--library", library)
    assert (run.code, run.out) == (0, "")
    assert "nothing found" in run.err


def test_ask_answers_with_a_moment(library: Path) -> None:
    run = Run("ask", "When does the tide turn?", "--library", library)
    assert run.code == 0
    assert 'talk.mp4 0:00.5-0:02.0  speech  "The tide turns at noon."' in run.out.splitlines()


def test_ask_chooses_an_option(library: Path) -> None:
    run = Run(
        "ask", "When does the tide turn?", "--option", "at noon", "--option", "at midnight",
        "--json", "--library", library,
    )  # fmt: skip
    assert run.json["option"] == "at noon"


@pytest.mark.parametrize("form", ["srt", "vtt"])
def test_exported_captions_are_what_was_said(library: Path, form: str, tmp_path: Path) -> None:
    target = tmp_path / f"out.{form}"
    run = Run("export", "talk", "--format", form, "-o", target, "--library", library)
    assert (run.code, run.out) == (0, "")
    read = pysubs2.load(str(target))
    assert [(line.start / 1000, line.end / 1000, line.plaintext) for line in read] == SPOKEN
    assert target.read_text() == Run("export", "talk", "-f", form, "--library", library).out


def test_export_of_on_screen_text(library: Path) -> None:
    run = Run("export", "slide", "--what", "text", "--json", "--library", library)
    (item,) = run.json["items"]
    assert (item["text"], item["start_s"], item["end_s"]) == ("Harbour room 42", 0.0, 3.0)


def test_export_to_a_place_that_cannot_be_written(library: Path, tmp_path: Path) -> None:
    run = Run("export", "talk", "-o", tmp_path, "--library", library)
    assert run.code == 1
    assert run.err.startswith("error: cannot write ")


def test_a_fresh_library_is_sound(library: Path) -> None:
    run = Run("check", "--library", library)
    assert (run.code, run.out) == (0, "all is well\n")


def test_a_lost_vector_file_is_found_and_repaired(own_library: Path) -> None:
    lost = next(path for path in (own_library / "vectors").rglob("*.npz"))
    lost.unlink()
    run = Run("check", "--json", "--library", own_library)
    assert run.code == 1
    assert not run.json["ok"]
    assert Run("check", "--repair", "--library", own_library).code == 0
    assert Run("check", "--library", own_library).code == 0


def test_a_video_that_is_gone_is_named_but_no_error(tmp_path: Path) -> None:
    _make_video(tmp_path / "short.mp4", seconds=1)
    library = tmp_path / "library"
    Run("index", tmp_path / "short.mp4", "--only", "shots", "--library", library)
    (tmp_path / "short.mp4").unlink()
    run = Run("check", "--json", "--library", library)
    assert (run.code, run.json["ok"]) == (0, True)
    assert [(item["kind"], item["repairable"]) for item in run.json["findings"]] == [
        ("gone", False)
    ]


def test_remove_takes_a_video_out_and_leaves_its_file(own_library: Path, folder: Path) -> None:
    run = Run("remove", "talk", "--json", "--library", own_library)
    assert [video["title"] for video in run.json["videos"]] == ["talk"]
    assert (folder / "talk.mp4").exists()
    titles = [v["title"] for v in Run("videos", "--json", "--library", own_library).json["videos"]]
    assert titles == ["slide"]


def test_prune_takes_out_what_is_gone(tmp_path: Path) -> None:
    _make_video(tmp_path / "short.mp4", seconds=1)
    library = tmp_path / "library"
    assert Run("index", tmp_path / "short.mp4", "--only", "shots", "--library", library).code == 0
    assert Run("prune", "--library", library).out == "nothing to remove\n"
    (tmp_path / "short.mp4").unlink()
    assert Run("prune", "--library", library).out.startswith("removed short.mp4")
    assert Run("videos", "--json", "--library", library).json["videos"] == []


def test_odd_names_are_indexed_and_printed_safely(tmp_path: Path) -> None:
    _make_video(tmp_path / ODD_NAME, seconds=1)
    library = tmp_path / "library"
    run = Run("index", "--only", "shots", "--library", library, "--", tmp_path / ODD_NAME)
    assert run.code == 0
    assert '-odd [bold]"x"\\n🎬.mp4' in run.out
    (video,) = Run("videos", "--json", "--library", library).json["videos"]
    assert Path(video["path"]) == tmp_path / ODD_NAME
    assert len(Run("videos", "--library", library).out.splitlines()) == 2
    assert Run("show", ODD_NAME[1:-4], "--library", library).code == 2
    assert Run("show", "--library", library, "--", ODD_NAME).code == 0


# Errors


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["serch", "x"], 2, "Did you mean 'search'?"),
        (["search", "x", "--limt", "3"], 2, "--limit"),
        (["search", "x", "--lane", "smell"], 2, "'speech', 'text', 'visual'"),
        (["index"], 2, "Missing argument"),
        (["search", "x", "--between", "5"], 2, "FROM-TO"),
        (["models", "--set", "speech.modle=x"], 2, "did you mean speech.model"),
        (["videos"], 1, "error: "),
        (["--library", "/nowhere/at/all", "ask", "x"], 1, "/nowhere/at/all"),
    ],
)
def test_errors_are_lines_on_stderr(arguments: list[str], code: int, message: str) -> None:
    run = Run(*arguments)
    assert (run.code, run.out) == (code, "")
    assert message in " ".join(run.err.replace("│", " ").split())


def test_an_unknown_video_lists_near_names(library: Path) -> None:
    run = Run("show", "tlak", "--library", library)
    assert run.code == 2
    assert len(run.err.splitlines()) == 1
    assert "talk" in run.err


def test_version() -> None:
    assert Run("--version").out == f"longtake {__version__}\n"


# JSON: docs/json.md is the contract

VIDEO = {
    "id", "title", "path", "duration_s", "size_bytes", "fps", "width_px", "height_px",
    "video_codec", "audio_codec", "added_at", "notes",
}  # fmt: skip
STAGE = {
    "name", "state", "reason", "engine", "model", "version", "started_at", "finished_at",
    "busy_s", "stats",
}  # fmt: skip
REPORT = {
    "path", "id", "title", "action", "error", "duration_s", "wall_s", "notes", "stages",
}  # fmt: skip
HIT = {
    "video_id", "video_title", "video_path", "start_s", "end_s", "lane", "score", "quote",
    "frame_time_s", "sources",
}  # fmt: skip
ANSWER = {
    "run_id", "question", "text", "option", "option_scores", "confidence", "abstained", "reason",
    "supported", "mode", "evidence", "leads", "searched", "notes", "receipt",
}  # fmt: skip
EVIDENCE = {
    "video_id", "video_title", "video_path", "start_s", "end_s", "lane", "quote", "score",
    "claim", "view",
}  # fmt: skip
STRETCH = {"position", "start_s", "end_s"}
SEGMENT = {"start_s", "end_s", "text", "confidence", "language", "source", "words"}
CUE = {"start_s", "end_s", "text", "confidence", "box"}
MODEL = {"kind", "name", "lane", "source", "path", "size_bytes", "verified", "problem"}
LANE = {
    "lane", "engine", "version", "model", "path", "source", "verified", "device", "problem", "fix",
}  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "keys", "lists"),
    [
        (["index", "{folder}"], {"library", "ok", "wall_s", "videos"}, {"videos": REPORT}),
        (["ask", "When does the tide turn?"], ANSWER, {"evidence": EVIDENCE}),
        (["search", "tide"], {"query", "hits", "searched"}, {"hits": HIT}),
        (["videos"], {"videos"}, {"videos": VIDEO | {"stages"}}),
        (["show", "talk"], {"video", "stages"}, {"stages": STAGE}),
        (
            ["show", "talk", "--shots", "--clips", "--transcript"],
            {"video", "stages", "shots", "clips", "segments"},
            {"shots": STRETCH, "clips": STRETCH, "segments": SEGMENT},
        ),
        (["show", "slide", "--cues"], {"video", "stages", "cues"}, {"cues": CUE}),
        (["export", "talk"], {"video", "what", "items"}, {"items": SEGMENT}),
        (["check"], {"ok", "repaired", "findings"}, {}),
        (["models"], {"models"}, {"models": MODEL}),
        (["doctor"], {"ok", "version", "lanes"}, {"lanes": LANE}),
    ],
    ids=lambda value: "-".join(value[:1]) if isinstance(value, list) else "",
)
def test_json_documents_have_exactly_the_documented_keys(
    library: Path,
    folder: Path,
    arguments: list[str],
    keys: set[str],
    lists: dict[str, set[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LONGTAKE_LIBRARY", str(library))
    run = Run(*(argument.format(folder=folder) for argument in arguments), "--json")
    name = arguments[0]
    assert run.json["schema"] == f"longtake.{name}/1"
    assert set(run.json) == {"schema", *keys}
    page = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
    for part, expected in lists.items():
        assert run.json[part], part
        assert set(run.json[part][0]) == expected
        assert all(f"`{key}`" in page for key in expected)
    assert all(f"`{key}`" in page for key in keys)


def test_json_is_ascii_and_alone_on_stdout(library: Path) -> None:
    run = Run("search", "tide", "--json", "--library", library)
    assert run.out.isascii()
    assert run.json["searched"]["speech"].startswith("searched")
    assert run.json["searched"]["visual"].startswith("no pictures indexed")


# The program as a process


def _process(*arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "longtake", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        **options,
    )  # fmt: skip


def test_ctrl_c_ends_with_130_and_the_next_run_finishes(tmp_path: Path) -> None:
    _make_video(tmp_path / "talk.mp4", seconds=600, text="Harbour room 42")
    _write_srt(tmp_path / "talk.srt")
    library = tmp_path / "library"
    # a shell that starts the tests in the background has them ignore Ctrl-C
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with _process("index", tmp_path / "talk.mp4", "--library", library, preexec_fn=heed) as process:
        assert process.stderr
        assert process.stderr.readline().startswith("[1/1] talk.mp4")
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130, rest
    assert "Traceback" not in rest
    assert rest.splitlines()[-1] == "interrupted; run the same command to continue"
    assert Run("index", tmp_path / "talk.mp4", "--only", "shots", "--library", library).code == 0
    assert Run("check", "--library", library).code == 0


def test_a_reader_that_goes_away_is_no_crash(library: Path) -> None:
    with _process("show", "talk", "--json", "--library", library) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()


def test_any_name_prints_on_a_terminal_without_unicode(tmp_path: Path) -> None:
    _make_video(tmp_path / ODD_NAME, seconds=1)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "longtake", "--library", tmp_path / "library",
         "index", tmp_path, "--only", "shots"],
        env=environment, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b'-odd [bold]"x"\\n\\U0001f3ac.mp4' in done.stdout
