"""The model that sees before training: what it is given is what longtake sends, and its heads look
where they are made to look."""

import io
import subprocess
import sys
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import transformers.models.qwen2_5_vl.modeling_qwen2_5_vl as qwen
from PIL import Image

from longtake.agent.requests import answer_request, look_request
from longtake.eval.haystack.models.vlm import lessons, naming, windows, written_lessons
from longtake.eval.haystack.models.vlm.build import WIDTH, make_model, make_tokenizer, save
from longtake.eval.haystack.models.vlm.footage import Reel
from longtake.eval.haystack.models.vlm.labels import patches
from longtake.eval.haystack.models.vlm.lessons import Sample
from longtake.eval.haystack.models.vlm.seeing import Heads, cards, squares
from longtake.eval.haystack.models.vlm.soup import averaged
from longtake.eval.haystack.models.vlm.starts import BACK, BESIDE, begin, begin_text
from longtake.eval.haystack.models.vlm.teaching import (
    IGNORED,
    abridged,
    batch,
    copies,
    corpus,
    encoded,
    loss_of,
    written,
)
from longtake.eval.haystack.models.vlm.together import agreed, average, place
from longtake.tools.vlm.local_inputs import tensors
from longtake.tools.vlm.messages import Frames, Part, Request, Text


class Made(NamedTuple):
    model: Any
    processor: Any

    @property
    def tokenizer(self) -> Any:
        return self.processor.tokenizer


@pytest.fixture(scope="module")
def made(reel: Reel) -> Made:
    torch.manual_seed(0)
    model, processor = make_model(make_tokenizer(corpus([reel], 8)))
    begin(model.model.visual)
    begin_text(model.model.language_model)
    return Made(model.eval(), processor)


def with_files(request: Request, sample: Sample) -> Request:
    """The request with its pictures as files, which lessons leave out."""
    pixels = iter(sample.pictures)

    def filled(part: Part) -> Part:
        if not isinstance(part, Frames):
            return part
        pictures = []
        for picture in part.pictures:
            buffer = io.BytesIO()
            Image.fromarray(next(pixels)).save(buffer, "PNG")
            pictures.append(replace(picture, jpeg=buffer.getvalue()))
        return Frames(pictures=tuple(pictures))

    messages = [replace(m, parts=tuple(map(filled, m.parts))) for m in request.messages]
    return replace(request, messages=tuple(messages))


@pytest.mark.parametrize("kind", ["frame", "look", "read", "answer", "plan", "reflect"])
def test_lessons_are_tokens_that_longtake_would_send(made: Made, reel: Reel, kind: str) -> None:
    rng = np.random.default_rng(1)
    if kind == "frame":
        sample = lessons.about_frame(rng, [reel])
    elif kind in ("look", "read"):
        sample = (lessons.look if kind == "look" else lessons.read)(rng, [reel], 250)
    else:
        sample = getattr(written_lessons, kind)(rng)
    request, reply = sample.turns[0]
    sent = tensors(made.processor, [with_files(request, sample)], as_video=False)
    (expected,) = sent["input_ids"].tolist()
    ids, wanted = encoded(made.tokenizer, sample)
    assert ids[: len(expected)] == expected
    assert set(wanted[: len(expected)]) == {IGNORED}
    said = made.tokenizer.encode(f"{reply}<|im_end|>", add_special_tokens=False)
    assert wanted[len(expected) : len(expected) + len(said)] == said
    assert bool(sample.pictures) == ("pixel_values" in sent)
    if sample.pictures:
        given, image = batch(made.tokenizer, [sample]), made.model.config.image_token_id
        assert torch.equal(given["image_grid_thw"], sent["image_grid_thw"])
        assert (given["pixel_values"] - sent["pixel_values"]).abs().max() < 1e-5
        assert len(given["seen"]) == int((given["input_ids"] == image).sum())


def test_abridged_requests_keep_question_and_data_and_drop_the_rules() -> None:
    quotes = [("E1, V1, 1.0-2.0 s, seen", "The thing is a red cup.")]
    request = answer_request(question="Which thing?", options=["red cup", "vase"], evidence=quotes)
    short = abridged("".join(written(message) for message in request.messages))
    assert short == (
        "<|im_start|>user\n"
        "Evidence, [label, video, from-to in seconds, kind]:\n"
        "<data>\n"
        '[E1, V1, 1.0-2.0 s, seen] "The thing is a red cup."\n'
        "</data>\n"
        "Question: Which thing?\n"
        "Options: A) red cup  B) vase\n"
        'Reply with one JSON object: {"answer"<|im_end|>\n'
    )


