"""The first look of a run that names a preset: the frames that it chooses of the videos believed
most, at the sizes it gives them, within the round's allowance of tokens."""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from longtake.agent.candidates import allowed_videos, beliefs_by_video, bounds, candidates
from longtake.agent.desk import Desk
from longtake.agent.look import look_price
from longtake.agent.seeking import asked_of, part_of
from longtake.agent.state import Part, State, View, Wish
from longtake.agent.views import Place, view_of
from longtake.agent.yes_no import asks, expected, tokens_for_questions, with_answers
from longtake.errors import UsageError
from longtake.index.records import VideoRecord
from longtake.tools.fit import LOOK, contact_sheets
from longtake.tools.select.choose import choose, missing, preset_named
from longtake.tools.select.composition import Pick
from longtake.tools.select.signals import Gathered, gather
from longtake.tools.view import FrameItem, Item, Shape, fitted_size
from longtake.tools.view import View as Shown

MOST_VIDEOS = 4
BELIEVED = 0.8
"""Videos are taken until they hold this share of the belief."""
MOST_PICTURES = 96
"""Pictures of one look; servers refuse more at some number above it."""
ON_A_SHEET = frozenset({"sheet", "overview"})
"""Parts of presets whose frames are small and many: they are shown on contact sheets."""
CELLS = 16
"""Frames of a contact sheet."""
FULL_PX = LOOK.longest_sides[0]
"""Longer side of a full-size frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A video believed in, and the frames that the preset may choose from."""

    video: VideoRecord
    belief: float
    """Of the beliefs of all offers, which sum to 1."""
    gathered: Gathered
    label: str
    """Of the view it becomes when all offers become one: `L1`, `L2`, ..."""
    asked: tuple[Shape, ...] = ()
    """Frames that the model was asked about, by call."""


def offers_of(desk: Desk, state: State) -> tuple[list[Offer], list[str]]:
    """The videos believed most with their frames, and notes of those that are left out because
    they lack what the preset needs; nothing is asked. Where all lack it none is left out, so that
    choosing says what is missing.

    Raises:
        UsageError: no video has frames where they are allowed.
    """
    texts = _texts(desk, state, part_of(state))
    preset = preset_named(desk.preset)
    every: list[tuple[VideoRecord, float, Gathered]] = []
    lacking: dict[str, str] = {}
    for video, belief in _believed(desk, state):
        try:
            gathered = gather(desk.library, video.id, texts, span=bounds(video, state))
        except UsageError as exc:
            lacking[video.id] = f"{video.title!r} was not looked at first: {exc}"
            continue
        every.append((video, belief, gathered))
        what = missing(preset, gathered.items, gathered.signals)
        if what:
            lacking[video.id] = (
                f"{video.title!r} was not looked at first: it has no {', '.join(what)}, which the "
                f"preset {preset.name} needs"
            )
    if not every and lacking:
        raise UsageError("; ".join(lacking.values()))
    fit = [offer for offer in every if offer[0].id not in lacking]
    notes = list(lacking.values()) if fit else []
    chosen = fit or every
    total = sum(belief for _, belief, _ in chosen)
    before = len(state.get("views") or [])
    offers = [
        Offer(
            video=video,
            belief=belief / total,
            gathered=gathered,
            label=f"L{before + number}",
        )
        for number, (video, belief, gathered) in enumerate(chosen, 1)
    ]
    return offers, notes


async def answered_offers(desk: Desk, state: State) -> tuple[list[Offer], list[str]]:
    """The same, with the model's answers about frames where the preset takes them, and notes where
    there are none.

    Raises:
        As `offers_of` does.
    """
    offers, notes = await asyncio.to_thread(offers_of, desk, state)
    if not asks(desk.preset):
        return offers, notes
    tokens = tokens_for_questions(desk)
    answered: list[Offer] = []
    for offer in offers:
        made = await with_answers(
            desk,
            state,
            offer.video,
            offer.gathered,
            tokens=int(tokens * offer.belief),
            label=offer.label,
        )
        answered.append(replace(offer, gathered=made.gathered, asked=made.shown))
        if made.note is not None and made.note not in notes:
            notes.append(made.note)
    return answered, notes


def expected_offers(desk: Desk, state: State) -> tuple[list[Offer], int]:
    """What a forecast takes for the answered offers, without a call, and the tokens that the calls
    about their frames cost at most, which stay reserved.

    Raises:
        As `offers_of` does.
    """
    offers, _ = offers_of(desk, state)
    if not asks(desk.preset):
        return offers, 0
    tokens, asking = tokens_for_questions(desk), 0
    made: list[Offer] = []
    for offer in offers:
        most = int(tokens * offer.belief)
        gathered, cost = expected(desk, state, offer.video, offer.gathered, tokens=most)
        made.append(replace(offer, gathered=gathered))
        asking += cost
    return made, asking


