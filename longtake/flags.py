"""Settings from the command line: named flags and the general `--set SECTION.KEY=VALUE`."""

import difflib
import json
import tomllib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from longtake.errors import UsageError

if TYPE_CHECKING:
    from pydantic import ValidationError

    from longtake.config import Settings


def settings_with(
    assignments: Iterable[str] = (), named: Mapping[str, Any] | None = None
) -> "Settings":
    """Settings of file and environment, with flags on top.

    Args:
        assignments: `SECTION.KEY=VALUE` or `KEY=VALUE`, as given to `--set`.
        named: dotted key -> value of the other flags; None means that a flag was not given.

    Raises:
        UsageError: an assignment, the settings file or a variable is malformed, unknown or out of
            range; the message names the key and what is allowed.
    """
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from longtake.config import Settings, settings_file

    overrides: dict[str, Any] = {}
    for key, value in (named or {}).items():
        if value is not None:
            _put(overrides, key, value)
    for assignment in assignments:
        key, value = _parse(assignment)
        _put(overrides, key, value)
    try:
        return Settings(**overrides)
    except ValidationError as exc:
        raise UsageError(_explain(exc)) from exc
    except tomllib.TOMLDecodeError as exc:
        raise UsageError(f"settings file {str(settings_file())!r} is not TOML: {exc}") from exc
    except SettingsError as exc:
        raise UsageError(f"settings in the environment: {exc}") from exc


def setting_names() -> list[str]:
    """Every key that `--set` takes, dotted."""
    from longtake.config import Section, Settings

    names = []
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            names += [f"{name}.{key}" for key in field.annotation.model_fields]
        else:
            names.append(name)
    return names


def near(name: str, known: Iterable[str]) -> str:
    """The known names like `name`, else all of them, as the end of an error message."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"did you mean {', '.join(close)}?" if close else f"known: {', '.join(known)}"


def _parse(assignment: str) -> tuple[str, Any]:
    key, equals, value = assignment.partition("=")
    if not equals:
        raise UsageError(f"--set {assignment!r}: write SECTION.KEY=VALUE, as in speech.beam_size=5")
    if key not in (names := setting_names()):
        raise UsageError(f"--set {assignment!r}: no setting {key!r}; {near(key, names)}")
    if value == "null":
        return key, None
    if value.startswith("["):
        try:
            return key, json.loads(value)
        except json.JSONDecodeError as exc:
            raise UsageError(f"--set {assignment!r}: not a JSON list: {exc}") from exc
    return key, value


def _put(tree: dict[str, Any], key: str, value: Any) -> None:
    *sections, last = key.split(".")
    for section in sections:
        tree = tree.setdefault(section, {})
    tree[last] = value


def _explain(error: "ValidationError") -> str:
    problems = []
    for item in error.errors(include_url=False):
        key = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            problems.append(f"no setting {key!r}; {near(key, setting_names())}")
        else:
            problems.append(f"setting {key!r} = {item['input']!r}: {item['msg']}")
    return "; ".join(problems)
