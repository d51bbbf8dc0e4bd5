"""The real processors of model families, built offline with the limits of the hub's models."""

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
    SmolVLMImageProcessor,
    SmolVLMProcessor,
    SmolVLMVideoProcessor,
)


def tokenizer(*specials: str, **named: Any) -> PreTrainedTokenizerFast:
    """One token a byte, but for a few pairs that stand next to pictures: what a count must not take
    apart."""
    alphabet = {c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    pairs = [("\u010a", "\u010a"), (":", "<"), ("]", "\u010a"), (":", "\u010a")]
    vocab = alphabet | {a + b: len(alphabet) + i for i, (a, b) in enumerate(pairs)}
    made = Tokenizer(models.BPE(vocab=vocab, merges=pairs))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.add_special_tokens(["<pad>", *specials])
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", eos_token="<pad>", extra_special_tokens=named
    )


MARKS = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")


def qwen(kind: str) -> Any:
    """Processor with the limits of the hub's models."""
    words = tokenizer(
        *MARKS,
        image_token="<|image_pad|>",
        video_token="<|video_pad|>",
        vision_start_token="<|vision_start|>",
        vision_end_token="<|vision_end|>",
    )
    if kind == "qwen2.5-vl":
        images = Qwen2VLImageProcessor(size={"shortest_edge": 3136, "longest_edge": 12845056})
        return Qwen2_5_VLProcessor(
            image_processor=images, tokenizer=words, video_processor=Qwen2VLVideoProcessor()
        )
    images = Qwen2VLImageProcessor(
        patch_size=16, size={"shortest_edge": 65536, "longest_edge": 16777216}
    )
    videos = Qwen3VLVideoProcessor(size={"shortest_edge": 4096, "longest_edge": 25165824})
    return Qwen3VLProcessor(image_processor=images, tokenizer=words, video_processor=videos)


def smolvlm(*, tile: int = 512, longest: int = 2048) -> Any:
    """SmolVLM2's processor; 512-pixel tiles are the 500M model's, 384 the 2.2B model's."""

    words = tokenizer(
        "<|im_start|>",
        "<end_of_utterance>",
        "<fake_token_around_image>",
        "<global-img>",
        "<image>",
        *(f"<row_{row}_col_{column}>" for row in range(1, 9) for column in range(1, 9)),
        image_token="<image>",
        fake_image_token="<fake_token_around_image>",
        global_image_token="<global-img>",
        end_of_utterance_token="<end_of_utterance>",
    )
    sampling = {"max_frames": 64, "fps": 1, "video_size": {"longest_edge": tile}}
    return SmolVLMProcessor(
        image_processor=SmolVLMImageProcessor(
            size={"longest_edge": longest}, max_image_size={"longest_edge": tile}
        ),
        tokenizer=words,
        video_processor=SmolVLMVideoProcessor(
            size={"longest_edge": tile},
            max_image_size={"longest_edge": tile},
            video_sampling=sampling,
        ),
        image_seq_len=(tile // patch_of(tile) // scale_of(tile)) ** 2,
    )


def patch_of(tile: int) -> int:
    """Pixels of a patch's side."""
    return {512: 16, 384: 14}[tile]


def scale_of(tile: int) -> int:
    """Patches a side that become one token."""
    return {512: 4, 384: 3}[tile]


QWEN_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif c['type'] == 'video' %}VIDEO"
    "{% else %}{{ c['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def folder_of(kind: str, place: Path) -> tuple[Any, Path]:
    """(processor, folder in hub format with it) of `qwen2.5-vl`, `qwen3-vl`, `smolvlm2-500m` or
    `smolvlm2-2.2b`."""
    config: dict[str, Any]
    if kind.startswith("qwen"):
        processor = qwen(kind)
        video = "<|video_pad|>"
        if kind == "qwen2.5-vl":
            video = f"<|vision_start|>{video}<|vision_end|>"
        processor.tokenizer.chat_template = QWEN_TEMPLATE.replace("VIDEO", video)
        config = {"model_type": {"qwen2.5-vl": "qwen2_5_vl", "qwen3-vl": "qwen3_vl"}[kind]}
    else:
        from transformers.models.smolvlm.processing_smolvlm import DEFAULT_CHAT_TEMPLATE

        tile, longest = {"smolvlm2-500m": (512, 2048), "smolvlm2-2.2b": (384, 1536)}[kind]
        processor = smolvlm(tile=tile, longest=longest)
        processor.tokenizer.chat_template = DEFAULT_CHAT_TEMPLATE
        vision = {"patch_size": patch_of(tile)}
        config = {
            "model_type": "smolvlm",
            "vision_config": vision,
            "scale_factor": scale_of(tile),
        }
    processor.chat_template = processor.tokenizer.chat_template
    processor.save_pretrained(place)
    (place / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return processor, place
