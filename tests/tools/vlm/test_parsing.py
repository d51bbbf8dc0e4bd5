"""Replies as models write them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from longtake.tools.vlm.parsing import parse_reply
from longtake.tools.vlm.schemas import strict_schema


class Claim(BaseModel):
    relevant: bool
    claim: str
    start: float | None = None


GOOD = Claim(relevant=True, claim="a red car", start=2.5)
JSON = '{"relevant": true, "claim": "a red car", "start": 2.5}'


@pytest.mark.parametrize(
    "text",
    [
        JSON,
        f"```json\n{JSON}\n```",
        f"```\n{JSON}",
        f"Here is the JSON you asked for:\n{JSON}\nI hope this helps!",
        f"<think>It could be {{blue}}. No.</think>{JSON}",
        f"<think>unfinished {{thoughts}}</think>\n```json\n{JSON}```",
        '{"relevant": true, "claim": "a red car", "start": 2.5,}',
        "{'relevant': True, 'claim': 'a red car', 'start': 2.5}",
        '{relevant: true, claim: "a red car", start: 2.5}',
        '{"relevant": true, "claim": "a red car", "start": 2.5',
        '{"relevant": true,\n "claim": "a red car"\n "start": 2.5}',
        '{"relevant": true, "claim": "a red car", "start": "2.5"}',
        '{"relevant": "true", "claim": "a red car", "start": 2.5, "more": [1, 2]}',
        f'{{"example": 1}} and the answer is {JSON}',
        f"\ufeff{JSON}",
    ],
)
def test_slips_are_mended(text: str) -> None:
    assert parse_reply(text, Claim) == (GOOD, "")


def test_raw_control_characters_in_strings_are_taken() -> None:
    value, _ = parse_reply('{"relevant": true, "claim": "two\nlines\tand a tab"}', Claim)
    assert value == Claim(relevant=True, claim="two\nlines\tand a tab")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "no JSON object"),
        ("yes", "no JSON object"),
        ("[1, 2, 3]", "no JSON object"),
        ('{"claim": "a red car"}', "relevant: Field required"),
        ('{"relevant": "perhaps", "claim": "x"}', "relevant: Input should be a valid boolean"),
        ('{"relevant": true, "claim": null}', "claim: Input should be a valid string"),
        ("<think>I never stop thinking", "no JSON object"),
    ],
)
def test_nothing_required_is_made_up(text: str, fault: str) -> None:
    value, told = parse_reply(text, Claim)
    assert value is None
    assert fault in told


@given(st.text(max_size=300))
def test_no_text_raises(text: str) -> None:
    value, fault = parse_reply(text, Claim)
    assert (value is None) == bool(fault)


@given(
    st.builds(
        Claim,
        relevant=st.booleans(),
        claim=st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
        start=st.none() | st.floats(0, 1e6),
    ),
    st.sampled_from(["{}", "Sure:\n{}", "```json\n{}\n```", "{}\nDone."]),
)
def test_every_value_comes_back(claim: Claim, wrapping: str) -> None:
    text = wrapping.replace("{}", json.dumps(claim.model_dump()), 1)
    if "```" in claim.claim or "<think" in claim.claim:
        return
    assert parse_reply(text, Claim)[0] == claim


def test_a_tuple_is_a_list_of_one_kind_to_a_strict_server() -> None:
    class Held(BaseModel):
        span: tuple[float, float]
        named: tuple[str, int]

    made = strict_schema(Held)["properties"]
    assert (made["span"]["items"], made["span"]["minItems"], made["span"]["maxItems"]) == (
        {"type": "number"},
        2,
        2,
    )
    assert made["named"]["items"] == {"anyOf": [{"type": "string"}, {"type": "integer"}]}
    assert not any("prefixItems" in node for node in made.values())
