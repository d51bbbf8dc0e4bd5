"""Every preset, as data: what it does, where it is from, what it needs, what it costs."""

from collections.abc import Mapping

from longtake.tools.select.adaptive import adaptive_split
from longtake.tools.select.allocators import buckets, guided
from longtake.tools.select.composition import Part, Preset
from longtake.tools.select.diversity import dissimilar, facility, maxmin, mmr
from longtake.tools.select.f2c import f2c
from longtake.tools.select.focus import focus
from longtake.tools.select.items import Signals
from longtake.tools.select.listwise import determinantal
from longtake.tools.select.mergers import into_nearest
from longtake.tools.select.quota import quota
from longtake.tools.select.scorers import any_lane, density, novelty, overview_relevance, weighted
from longtake.tools.select.selectors import (
    Selector,
    best_window,
    inverse_transform,
    topk,
    topmass,
    uniform,
)

INDEX = "none: reads the index"
EVEN = "evenly spread"
RELEVANT = "among the most relevant"


def _for_question(signals: Signals) -> Selector:
    assert signals.query is not None
    return determinantal(signals.query)


_PRESETS = (
    Preset(
        name="uniform",
        line="Evenly spread frames.",
        source="baseline",
        scored="none",
        parts=(Part(name="frames", reason=EVEN, select=uniform),),
    ),
    Preset(
        name="topk",
        line="The most relevant frames, however near to each other.",
        source="baseline",
        needs=("relevance",),
        scored=INDEX,
        parts=(Part(name="frames", reason=RELEVANT, score=any_lane, select=topk),),
    ),
    Preset(
        name="topmass",
        line="As many of the most relevant frames as hold 90% of the relevance; may spend less.",
        source="ZipVL (arXiv 2410.08584), its rule for tokens",
        needs=("relevance",),
        scored=INDEX,
        parts=(Part(name="frames", reason=RELEVANT, score=any_lane, select=topmass(0.9)),),
    ),
    Preset(
        name="aks",
        line="The best frames of each stretch; stretches are split until their best stand out.",
        source="AKS (CVPR 2025, arXiv 2502.21271)",
        needs=("relevance",),
        scored=INDEX,
        parts=(
            Part(
                name="frames", reason="best of its stretch", score=any_lane, select=adaptive_split()
            ),
        ),
    ),
    Preset(
        name="bolt",
        line="Evenly spread quantiles of relevance.",
        source="BOLT (CVPR 2025, arXiv 2503.21483)",
        needs=("relevance",),
        scored=INDEX,
        parts=(
            Part(
                name="frames",
                reason="a quantile of relevance",
                score=any_lane,
                select=inverse_transform(3.0),
            ),
        ),
    ),
    Preset(
        name="mdp3",
        line="A list of frames that fit the question and differ, stretch by stretch.",
        source="mDP3 (ICCV 2025, arXiv 2501.02885)",
        needs=("features", "query", "relevance"),
        scored=INDEX,
        parts=(
            Part(
                name="frames",
                reason="fits the question and differs from the others",
                score=any_lane,
                select_for=_for_question,
                features=True,
            ),
        ),
    ),
    Preset(
        name="focus",
        line="Frames of the most promising stretches, found by scoring few frames.",
        source="FOCUS (arXiv 2510.27280)",
        needs=("probe or relevance",),
        scored="one of 16, and all in the best quarter of stretches; at most 4,096",
        plan=focus,
    ),
    Preset(
        name="maxmin",
        line="Frames as unlike each other as possible, whatever the question.",
        source="DivPrune (CVPR 2025, arXiv 2503.02175), on frames",
        needs=("features",),
        scored=INDEX,
        parts=(
            Part(
                name="frames",
                reason="unlike the others",
                score=novelty,
                select=maxmin(),
                features=True,
                merge=into_nearest,
            ),
        ),
    ),
    Preset(
        name="mmr",
        line="Relevant frames, each unlike those before.",
        source="MMR (Carbonell and Goldstein 1998)",
        needs=("features", "relevance"),
        scored=INDEX,
        parts=(
            Part(
                name="frames",
                reason="relevant, and new beside the others",
                score=any_lane,
                select=mmr(),
                features=True,
            ),
        ),
    ),
    Preset(
        name="facility",
        line="Relevant frames that stand for all the others.",
        source="CATP (first stage), on frames",
        needs=("features", "relevance"),
        scored=INDEX,
        parts=(
            Part(
                name="frames",
                reason="stands for frames like it",
                score=any_lane,
                select=facility(),
                features=True,
            ),
        ),
    ),
    Preset(
        name="dcode",
        line="Evenly spread frames, and some that are unlike them.",
        source="D-CoDe (EMNLP 2025, arXiv 2510.08818)",
        needs=("features",),
        scored=INDEX,
        parts=(
            Part(
                name="frames",
                reason="evenly spread, or unlike those that are",
                score=novelty,
                select=dissimilar(),
                features=True,
            ),
        ),
    ),
    Preset(
        name="density",
        line="Frames for the clips in which most is said and shown.",
        source="LangDC, its allocation to clips",
        needs=("density or change or features",),
        scored=INDEX,
        parts=(
            Part(
                name="frames",
                reason="middle of a clip with much in it",
                score=density,
                allocate=buckets,
                select=uniform,
            ),
        ),
    ),
    Preset(
        name="f2c",
        line="Short clips at the peaks of relevance, longer and smaller where things move.",
        source="F2C, From Frames to Clips (arXiv 2510.02262)",
        needs=("relevance",),
        uses=("features: what stands still; else shots and text coming up tell",),
        scored=INDEX,
        plan=f2c,
    ),
    Preset(
        name="quota",
        line="Sizes of frames by the probability that a model says yes to them.",
        source="QuoTA (arXiv 2503.08689)",
        needs=("probability or relevance",),
        scored="96, and 64 an hour, by a model; fewer where a quarter of the tokens is too little",
        calls="before: one for 1 to 8 scored frames, whichever is cheaper; none with relevance",
        plan=quota,
    ),
    Preset(
        name="ts_llava",
        line="A sheet of six frames, and a tenth of the pixels of many more.",
        source="TS-LLaVA (arXiv 2411.11066)",
        scored="none",
        parts=(
            Part(
                name="sheet", reason="one of six on a sheet", select=uniform, frames=6, area=1 / 6
            ),
            Part(name="overview", reason=EVEN, select=uniform, area=0.1),
        ),
    ),
    Preset(
        name="free_video_llm",
        line="The most relevant frames, some evenly spread, and all others tiny.",
        source="Free Video-LLM (arXiv 2410.10441)",
        needs=("relevance",),
        scored=INDEX,
        parts=(
            Part(
                name="frames",
                reason=RELEVANT,
                score=any_lane,
                select=topk,
                share=693 / 2648,
                area=231 / 576,
            ),
            Part(
                name="frames",
                reason=EVEN,
                score=any_lane,
                select=uniform,
                share=1155 / 2648,
                area=231 / 576,
            ),
            Part(name="overview", reason=EVEN, score=any_lane, select=uniform, area=16 / 576),
        ),
    ),
    Preset(
        name="slow_fast",
        line="The most relevant moment frame by frame, and the whole video small.",
        source="LOVE-R1 (arXiv 2509.24786), its first zoom",
        needs=("relevance",),
        scored=INDEX,
        parts=(
            Part(
                name="frames",
                reason="of the most relevant moment",
                score=any_lane,
                select=best_window,
                share=0.25,
            ),
            Part(name="overview", reason=EVEN, score=any_lane, select=uniform, area=32 / 256),
        ),
    ),
    Preset(
        name="global_local",
        line="The whole video tiny; what it shows says how many frames each eighth gets.",
        source="GlobalCom^2 (arXiv 2501.05179), on frames",
        needs=("relevance",),
        scored=INDEX,
        parts=(
            Part(
                name="frames",
                reason="best of its eighth",
                score=weighted((any_lane, 1.0), (overview_relevance, 1.0), normalise="length"),
                weigh=overview_relevance,
                allocate=guided(1.0),
                segments=8,
                select=topk,
                share=0.8,
            ),
            Part(
                name="overview",
                reason=EVEN,
                score=overview_relevance,
                select=uniform,
                area=1 / 16,
            ),
        ),
    ),
)

PRESETS: Mapping[str, Preset] = {preset.name: preset for preset in _PRESETS}
"""By name; the order is that of `longtake presets`."""
