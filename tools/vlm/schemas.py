"""JSON schemas in the form that strict structured output asks for."""

from typing import Any

from pydantic import BaseModel

_KEPT = frozenset(
    "type properties items anyOf enum const $ref $defs required additionalProperties description "
    "minItems maxItems".split()
)


def strict_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The model's schema as OpenAI's strict mode takes it: every property required, no others, and
    only the keywords that it knows."""
    made: dict[str, Any] = _strict(model.model_json_schema())
    return made


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: value for key, value in node.items() if key in _KEPT}
    if "prefixItems" in node:  # a tuple: strict mode knows lists of one kind only
        first = node["prefixItems"]
        kinds = [kind for i, kind in enumerate(first) if kind not in first[:i]]
        kept["items"] = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    for key in ("properties", "$defs"):
        if key in kept:
            kept[key] = {name: _strict(value) for name, value in kept[key].items()}
    for key in ("items", "anyOf"):
        if key in kept:
            kept[key] = _strict(kept[key])
    if "properties" in kept:
        kept["required"] = list(kept["properties"])
        kept["additionalProperties"] = False
    return kept
