"""Each rule drops what it is for and leaves real speech alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.index.hallucinations import is_loop, is_phantom, is_too_fast, judge, plain, repeated
from longtake.index.lanes import Recognised, Word
from longtake.index.stretches import Kind, Stretch
from longtake.index.vad import HOP
from longtake.index.windows import Window


def window(kind: Kind = "speech", *, speech: float = 0.9, loudness: float = -20.0) -> Window:
    """Ten seconds, the same throughout."""
    hops = 312
    part = Stretch(
        start=0.0,
        kind=kind,
        samples=np.zeros(hops * HOP, np.float32),
        speech=np.full(hops, speech, np.float32),
        loudness=np.full(hops, loudness, np.float32),
    )
    return Window(parts=(part,))


def passage(
    text: str = "The tower was built of stone.",
    *,
    confidence: float = 0.9,
    log: float = -0.3,
    empty: float = 0.05,
    end: float = 4.0,
) -> Recognised:
    return Recognised(
        start=1.0,
        end=end,
        text=text,
        confidence=confidence,
        words=(Word(start=1.0, end=end, text=text, probability=confidence),),
        window=0,
        log_probability=log,
        no_speech_probability=empty,
    )


SONG = window("sound", speech=0.01)


@pytest.mark.parametrize(
    ("rule", "heard", "where"),
    [
        (None, passage(), window()),
        (None, passage(empty=0.99), window()),  # sure of its words
        (None, passage(log=-1.2, empty=0.5, confidence=0.7), window()),  # speech in noise
        (None, passage("Thank you for watching."), window()),  # somebody says so
        (None, passage(empty=0.87, confidence=0.6), SONG),  # lyrics
        ("silence", passage(), window(loudness=-80)),
        ("no_speech", passage(log=-1.1, empty=0.7), window()),
        ("loop", passage("come on, " * 40), window()),
        ("speed", passage("I will be right back in a minute, folks", end=1.1), window()),
        ("phantom", passage("Thank you for watching."), window(speech=0.1)),
        ("phantom", passage("Subtitles by the Amara.org community"), SONG),
        ("phantom", passage(". . ."), window()),
        ("unsure", passage(log=-1.1, empty=0.5, confidence=0.4), window()),
        ("sound_unsure", passage(empty=0.95), SONG),
        ("sound_unsure", passage(confidence=0.4), SONG),
    ],
)
def test_rules(rule: str | None, heard: Recognised, where: Window) -> None:
    assert judge(heard, where) == rule


def test_the_same_line_again_and_again_is_a_loop_only_where_nobody_speaks() -> None:
    assert judge(passage(), SONG, repeated=True) == "loop"
    assert judge(passage(), window(), repeated=True) is None


@pytest.mark.parametrize(
    ("text", "loop"),
    [
        ("Never gonna give you up, never gonna let you down", False),
        ("No, no, no, no, no, that is not what I meant to say here at all, is it?", False),
        ("go go go go go", True),
        ("the lamp the lamp the lamp the lamp the lamp", True),
        ("1-2-3-4-4-4-4-4-4-4-4-4-4", True),
        ("", False),
        ("word", False),
    ],
)
def test_loops(text: str, loop: bool) -> None:
    assert is_loop(text) is loop


@pytest.mark.parametrize(
    ("text", "phantom"),
    [
        ("Thanks for watching!", True),
        ("Thank you so much for watching and I'll see you in the next video.", True),
        ("Please subscribe to my channel.", True),
        ("Untertitel der Amara.org-Community", True),
        ("Sous-titrage ST' 501", True),
        ("You", True),
        ("Thank you, the lighthouse is closed.", False),
        ("You can see the tower from here.", False),
        ("The bus is late.", False),
        ("Music of the spheres", False),
    ],
)
def test_phantoms(text: str, phantom: bool) -> None:
    assert is_phantom(text) is phantom


def test_speed_needs_three_words() -> None:
    assert is_too_fast("one two three four five six seven", 0.1)
    assert not is_too_fast("one two", 0.0)
    assert not is_too_fast("one two three four", 1.0)


def test_runs_of_equal_texts() -> None:
    lines = ["nd", "Nd.", "nd", "ND!", "la", "la", "la", "end"]
    assert repeated(lines) == {0, 1, 2, 3}
    assert repeated(lines, times=3) == {0, 1, 2, 3, 4, 5, 6}
    assert repeated([]) == set()


def test_plain_drops_case_accents_and_punctuation() -> None:
    assert plain("  Ça va, MAÎTRE_Jean-Paul?! ") == "ca va maitre jean paul"


@given(st.text(max_size=300))
def test_any_text_can_be_judged(text: str) -> None:
    judge(passage(text), SONG)
    judge(passage(text), window(), repeated=True)


@given(st.lists(st.sampled_from(["alpha", "beta", "gamma", "delta"]), min_size=1, max_size=6),
       st.integers(5, 12))  # fmt: skip
def test_any_short_phrase_said_five_times_is_a_loop(phrase: list[str], times: int) -> None:
    assert is_loop(" ".join(phrase * times))
