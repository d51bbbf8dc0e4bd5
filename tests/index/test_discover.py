"""Which files a run is about."""

import os
from pathlib import Path

from longtake.index.discover import discover


def test_a_folder_is_walked_in_name_order_for_media_files_only(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("z.mp4", "a.MKV", "notes.txt", ".hidden.mp4", "b/talk.webm", "song.mp3"):
        (tmp_path / name).touch()
    found = [item.path.relative_to(tmp_path).as_posix() for item in discover([tmp_path])]
    assert found == ["a.MKV", "b/talk.webm", "song.mp3", "z.mp4"]


def test_a_file_is_taken_whatever_it_is_called_and_once_only(tmp_path: Path) -> None:
    odd = tmp_path / "-odd\nname'\"🎬"
    odd.touch()
    (tmp_path / "a.mp4").touch()
    found = [item.path for item in discover([odd, tmp_path, odd, tmp_path / "a.mp4"])]
    assert found == [odd, tmp_path / "a.mp4"]


def test_a_folder_loop_is_entered_once(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.mp4").touch()
    os.symlink(tmp_path, tmp_path / "deep" / "again")
    os.symlink("self.mp4", tmp_path / "self.mp4")
    found = [item.path.relative_to(tmp_path).as_posix() for item in discover([tmp_path])]
    assert found == ["deep/a.mp4", "self.mp4"]


def test_a_missing_path_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    missing, found = discover([tmp_path / "gone.mp4", tmp_path / "a.mp4"])
    assert missing.error is not None
    assert str(missing.error) == f"{str(tmp_path / 'gone.mp4')!r}: no such file or folder"
    assert found == (tmp_path / "a.mp4", None)
