"""The encoder's tokenizer: whole words of the captions, and letters and digits for all others."""

import re
from typing import Any

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from longtake.eval.haystack.models.captions import Captioner
from longtake.eval.haystack.models.frames import facts_in

CONTEXT = 72
"""Most tokens of a text; the longest captions have about 60."""
PAD, UNKNOWN, START, END = "<pad>", "<unknown>", "<start>", "<end>"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_TIMES = 8


def make_tokenizer(seeds: range) -> Any:
    """For captions like those of the worlds of these seeds. `END` has the highest id: that is
    where CLIP pools."""
    captioner = Captioner(np.random.default_rng(seeds.start))
    texts = [
        caption.text
        for seed in seeds
        for found in facts_in(seed)
        for caption in (captioner.full(found), *(captioner.partial(found) for _ in range(_TIMES)))
    ]
    plain = (re.sub(r"\b[A-Z]+[0-9]+\b", "", text).lower() for text in texts)  # without codes
    words = sorted({word for text in plain for word in re.findall(r"[a-z]{2,}", text)})
    tokens = [PAD, UNKNOWN, START, *"0123456789", *",.?!'-:;", *_LETTERS]
    tokens += [*(f"##{letter}" for letter in _LETTERS), *words, END]
    ids = {token: i for i, token in enumerate(tokens)}
    made = Tokenizer(models.WordPiece(ids, unk_token=UNKNOWN))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Digits(individual_digits=True)]
    )
    made.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, ids[START]), (END, ids[END])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token=PAD,
        unk_token=UNKNOWN,
        bos_token=START,
        eos_token=END,
        model_max_length=CONTEXT,
    )
