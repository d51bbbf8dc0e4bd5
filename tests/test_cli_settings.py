"""Settings from flags, files and the environment; what is wrong is named."""

from pathlib import Path

import pytest

from longtake.cli_options import Lane, Stage, parse_between
from longtake.errors import UsageError
from longtake.flags import near, setting_names, settings_with
from longtake.index.lanes import StageName
from longtake.timing import Span
from longtake.tools.hits import LANES


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder without settings, and a user without any."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def test_choices_of_the_command_line_are_those_of_the_library() -> None:
    assert {lane.value for lane in Lane} == set(LANES)
    assert [stage.value for stage in Stage] == [stage.value for stage in StageName]


def test_flags_beat_the_environment_which_beats_the_file(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty_folder / "longtake.toml").write_text(
        'fps = 0.25\n[speech]\nmodel = "small"\nbeam_size = 2\nlanguage = "de"\n'
    )
    monkeypatch.setenv("LONGTAKE_SPEECH__MODEL", "medium")
    monkeypatch.setenv("LONGTAKE_SPEECH__BEAM_SIZE", "3")
    settings = settings_with(["speech.beam_size=4"], {"fps": None})
    assert settings.fps == 0.25
    assert (settings.speech.language, settings.speech.model) == ("de", "medium")
    assert settings.speech.beam_size == 4


@pytest.mark.parametrize(
    ("assignment", "key", "value"),
    [
        ("fps=0.5", "fps", 0.5),
        ("offline=true", "offline", True),
        ("speech.audio=2", "speech.audio", "2"),
        ("speech.language=null", "speech.language", None),
        ('text.languages=["en", "de"]', "text.languages", ("en", "de")),
        ("visual.model=a=b", "visual.model", "a=b"),
    ],
)
def test_set_takes_any_setting(assignment: str, key: str, value: object) -> None:
    found: object = settings_with([assignment])
    for part in key.split("."):
        found = getattr(found, part)
    assert found == value


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("fps", "write SECTION.KEY=VALUE"),
        ("speech.beam=2", "no setting 'speech.beam'; did you mean speech.beam_size"),
        ("fps=fast", "setting 'fps' = 'fast'"),
        ("speech.beam_size=99", "setting 'speech.beam_size' = '99'"),
        ("shots.engine=magic", "'content', 'transnetv2' or 'pyscenedetect'"),
        ("text.languages=[en", "not a JSON list"),
    ],
)
def test_wrong_assignments_are_explained(assignment: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        settings_with([assignment])
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("fps = ", "longtake.toml' is not TOML"),
        ("frames = 2", "no setting 'frames'"),
        ("[speech]\nmodle = 'base'", "no setting 'speech.modle'; did you mean speech.model"),
    ],
)
def test_a_wrong_settings_file_is_explained(empty_folder: Path, content: str, message: str) -> None:
    (empty_folder / "longtake.toml").write_text(content)
    with pytest.raises(UsageError) as caught:
        settings_with()
    assert message in str(caught.value)


def test_every_setting_has_a_dotted_name() -> None:
    names = setting_names()
    assert {"fps", "library", "speech.model", "text.min_confidence"} <= set(names)
    assert "speech" not in names


def test_names_that_are_near_come_first_else_all() -> None:
    assert near("serch", ["search", "ask"]) == "did you mean search?"
    assert near("zzz", ["search", "ask"]) == "known: search, ask"


@pytest.mark.parametrize(
    ("text", "span"),
    [("80-125.5", Span(80, 125.5)), ("1:20-2:05.5", Span(80, 125.5)), ("0-1:00:00", Span(0, 3600))],
)
def test_between_takes_every_way_to_write_a_time(text: str, span: Span) -> None:
    assert parse_between(text) == span


@pytest.mark.parametrize("text", ["80", "-", "5-", "2:00-1:00", "a-b", "1:70-2:00"])
def test_between_that_is_no_stretch_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="FROM-TO"):
        parse_between(text)
