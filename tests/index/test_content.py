"""Ids follow content, not names; files that change while they are read have none."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.errors import MediaError
from longtake.index.content import content_id


@given(content=st.binary(max_size=2000))
def test_is_blake2b_of_all_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "content.bin"
    path.write_bytes(content)
    assert content_id(path) == hashlib.blake2b(content, digest_size=16).hexdigest()


def test_copies_have_one_id_and_one_changed_byte_another(tmp_path: Path) -> None:
    data = bytearray(os.urandom((3 << 20) + 17))
    (tmp_path / "a").write_bytes(data)
    (tmp_path / "b").write_bytes(data)
    data[2 << 20] ^= 1
    (tmp_path / "c").write_bytes(data)
    a, b, c = (content_id(tmp_path / name) for name in "abc")
    assert a == b != c


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("missing", "pipe", "."):
        path = tmp_path / name
        with pytest.raises(MediaError) as caught:
            content_id(path)
        assert str(caught.value) == f"not a file: {str(path)!r}"


@pytest.mark.parametrize("change", ["grow", "vanish", "replace"])
def test_file_that_changes_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    path = tmp_path / "growing.mp4"
    path.write_bytes(b"x" * 100)

    class Digest:
        """Changes the file after its first block was read."""

        def update(self, chunk: bytes) -> None:
            if change == "grow":
                with path.open("ab") as file:
                    file.write(b"more")
            elif change == "vanish":
                path.unlink(missing_ok=True)
            else:
                other = path.with_name("other")
                other.write_bytes(chunk)
                other.replace(path)

        def hexdigest(self) -> str:
            raise AssertionError("never asked for")

    monkeypatch.setattr("longtake.index.content.hashlib.blake2b", lambda **kwargs: Digest())
    with pytest.raises(MediaError) as caught:
        content_id(path)
    expected = {
        "vanish": f"cannot read {str(path)!r}: No such file or directory",
    }
    changed = f"{str(path)!r} changed while it was read; index it when it is complete"
    assert str(caught.value) == expected.get(change, changed)