def test_abridged_looks_still_say_that_all_times_are_wanted() -> None:
    request = look_request(
        Text(text="frames"), video="V1", start=0, end=4, quotes=[], question="When?", several=True
    )
    short = abridged("".join(written(message) for message in request.messages))
    assert "Question: When?\n" in short
    assert short.endswith('{"relevant"\nWhen it is seen more than once, add "more": [[from, to], '
                          "...] with the further times.<|im_end|>\n")  # fmt: skip
    assert "closer" not in short


def test_lines_are_copied_whole_but_for_their_first_token(made: Made) -> None:
    given = copies(np.random.default_rng(2), made.tokenizer, rows=3)
    assert given["input_ids"].shape == given["labels"].shape
    for ids, wanted in zip(given["input_ids"], given["labels"], strict=True):
        learned = wanted != IGNORED
        assert torch.equal(ids[learned], wanted[learned])
        first = int(learned.nonzero()[0])
        lines = bytes_of(ids[: first - 1].tolist())
        assert bytes_of(wanted[learned].tolist()) != b""
        pairs = zip(ids[first - 1 : -1].tolist(), wanted[first:].tolist(), strict=True)
        assert all(bytes_of([a, b]) in lines for a, b in pairs if b != IGNORED)


def bytes_of(tokens: list[int]) -> bytes:
    return np.array(tokens, ">u4").tobytes()


