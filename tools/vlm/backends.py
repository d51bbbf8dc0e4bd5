"""`--vlm` -> a model that sees."""

import json
import os
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from longtake.config import Settings
from longtake.errors import UsageError, VlmUnavailable
from longtake.tools.vlm.messages import Vlm

FORMS = (
    "openai:NAME",
    "anthropic:NAME",
    "google_genai:NAME",
    "http://HOST/v1#NAME",
    "hf:OWNER/NAME",
    "a folder with a model",
)
OWN_KEY = "LONGTAKE_VLM_API_KEY"
"""Environment variable with the key of a server named by its address."""
NO_KEY = "none"
"""Sent to servers that want some key and check none."""
_PROBE_S = 5.0


def open_vlm(settings: Settings) -> Vlm | None:
    """The model that the settings name; None when they name none. Nothing is loaded or asked yet,
    except which models a server has.

    Raises:
        UsageError: the name fits no form, a key is missing, or the server has several models.
        VlmUnavailable: the server that is to name its model cannot be reached.
    """
    name = settings.vlm.model
    if name is None:
        return None
    scheme, _, rest = name.partition(":")
    if scheme in ("http", "https"):
        return _served(name, settings)
    if scheme == "openai" and rest:
        return _openai(rest, settings)
    if scheme in ("anthropic", "google_genai") and rest:
        from longtake.tools.vlm.langchain_api import LangchainVlm

        return LangchainVlm(name, settings)
    if scheme == "hf" and rest.count("/") == 1:
        return _local(rest, settings)
    if Path(name).expanduser().is_dir():
        return _local(str(Path(name).expanduser()), settings)
    raise UsageError(f"no model {name!r}; write {', '.join(FORMS[:-1])} or {FORMS[-1]}")


def _openai(model: str, settings: Settings) -> Vlm:
    from longtake.tools.vlm.openai_api import OpenAiVlm

    key = os.environ.get("OPENAI_API_KEY")
    if not key:
        raise UsageError(f"openai:{model} needs a key: set OPENAI_API_KEY")
    return OpenAiVlm(
        model,
        base_url=os.environ.get("OPENAI_BASE_URL"),
        api_key=key,
        settings=settings,
        name=f"openai:{model}",
        processor=_folder(settings.vlm.processor),
        detail="high",
    )


def _served(address: str, settings: Settings) -> Vlm:
    from longtake.tools.vlm.families import family_named, family_of
    from longtake.tools.vlm.openai_api import OpenAiVlm

    base, _, model = address.partition("#")
    base = base.rstrip("/")
    parts = urlsplit(base)
    if parts.username or parts.password:
        raise UsageError(f"keep keys out of addresses: set {OWN_KEY} instead")
    key = os.environ.get(OWN_KEY) or NO_KEY
    if key == NO_KEY and parts.hostname == "api.openai.com":
        key = os.environ.get("OPENAI_API_KEY") or NO_KEY
    model = model or _only_model(base, key)
    processor = _folder(settings.vlm.processor)
    if processor is None and Path(model).is_dir():
        processor = Path(model)  # `transformers serve` names models by their folder
    named = settings.vlm.family
    family = family_named(named) if named is not None else family_of(model)
    vllm = _is_vllm(base, key)
    as_video = settings.vlm.video
    if as_video is None:
        as_video = family is not None and family.takes_video and vllm
    return OpenAiVlm(
        model,
        base_url=base,
        api_key=key,
        settings=settings,
        name=f"{parts.netloc}#{Path(model).name}",
        processor=processor,
        as_video=as_video,
        names_pictures=vllm,
    )


def _local(source: str, settings: Settings) -> Vlm:
    from longtake.tools.vlm.local import LocalVlm

    return LocalVlm(source, settings)


def _folder(name: str | None) -> Path | None:
    """The folder of `vlm.processor`.

    Raises:
        UsageError: there is no such folder.
    """
    if name is None:
        return None
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise UsageError(f"vlm.processor: there is no folder {name!r}")
    return folder


def _only_model(base: str, key: str) -> str:
    """The model of a server that has one."""
    try:
        models = [str(item["id"]) for item in _listed(base, key)]
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise VlmUnavailable(
            f"cannot ask {base} for its models ({exc}); name one: {base}#NAME"
        ) from exc
    if len(models) != 1:
        known = ", ".join(models[:20]) or "none"
        raise UsageError(f"{base} has these models: {known}; name one: {base}#NAME")
    return models[0]


def _is_vllm(base: str, key: str) -> bool:
    """Whether a server says that its models are vLLM's; one that cannot be asked is not."""
    try:
        return any(item.get("owned_by") == "vllm" for item in _listed(base, key))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _listed(base: str, key: str) -> list[dict[str, Any]]:
    """A server's list of models."""
    listed: list[dict[str, Any]] = json.loads(_get(f"{base}/models", key))["data"]
    return listed


def _get(url: str, key: str) -> bytes:
    headers = {"Authorization": f"Bearer {key}"}
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=_PROBE_S) as reply:
        body: bytes = reply.read(1_000_000)
    return body
