"""The front door is small and quick: what it exports, and what it does not load."""

import subprocess
import sys

import pytest

import longtake

HEAVY = {
    "av",
    "ctranslate2",
    "cv2",
    "easyocr",
    "faiss",
    "faster_whisper",
    "langchain_core",
    "langgraph",
    "onnxruntime",
    "open_clip",
    "openvino",
    "rapidocr",
    "sentence_transformers",
    "sqlalchemy",
    "torch",
    "transformers",
    "whisper",
}

HELP = "import sys; sys.argv = ['longtake', {args}]\ntry: main()\nexcept SystemExit: pass"


@pytest.mark.parametrize(
    "code",
    [
        "import longtake",
        "from longtake import Settings, Span",
        "from longtake.cli import main; " + HELP.format(args="'--help'"),
        "from longtake.cli import main; " + HELP.format(args="'index', '--help'"),
        "from longtake.cli import main; " + HELP.format(args="'doctor', '--set', 'x=1'"),
    ],
    ids=["package", "settings", "help", "index-help", "usage-error"],
)
def test_nothing_heavy_is_loaded(code: str) -> None:
    script = f"import sys\n{code}\nprint(*sorted(sys.modules), file=sys.stderr, sep=chr(10))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stderr.split())
    assert "longtake" in loaded
    assert loaded & HEAVY == set()


def test_the_public_names_are_these() -> None:
    assert sorted(longtake.__all__) == [
        "Agent",
        "Answer",
        "Evidence",
        "Hit",
        "Library",
        "Settings",
        "Span",
        "__version__",
    ]


@pytest.mark.parametrize("name", longtake.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(longtake, name)
    assert name in dir(longtake)
    assert value.__doc__


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Libary'"):
        longtake.__getattr__("Libary")
