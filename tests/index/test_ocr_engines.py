"""OCR engines: RapidOCR on its real weights; EasyOCR's loading and calls on random ones."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from longtake.config import Settings, TextSettings
from longtake.errors import UsageError, WeightsCorrupt, WeightsMissing
from longtake.index.lanes import U8, Box
from longtake.index.ocr_engines import EasyReader, RapidReader, crop
from longtake.index.text import build_reader

LINES = ("Harbour lights", "Open until 21:45")


def page() -> U8:
    image = Image.new("RGB", (640, 360), (250, 250, 250))
    draw = ImageDraw.Draw(image)
    for at, text in enumerate(LINES):
        draw.text((60, 80 + 110 * at), text, font=ImageFont.load_default(36), fill=(10, 10, 90))
    return np.asarray(image)


@pytest.fixture(scope="module", params=["openvino", "onnxruntime"])
def rapid(request: pytest.FixtureRequest) -> RapidReader:
    return RapidReader(request.param, threads=1)


def test_rapidocr_finds_and_reads_lines_in_reading_order(rapid: RapidReader) -> None:
    boxes = rapid.detect(page())
    lines = rapid.recognise(page(), boxes)
    assert [line.text for line in lines] == list(LINES)
    assert [line.box for line in lines] == boxes
    assert all(line.confidence > 0.9 for line in lines)
    assert boxes[0].x0 == pytest.approx(60 / 640, abs=0.03)
    assert boxes[1].y0 == pytest.approx(195 / 360, abs=0.05)


def test_rapidocr_reads_only_the_boxes_it_is_given(rapid: RapidReader) -> None:
    second = rapid.detect(page())[1]
    assert [line.text for line in rapid.recognise(page(), [second])] == [LINES[1]]
    assert rapid.recognise(page(), []) == []


def test_rapidocr_detects_nothing_on_an_empty_page(rapid: RapidReader) -> None:
    assert rapid.detect(np.full((360, 640, 3), 255, np.uint8)) == []


def test_rapidocr_reads_a_line_that_runs_downwards(rapid: RapidReader) -> None:
    turned = np.rot90(page(), k=-1)
    texts = [line.text for line in rapid.recognise(turned, rapid.detect(turned))]
    assert sorted(texts) == sorted(LINES)


def test_crop_is_never_empty() -> None:
    frame = np.zeros((10, 20, 3), np.uint8)
    assert crop(frame, Box(1.0, 1.0, 1.0, 1.0)).shape == (1, 1, 3)
    assert crop(frame, Box(0.0, 0.0, 1.0, 1.0)).shape == (10, 20, 3)


def test_identity_names_models_and_runtime(rapid: RapidReader) -> None:
    engine, weights, runtime = rapid.identity.split("/")
    assert (engine, runtime) in {("rapidocr", "openvino"), ("rapidocr", "onnxruntime")}
    assert weights.count("PP-OCR") == 2


def test_easyocr_without_weights_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EASYOCR_MODULE_PATH", str(tmp_path))
    settings = Settings(text=TextSettings(engine="easyocr"), device="cpu", offline=True)
    with pytest.raises(WeightsMissing, match=r"easyocr.*'en'.*text\.engine to 'rapidocr'") as error:
        build_reader(settings)
    assert "\n" not in str(error.value)


def test_easyocr_with_damaged_weights_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "craft_mlt_25k.pth").write_bytes(b"not weights")
    with pytest.raises(WeightsCorrupt, match="craft_mlt_25k"):
        EasyReader(("en",), tmp_path, offline=True)


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CRAFT and english_g2 files of EasyOCR's format, randomly initialised."""
    import torch
    from easyocr.config import recognition_models
    from easyocr.craft import CRAFT
    from easyocr.model.vgg_model import Model

    folder = tmp_path_factory.mktemp("easyocr")
    torch.manual_seed(7)
    characters = recognition_models["gen2"]["english_g2"]["characters"]
    networks = {
        "craft_mlt_25k.pth": CRAFT(),
        "english_g2.pth": Model(1, 256, 256, len(characters) + 1),
    }
    for name, network in networks.items():
        state = {f"module.{key}": value for key, value in network.state_dict().items()}
        torch.save(state, folder / name)
    return folder


@pytest.mark.filterwarnings("ignore:.*pin_memory.*:UserWarning")
@pytest.mark.filterwarnings("ignore:.*quantiz.*")
def test_easyocr_loads_and_runs_its_networks(
    random_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from easyocr.config import detection_models, recognition_models

    for entry, name in (
        (detection_models["craft"], "craft_mlt_25k.pth"),
        (recognition_models["gen2"]["english_g2"], "english_g2.pth"),
    ):
        digest = hashlib.md5((random_weights / name).read_bytes()).hexdigest()
        monkeypatch.setitem(entry, "md5sum", digest)
    reader = EasyReader(("en",), random_weights, offline=True)
    assert reader.identity == "easyocr/craft+english/en"
    assert all(0 <= side <= 1 for box in reader.detect(page()) for side in box)
    boxes = [Box(0.05, 0.2, 0.6, 0.35), Box(0.05, 0.5, 0.6, 0.65)]
    lines = reader.recognise(page(), boxes)
    assert [line.box for line in lines] == boxes
    assert all(0 <= line.confidence <= 1 for line in lines)
    with pytest.raises(UsageError, match="klingon"):
        EasyReader(("klingon",), random_weights, offline=True)
