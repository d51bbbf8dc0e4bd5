"""What is installed is what is in the checkout, no more and no less."""

import email
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import longtake

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
MAPPING: dict[str, str] = PYPROJECT["tool"]["setuptools"]["package-dir"]


def test_every_folder_with_code_is_mapped() -> None:
    """A folder that setuptools does not know of works in the checkout and is lost in the wheel."""
    mapped = {ROOT / folder for folder in MAPPING.values()}
    holding = {path.parent for folder in mapped for path in folder.rglob("__init__.py")}
    assert holding == mapped
    assert sorted(PYPROJECT["tool"]["setuptools"]["packages"]) == sorted(MAPPING)


@pytest.mark.parametrize("package", sorted(MAPPING))
def test_the_checkout_imports_like_the_installed_package(package: str) -> None:
    assert ROOT.joinpath(*package.split(".")).resolve() == ROOT / MAPPING[package]


def test_the_version_is_in_one_place() -> None:
    assert PYPROJECT["project"]["version"] == longtake.__version__


def test_the_entry_points_of_ci_and_people_are_there() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").split()[:3] == [
        "Apache",
        "License",
        "Version",
    ]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy without the links and from a path with a space."""
    source = tmp_path_factory.mktemp("the source")
    for folder in MAPPING.values():
        shutil.copytree(
            ROOT / folder,
            source / folder,
            dirs_exist_ok=True,  # tools/vlm came with tools
            ignore=lambda parent, names: [
                name for name in names if name == "__pycache__" or Path(parent, name).is_symlink()
            ],
        )
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    _pip("wheel", "--no-deps", "--no-build-isolation", "-w", source / "out", source)
    (built,) = (source / "out").glob("*.whl")
    return built


def test_the_wheel_holds_every_module_and_prompt_and_nothing_else(wheel: Path) -> None:
    expected = {"longtake/py.typed"}
    expected |= {f"longtake/replay_page/{p.name}" for p in ROOT.glob("longtake/replay_page/*")}
    for package, folder in MAPPING.items():
        patterns = ["*.py", "*.md"] if package == "longtake.prompts" else ["*.py"]
        for pattern in patterns:
            names = (path.name for path in (ROOT / folder).glob(pattern))
            expected |= {f"{package.replace('.', '/')}/{name}" for name in names}
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == expected


def test_the_wheel_names_its_licence_and_extras(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = email.message_from_bytes(archive.read(name))
        assert any(name.endswith("licenses/LICENSE") for name in archive.namelist())
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata.get_all("Provides-Extra") == ["offline", "providers", "eval", "dev"]


def test_the_installed_command_runs_from_another_folder(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site packages"
    _pip("install", "--no-deps", "--target", site, wheel)
    code = (
        "import sys, longtake.cli as cli; print(cli.__file__)\n"
        "from longtake import tools, index, agent, prompts, eval\n"
        "sys.argv = ['longtake', '--help']; cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    first, _, rest = done.stdout.partition("\n")
    assert Path(first) == site / "longtake" / "cli.py"
    assert "Answers questions about long videos" in rest


def _pip(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
