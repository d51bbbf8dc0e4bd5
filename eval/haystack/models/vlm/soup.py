"""The mean of the weights of two models, one taught on from the other: a uniform soup (Wortsman et
al. 2022, "Model soups", arXiv:2203.05482).

    python -m longtake.eval.haystack.models.vlm.soup FOLDER OTHER OUT

What a further sitting taught stays, and little of what it cost is lost.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
from transformers import AutoProcessor, Qwen2_5_VLForConditionalGeneration

from longtake.eval.haystack.models.vlm.build import save


def averaged(folder: Path, other: Path) -> Any:
    """The model of a folder with the mean of its weights and those of another, in float16.

    Args:
        folder: in the hub's format, as `other`, of the same configuration.

    Raises:
        RuntimeError: they are not of one shape.
    """
    load = Qwen2_5_VLForConditionalGeneration.from_pretrained
    model = load(folder, dtype=torch.float32)
    beside = load(other, dtype=torch.float32).state_dict()
    own = model.state_dict()
    model.load_state_dict({name: (tensor + beside[name]) / 2 for name, tensor in own.items()})
    model = model.half()
    for part in (model.config.text_config, model.config.vision_config):
        part.dtype = model.dtype  # else the file says float32
    return model


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    processor = AutoProcessor.from_pretrained(given.folder)
    save(averaged(given.folder, given.other), processor, given.out)


if __name__ == "__main__":
    main()
