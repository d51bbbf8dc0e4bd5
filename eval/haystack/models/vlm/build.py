"""A small Qwen2.5-VL with a tokenizer of its own, in the hub's format."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
)

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for c in m['content'] %}"
    "{% if c['type'] in ('image', 'image_url') %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif c['type'] == 'video' %}<|vision_start|><|video_pad|><|vision_end|>"
    "{% elif 'text' in c %}{{ c['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIALS = (
    "<|endoftext|> <|im_start|> <|im_end|> <|vision_start|> <|vision_end|> <|image_pad|> "
    "<|video_pad|>"
).split()
VOCABULARY = 1536
WIDTH = 192
LEAST_PIXELS, MOST_PIXELS = 4 * 28 * 28, 23 * 13 * 28 * 28
"""A frame of 640x360 keeps its pixels: 299 tokens."""


def make_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """Byte-level BPE, as Qwen's: words are mostly one token, digits and capital letters stand
    alone, so that times and codes can be copied."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex("[A-Z](?![a-z])"), "isolated"),
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=SPECIALS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    return wrapped(made)


def wrapped(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    """A tokenizer with `SPECIALS` as transformers takes it, with the chat template."""
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        chat_template=TEMPLATE,
        padding_side="left",
        model_max_length=32768,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        extra_special_tokens={
            "image_token": "<|image_pad|>",
            "video_token": "<|video_pad|>",
            "vision_start_token": "<|vision_start|>",
            "vision_end_token": "<|vision_end|>",
        },
    )


def picture_ids(tokenizer: PreTrainedTokenizerFast) -> dict[str, int]:
    """Numbers of the tokens around pictures, as the model's configuration names them."""
    return {
        f"{name}_id": tokenizer.convert_tokens_to_ids(getattr(tokenizer, name))
        for name in ("image_token", "video_token", "vision_start_token", "vision_end_token")
    }


def vision_config() -> dict[str, Any]:
    """Of the tower: 1.2 million parameters."""
    return {
        "depth": 4,
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_heads": 4,
        "out_hidden_size": WIDTH,
        "fullatt_block_indexes": [1, 3],
    }


def make_model(tokenizer: PreTrainedTokenizerFast) -> tuple[Any, Any]:
    """Model with random weights, and its processor."""
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": WIDTH,
        "intermediate_size": 512,
        "num_hidden_layers": 4,
        "num_attention_heads": 6,
        "num_key_value_heads": 6,
        "max_position_embeddings": 32768,
        "eos_token_id": tokenizer.eos_token_id,
        "bos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [8, 4, 4]},
    }
    config = Qwen2_5_VLConfig(
        text_config=text,
        vision_config=vision_config(),
        tie_word_embeddings=True,
        **picture_ids(tokenizer),
    )
    processor = Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(
            size={"shortest_edge": LEAST_PIXELS, "longest_edge": MOST_PIXELS}
        ),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(
            size={"shortest_edge": LEAST_PIXELS, "longest_edge": MOST_PIXELS}
        ),
        chat_template=TEMPLATE,
    )
    model = Qwen2_5_VLForConditionalGeneration(config)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model, processor


def save(model: Any, processor: Any, out: Path) -> None:
    """Write the folder."""
    model.save_pretrained(out)
    processor.save_pretrained(out)