def test_heads_of_the_tower_look_beside(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    turned: list[tuple[torch.Tensor, torch.Tensor]] = []
    rotate = qwen.apply_rotary_pos_emb_vision

    def caught(q: Any, k: Any, cos: Any, sin: Any) -> Any:
        turned.append(rotate(q, k, cos, sin))
        return turned[-1]

    monkeypatch.setattr(qwen, "apply_rotary_pos_emb_vision", caught)
    noise = np.random.default_rng(0).integers(0, 255, (112, 112, 3), dtype=np.uint8)
    values, grid = patches(noise)
    with torch.no_grad():
        made.model.model.visual(torch.from_numpy(values), grid_thw=torch.tensor([grid]))
    # as the processor lays patches out: four of a token together
    places = [(2 * y + i, 2 * x + j) for y in range(4) for x in range(4)
              for i in range(2) for j in range(2)]  # fmt: skip
    for away, (q, k) in zip(BESIDE, turned, strict=False):
        for head, (down, right) in enumerate(away):
            queries, keys = q.reshape(64, 4, -1)[:, head], k.reshape(64, 4, -1)[:, head]
            looked = (queries @ keys.T).argmax(-1).tolist()
            hits = [
                places[at] == (row + down, column + right)
                for (row, column), at in zip(places, looked, strict=True)
                if 0 <= row + down < 8 and 0 <= column + right < 8
            ]
            assert np.mean(hits) > 0.95, (head, down, right)


def test_heads_of_the_language_model_look_back(made: Made) -> None:
    text = made.model.model.language_model
    text.set_attn_implementation("eager")
    ids = torch.from_numpy(np.random.default_rng(3).integers(20, len(made.tokenizer), (1, 40)))
    with torch.no_grad():
        seen = text(input_ids=ids, output_attentions=True, use_cache=False).attentions
    text.set_attn_implementation("sdpa")
    for layer, backs in enumerate(BACK):
        for head, back in enumerate(backs):
            looked = seen[layer][0, head].argmax(-1)[back:]
            assert (looked == torch.arange(len(looked))).float().mean() > 0.95, (layer, back)


def test_a_line_is_copied_before_any_training(made: Made) -> None:
    rng = np.random.default_rng(4)
    right = []
    for _ in range(5):
        line = rng.integers(20, len(made.tokenizer), 40)
        ids = torch.from_numpy(np.concatenate([line, line]))[None]
        with torch.no_grad():
            logits = made.model(input_ids=ids, mm_token_type_ids=torch.zeros_like(ids)).logits
        right.append((logits[0, 40:-1].argmax(-1) == ids[0, 41:]).float().mean().item())
    assert np.mean(right) > 0.5


def test_a_batch_has_losses_that_reach_all_weights(made: Made, reel: Reel) -> None:
    heads = Heads(made.model.config.text_config.hidden_size)
    sample = lessons.about_frame(np.random.default_rng(5), [reel])
    loss, seen = loss_of(made.model, heads, batch(made.tokenizer, [sample], short=True))
    assert loss.item() > 1 and seen.item() > 0
    (loss + seen).backward()  # type: ignore[no-untyped-call]
    without = [name for name, p in made.model.named_parameters() if p.grad is None]
    made.model.zero_grad()
    assert without == []
    _, nothing = loss_of(made.model, heads, copies(np.random.default_rng(6), made.tokenizer, 2))
    assert nothing.item() == 0


def test_squares_and_cards_have_a_label_a_token(reel: Reel) -> None:
    rng = np.random.default_rng(7)
    for (values, grids, wanted), tokens in ((squares(rng, [reel], 6), 16), (cards(rng, 6), 9)):
        assert grids.shape == (6, 3)
        assert values.shape == (6 * tokens * 4, 1176)
        assert wanted.shape == (6 * tokens, 17)
        assert (wanted[:, :-1] > 0).any(-1).float().mean() > 0.1


def test_what_is_seen_is_put_into_words_and_heads_read_it_as_before(
    made: Made, reel: Reel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(naming, "FRAMES", 12)
    model, heads = deepcopy(made.model), Heads(WIDTH)
    values, grids, _ = squares(np.random.default_rng(4), [reel], 6)
    tower = model.model.visual
    with torch.no_grad():
        before = heads.linear(tower(values, grid_thw=grids).pooler_output)
        share = naming.speak(model, heads, made.tokenizer, [reel], seed=2)
        after = heads.linear(tower(values, grid_thw=grids).pooler_output)
    assert 0.1 < share < 1  # the tower has learned nothing yet, but colours are in its cosines
    assert (before - after).abs().max() < 0.05 * before.std()


def test_windows_together_are_attended_to_as_one_by_one(made: Made, reel: Reel) -> None:
    values, grids, _ = squares(np.random.default_rng(8), [reel], 3)
    wide, grid = patches(np.asarray(reel.stills[40].picture(640).resize((644, 364))))
    values = torch.cat([values, torch.from_numpy(wide)])
    grids = torch.cat([grids, torch.tensor([grid])])
    tower = deepcopy(made.model.model.visual)
    with torch.no_grad():
        one_by_one = tower(values, grid_thw=grids).pooler_output
        windows.use(tower)
        at_once = tower(values, grid_thw=grids).pooler_output
    assert tower.config._attn_implementation == windows.NAME
    torch.testing.assert_close(at_once, one_by_one, atol=1e-4, rtol=1e-4)


TOGETHER = """
import pathlib, sys, torch
from longtake.eval.haystack.models.vlm import together
me = together.meet()
one, two = (torch.nn.Parameter(torch.zeros(2)) for _ in range(2))
one.grad = torch.tensor([1.0, 4.0]) * (me + 1)
if me:
    two.grad = torch.tensor([6.0, 8.0])
together.average([one, two])
told = f"{one.grad.tolist()} {two.grad.tolist()} {together.agreed(me / 2)}"
pathlib.Path(sys.argv[1], f"{me}.told").write_text(told)
"""


def test_processes_learn_from_the_mean_of_their_gradients(tmp_path: Path) -> None:
    script = tmp_path / "together.py"
    script.write_text(TOGETHER)
    command = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    subprocess.run([sys.executable, *command, str(script), str(tmp_path)], check=True, timeout=120)
    told = [path.read_text() for path in sorted(tmp_path.glob("*.told"))]
    assert told == ["[1.5, 6.0] [3.0, 4.0] 0.0"] * 2


def test_alone_gradients_stay_as_they_are() -> None:
    one = torch.nn.Parameter(torch.zeros(1))
    one.grad = torch.ones(1)
    average([one])
    assert (one.grad.item(), agreed(0.25), place()) == (1.0, 0.25, 0)


def test_a_soup_is_the_mean_of_both_models(made: Made, tmp_path: Path) -> None:
    other = deepcopy(made.model)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter += 0.5
    for name, model in (("a", made.model), ("b", other)):
        save(model, made.processor, tmp_path / name)
    mean = averaged(tmp_path / "a", tmp_path / "b")
    assert mean.config.text_config.dtype == mean.config.vision_config.dtype == torch.float16
    soup = mean.state_dict()
    for name, tensor in made.model.state_dict().items():
        assert soup[name].dtype == torch.float16
        assert torch.allclose(soup[name].float(), tensor + 0.25, atol=2e-3, rtol=1e-3), name
