"""One settings object for everything: defaults < file < environment < flags.

The file is `longtake.toml` in the working folder, else `config.toml` in the user's configuration
folder. Environment variables are `LONGTAKE_LIBRARY`, `LONGTAKE_SPEECH__MODEL`, ...: a section and
its key are joined by two underscores. A section's values are recorded with every stage that used
them; changing one redoes that stage.
"""

import os
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)


class Section(BaseModel):
    """A lane's part of the settings; unknown names are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ShotsSettings(Section):
    """Shots and the clips made from them."""

    engine: Literal["content", "transnetv2", "pyscenedetect"] = "content"
    """`content` is nearly free; `transnetv2` finds dissolves; `pyscenedetect`: AdaptiveDetector."""
    threshold: float | None = Field(None, gt=0)
    """Engine's own cut threshold; None takes the engine's default."""
    max_clip_s: float = Field(10.0, ge=1, le=60)
    """Longest clip in seconds; longer shots are split evenly."""


class VisualSettings(Section):
    """Frame embeddings."""

    engine: Literal["open_clip", "transformers"] = "open_clip"
    model: str = "ViT-B-32-SigLIP2-256/webli"
    """open_clip `architecture/pretrained`, `hf-hub:owner/name` or a folder in hub format."""
    runtime: Literal["auto", "torch", "openvino"] = "auto"
    """`auto`: OpenVINO on a CPU, torch on a GPU."""


class SpeechSettings(Section):
    """Speech recognition."""

    engine: Literal["faster-whisper", "openai-whisper"] = "faster-whisper"
    model: str = "base"
    """Whisper size (`tiny.en`, `base`, `large-v3-turbo`, ...) or a folder or file with weights."""
    language: str | None = None
    """Spoken language (`en`); None detects it."""
    audio: str = "default"
    """Audio stream: `default`, a language (`eng`) or a stream index (`2`)."""
    subtitles: Literal["prefer", "ignore"] = "prefer"
    """Subtitles in or beside the file instead of recognition, when there are any."""
    beam_size: int = Field(5, ge=2, le=20)


class TextSettings(Section):
    """On-screen text."""

    engine: Literal["rapidocr", "easyocr"] = "rapidocr"
    languages: tuple[str, ...] = ("en",)
    """For engines that load weights per language (easyocr)."""
    detect_px: int = Field(640, ge=160, le=2048)
    """Longer side of the frame that text detection sees, in pixels."""
    min_confidence: float = Field(0.5, ge=0, le=1)


class SentencesSettings(Section):
    """Sentence embeddings over speech and on-screen text."""

    model: str = "all-MiniLM-L6-v2"
    """Name on the hub, or a folder, of a sentence-transformers model."""


class VlmSettings(Section):
    """The model that looks at pictures."""

    model: str | None = None
    """`openai:NAME`, `anthropic:NAME`, `google_genai:NAME`, `http://host/v1#NAME`,
    `hf:OWNER/NAME` or a folder; None answers from speech and on-screen text alone."""
    family: str | None = None
    """How the model counts pictures, such as `qwen2.5-vl`; None goes by its name."""
    processor: str | None = None
    """Folder with the processor and tokenizer of a served model, for exact prices; None goes by
    the family."""
    video: bool | None = None
    """Send frames as one video; None does where the server is known to take it."""
    stamps: bool = False
    """Draw the seconds into frames instead of telling them in words between them, for models that
    read the one better than the other; contact sheets always have them. For the policy `default`:
    `love_zoom` always draws them into the frames of its dense view, `spotlight` never."""
    timeout_s: float = Field(120.0, gt=0)
    """For one attempt of one call."""
    retries: int = Field(4, ge=0, le=20)
    """Further attempts after failures that are not billed."""
    concurrency: int = Field(4, ge=1, le=64)
    """Calls at a time."""
    requests_per_minute: int | None = Field(None, ge=1)
    tokens_per_minute: int | None = Field(None, ge=1)
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Of a local model's weights."""
    cache: bool = True
    """Answer a request that was made before from what came back then."""
    usd_per_million_in: float | None = Field(None, ge=0)
    """Price of tokens in; None is unknown."""
    usd_per_million_cached: float | None = Field(None, ge=0)
    """Price of tokens in from the provider's prompt cache; None is that of tokens in."""
    usd_per_million_out: float | None = Field(None, ge=0)


class AgentSettings(Section):
    """How questions are answered with a model that sees."""

    budget: int = Field(16_000, ge=1)
    """Tokens a question may cost, all calls together."""
    policy: Literal["default", "love_zoom", "spotlight"] = "default"
    """How the next thing to look at is chosen: `default` looks at the most promising moments and
    decides after each round; `love_zoom` shows all of a video densely and small, then the zooms
    that the model asks for; `spotlight` shows a few frames and lets the model choose others."""
    preset: str = "moments"
    """What is looked at first: `moments` believed most, or the frames that one of `longtake
    presets` chooses."""
    search_options: bool = False
    """Search for the options of a question too; benchmarks must say when they do."""


class Settings(BaseSettings):
    """Everything that can be configured."""

    model_config = SettingsConfigDict(
        env_prefix="LONGTAKE_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    library: Path = Path("longtake-library")
    """Folder of the library."""
    fps: float = Field(1.0, gt=0, le=10)
    """Sampled frames per second of video."""
    decode: Literal["nonref", "all"] = "nonref"
    """`nonref` skips frames that no other frame needs: a third cheaper, some frames off."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    """CPU threads for models."""
    offline: bool = False
    """Never ask the model hub; only weights on this machine."""
    shots: ShotsSettings = ShotsSettings()
    visual: VisualSettings = VisualSettings()
    speech: SpeechSettings = SpeechSettings()
    text: TextSettings = TextSettings()
    sentences: SentencesSettings = SentencesSettings()
    vlm: VlmSettings = VlmSettings()
    agent: AgentSettings = AgentSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, settings_file())


def settings_file() -> Path:
    """The settings file in force; it need not exist."""
    here = Path("longtake.toml")
    return here if here.exists() else platformdirs.user_config_path("longtake") / "config.toml"
