"""Where lessons find hats, badges, coats, things and signs in frames, and what is read there."""

from collections import Counter

import numpy as np
import pytest
import torch

from longtake.eval.haystack.models.frames import TRAINING, facts_in, shown_in
from longtake.eval.haystack.models.spots import ASKED, MAPS, Spot, SpotReaders, spots_in
from longtake.eval.haystack.vocabulary import COLOURS

KINDS = list(ASKED)


@pytest.fixture(scope="module")
def found() -> list[list[Spot]]:
    return spots_in(TRAINING)


def test_spots_answer_what_facts_say(found: list[list[Spot]]) -> None:
    facts = facts_in(TRAINING)
    assert len(found) == len(facts)
    told = Counter(KINDS[spot.kind] for spots in found for spot in spots)
    assert all(told[kind] > 5 for kind in KINDS)
    for spots, shown in zip(found, facts, strict=True):
        for spot in spots:
            kind, answer = KINDS[spot.kind], ASKED[KINDS[spot.kind]][spot.answer]
            if kind in ("letter", "digit"):
                (sign,) = (fact for fact in shown if fact.startswith("sign "))
                assert answer in sign.removeprefix("sign ")
            else:
                assert f"{kind.removesuffix(' colour').removesuffix(' thing')} {answer}" in shown


def test_coats_and_stored_things_have_their_colour_there(found: list[list[Spot]]) -> None:
    """In the pixels, as near as light and tint leave it."""
    right = []
    for shown, spots in zip(shown_in(TRAINING), found, strict=True):
        height, width = shown.pixels.shape[:2]
        for spot in spots:
            if KINDS[spot.kind] in ("coat", "stored colour"):
                pixel = shown.pixels[int(spot.y * height), int(spot.x * width)].astype(float)
                colours = ASKED["coat"]
                far = [np.abs(pixel - COLOURS[colour]).sum() for colour in colours]
                right.append(int(np.argmin(far)) == spot.answer)
    assert len(right) > 30
    assert np.mean(right) > 0.85


def test_the_cell_at_a_spot_is_read() -> None:
    visual = torch.nn.ModuleDict({layer: torch.nn.Identity() for layer in MAPS})
    readers = SpotReaders(visual)
    hats = len(ASKED["hat"])
    with torch.no_grad():
        for parameter in readers.parameters():
            parameter.zero_()
        for layer in MAPS:
            reader = readers.get_submodule(f"_readers.{layer} hat")
            reader.get_parameter("weight")[:, :hats] = 50 * torch.eye(hats)
    maps = {"layer3": torch.zeros(2, 256, 14, 14), "layer4": torch.zeros(2, 512, 7, 7)}
    for layer, side in (("layer3", 14), ("layer4", 7)):
        maps[layer][1, 3, int(0.9 * side), int(0.2 * side)] = 1  # answer 3 in the second frame
        visual[layer](maps[layer])
    spot = Spot(KINDS.index("hat"), x=0.2, y=0.9, answer=3)
    loss, right = readers([[], [spot]])
    assert right == {"layer3 hat": 1.0, "layer4 hat": 1.0}
    assert loss.item() == pytest.approx(0, abs=1e-6)
    elsewhere, _ = readers([[spot], []])
    assert elsewhere.item() == pytest.approx(2 * np.log(hats), rel=1e-5)