def preset_views(desk: Desk, state: State, allowance: int, offers: Sequence[Offer]) -> list[View]:
    """A view for each offer, its tokens in proportion to the belief.

    Raises:
        UsageError: the preset needs what the library has not; the message says what.
    """
    made: list[View] = []
    for offer in offers:
        place = Place(
            number=len(state.get("views") or []) + len(made) + 1,
            round=state.get("round", 0) + 1,
            part=part_of(state),
        )
        view = _view(desk, state, offer, place, int(allowance * offer.belief))
        if view is not None:
            made.append(view)
    return made


def _believed(desk: Desk, state: State) -> list[tuple[VideoRecord, float]]:
    videos = allowed_videos(desk.library, state)
    beliefs = beliefs_by_video(candidates(desk.library, state), videos)
    order = sorted(videos, key=lambda video_id: -beliefs[video_id])[:MOST_VIDEOS]
    total = sum(beliefs.values()) or 1.0
    taken: list[tuple[VideoRecord, float]] = []
    held = 0.0
    for video_id in order:
        if held >= BELIEVED:
            break
        share = beliefs[video_id] / total
        taken.append((videos[video_id], share))
        held += share
    return [(video, max(share, 1e-6)) for video, share in taken]


def _view(desk: Desk, state: State, offer: Offer, place: Place, allowance: int) -> View | None:
    """What the preset shows of a video; None where not even one frame fits."""
    video = offer.video
    span = bounds(video, state)
    wish: Wish = {
        "video_id": video.id,
        "start": span.start,
        "end": span.end,
        "crop": None,
        "kind": "overview",
        "why": f"what the preset {desk.preset} chooses of it",
    }

    def as_view(shown: Shown) -> View:
        return view_of(shown, wish, place)

    shown = _fitted(
        desk.preset,
        offer.gathered,
        video,
        allowance,
        lambda it: look_price(desk, state, as_view(it)),
        stamped=desk.library.settings.vlm.stamps,
    )
    return None if shown is None else as_view(shown)


def _texts(desk: Desk, state: State, part: Part) -> list[str]:
    """What frames are to be relevant to."""
    if part == "anchor":
        return [asked_of(state, part)["question"]]
    texts = [query["text"] for query in state["plan"]["sub_queries"]]
    if desk.library.settings.agent.search_options:
        texts += state.get("options") or []
    return texts


def _fitted(
    preset: str,
    gathered: Gathered,
    video: VideoRecord,
    allowance: int,
    price: Callable[[Shown], int],
    *,
    stamped: bool,
) -> Shown | None:
    """The selection for the most full-size frames whose view is within the allowance."""
    times = gathered.items.times
    one = shown_of_picks(video, [_full(float(times[0]))], stamped=stamped)
    ends = [_full(float(times[0])), _full(float(times[-1]))]
    two = shown_of_picks(video, ends, stamped=stamped)
    first = price(one)
    if first > allowance:
        return None
    each = max(1, price(two) - first)
    budget = 1 + (allowance - first) // each
    while True:
        chosen = choose(preset, gathered.items, gathered.signals, budget)
        shown = shown_of_picks(video, chosen.picks, stamped=stamped)
        cost, pictures = price(shown), len(shown.pictures)
        if cost <= allowance and pictures <= MOST_PICTURES:
            return shown
        if budget == 1:
            return one if not shown.pictures else None
        most = min(allowance / cost, MOST_PICTURES / pictures)
        budget = max(1, min(budget - 1, math.floor(budget * most)))


def _full(time: float) -> Pick:
    return Pick(time=time, scale=1.0, clip=0, score=0.0, reason="", part="frames")


def shown_of_picks(video: VideoRecord, picks: Sequence[Pick], *, stamped: bool = False) -> Shown:
    """Chosen frames as pictures: small ones on contact sheets first, then the others by time.

    Args:
        stamped: single frames have their second drawn in, as contact sheets always do.
    """
    items: list[Item] = []
    for part in sorted(ON_A_SHEET):
        small = [pick for pick in picks if pick.part == part]
        if small:
            size = _size(video, small[0].scale)
            items += contact_sheets(video.id, [pick.time for pick in small], size, CELLS)
    for pick in picks:
        if pick.part not in ON_A_SHEET:
            width, height = _size(video, pick.scale)
            items.append(
                FrameItem(
                    video_id=video.id,
                    time=pick.time,
                    width=width,
                    height=height,
                    stamped=stamped,
                )
            )
    return Shown(items=tuple(items))


def _size(video: VideoRecord, scale: float) -> tuple[int, int]:
    """(width, height) in pixels of a frame of that scale."""
    assert video.width and video.height
    full = fitted_size(video.width, video.height, FULL_PX)
    return fitted_size(*full, max(2, math.floor(max(full) * scale)))
