"""What is printed is safe whatever names and texts hold, and exported captions are exact."""

import os
import subprocess
from pathlib import Path

import pysubs2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.console import file_name, printable, shell_word, view_command
from longtake.export import Caption, as_srt, as_vtt

ODD_NAMES = [
    "it's.mp4",
    'say "hi".mp4',
    "-rf.mp4",
    "two\nlines.mp4",
    "[bold]red[/bold].mp4",
    "\x1b[31mred.mp4",
    "film 🎬 über.mp4",
    "$(touch x) `y`.mp4",
    "back\\slash.mp4",
    "\u202egnp.mp4",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_names_print_on_one_line_without_control_characters(name: str) -> None:
    shown = file_name(Path("/videos") / name).plain
    assert len(shown.splitlines()) == 1
    assert shown.isprintable()


def test_printable_keeps_what_people_write() -> None:
    assert printable("film 🎬 [bold] über 👨‍👩‍👧") == "film 🎬 [bold] über 👨‍👩‍👧"
    assert printable("a\nb\x1b[0m\u202e\udcff") == "a\\nb\\x1b[0m\\u202e\\udcff"


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20))
def test_printable_text_has_one_line(text: str) -> None:
    assert len(printable(f"x{text}").splitlines()) == 1


@pytest.mark.parametrize("name", [*ODD_NAMES, os.fsdecode(b"raw\xff.mp4")])
def test_a_shell_reads_the_word_back(name: str) -> None:
    word = shell_word(name)
    assert "\n" not in word
    done = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True)
    assert done.stdout == os.fsencode(name)


def test_the_view_command_names_player_time_and_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert view_command(Path("/a b/c.mp4"), 83.44) == "mpv --start=83.4 '/a b/c.mp4'"
    monkeypatch.setattr("shutil.which", lambda name: name if name == "ffplay" else None)
    assert view_command(Path("/c.mp4"), 0.0) == "ffplay -ss 0.0 /c.mp4"
    monkeypatch.chdir(tmp_path)
    assert view_command(tmp_path / "in" / "c.mp4", 2.0) == "ffplay -ss 2.0 in/c.mp4"
    assert view_command(tmp_path / "-c.mp4", 2.0) == "ffplay -ss 2.0 ./-c.mp4"


CAPTIONS = [Caption(0.0, 1.5, "One"), Caption(3599.9996, 3661.25, "Two <b>&\n\nlines")]


def test_srt_is_exact() -> None:
    assert as_srt(CAPTIONS) == (
        "1\n00:00:00,000 --> 00:00:01,500\nOne\n\n"
        "2\n01:00:00,000 --> 01:01:01,250\nTwo <b>&\nlines\n"
    )


def test_vtt_is_exact() -> None:
    assert as_vtt(CAPTIONS) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nOne\n\n"
        "01:00:00.000 --> 01:01:01.250\nTwo &lt;b&gt;&amp;\nlines\n"
    )


def test_nothing_said_is_an_empty_file() -> None:
    assert as_srt([]) == ""
    assert as_vtt([]) == "WEBVTT\n"


@given(
    st.lists(
        st.tuples(
            st.floats(0, 90_000),
            st.floats(0.001, 100),
            st.text(st.characters(categories=["L", "N", "P"]), min_size=1),
        ),
        min_size=1,
    )
)
def test_another_reader_finds_the_same_captions(pieces: list[tuple[float, float, str]]) -> None:
    captions = [Caption(start, start + length, text) for start, length, text in pieces]
    captions = [caption for caption in captions if not set(caption.text) & set("{}\\<>")]
    read = pysubs2.SSAFile.from_string(as_srt(captions), format_="srt") if captions else []
    assert [(line.start, line.end, line.plaintext) for line in read] == [
        (round(caption.start * 1000), round(caption.end * 1000), caption.text)
        for caption in captions
    ]
