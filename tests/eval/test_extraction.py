"""What replies say, by the strict rule and by each benchmark's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longtake.eval import extraction
from longtake.eval.benchmarks import benchmark
from longtake.eval.judgement import Response
from longtake.eval.samples import Sample
from longtake.timing import Span

OPTIONS = ("a red car", "a blue car", "a green car", "a dog", "no one")

OWN = "video-mme mlvu longvideobench lvbench rtv-bench egoschema next-qa cg-bench".split()

# Reply; strict; then the letter that each benchmark's own rule reads, in the order of OWN. "-" is
# no answer. MLVU's and CG-Bench's rules only say whether the truth, B, was met: "+" or "x", and for
# CG-Bench "-" when the reply leaves the denominator.
TRICKY = """
A person walks by            | - | A x A A A - A x
(B)                          | B | B x B B B - B +
Based on the video           | - | B x B B B - - -
∅                            | - | - x - - - - - -
I cannot                     | - | - x - I - - - -
Final Answer: H              | - | A x A F - - - x
<think>maybe A</think>C      | C | A x A < A - C x
B                            | B | B + B B B B B +
b                            | B | - x - b B - - -
B.                           | B | B x B B B - B +
B)                           | B | B + B B B - - +
**B**                        | B | B x B * B - - +
[B]                          | B | B x B [ B - - +
Answer: B                    | B | A x A A B - B +
The answer is B.             | B | B x B T B - B +
The best option is B         | B | B x B T B - B +
Best option: (B)             | B | B x B B B - B +
The correct option is: C     | C | C x C T C - C x
Option D                     | D | D x D O D - D x
a blue car                   | B | - x - a A - - -
A blue car.                  | B | A x A A A - A x
B. a blue car                | B | B x B B B - B +
B. a red car                 | - | B x B B B - B +
(C) a green car              | C | C x C C C - C x
a dog                        | D | - x - a A - - -
It shows a dog near a tree   | - | - x - I A - D -
I think it is B              | - | B x B I - - B +
B or C                       | - | B x B B B - C +
A, B, C, D                   | - | A x A A A - D +
Not A but B                  | - | A x A N A - B +
{"option": "B"}              | B | B x B { B - - +
{"option": null, "answer": ""} | - | - x - { - - - -
{"answer": "a green car"}    | C | - x - { A - - -
```json {"result": "B"} ```  | B | B x B ` B - - +
Answer: A¶Answer: B          | B | A x A A A - B +
Answer: B¶I am quite sure.   | - | A x A A B - - +
E                            | E | - x E E E E E x
Because of the dog: D        | - | B x B B D - D x
The dog barks: D             | - | D x D T D - D x
"""
ROWS = [tuple(part.strip() for part in line.split("|")) for line in TRICKY.strip().splitlines()]


def question(count: int = 5) -> Sample:
    return Sample(
        sample_id="q",
        video="v",
        video_path=None,
        question="What passes?",
        kind="option",
        options=OPTIONS[:count],
        answer="B",
    )


def unescaped(reply: str) -> str:
    return reply.replace("∅", "").replace("¶", "\n")


@pytest.mark.parametrize(("reply", "strict", "official"), ROWS, ids=[row[0] for row in ROWS])
def test_tricky_replies(reply: str, strict: str, official: str) -> None:
    text = unescaped(reply)
    assert (extraction.option(text, OPTIONS) or "-") == strict
    for name, expected in zip(OWN, official.split(), strict=True):
        judged = benchmark(name).official(question(), Response(text=text))
        if expected in "+x-" and name in ("mlvu", "cg-bench"):
            read = "-" if not judged.counted else "+" if judged.score == 1 else "x"
        else:
            read = str(judged.parsed or "-")
        assert (name, read) == (name, expected)


@pytest.mark.parametrize(
    ("reply", "strict", "official"),
    [
        ("Final Answer: H", "H", "H"),
        ("Let me see. First, E is out.\nFinal Answer: G", "G", "F"),  # of "First"
        ("Great question. Final Answer: C", None, "G"),
        ("no letter here", None, None),
        ("I", None, None),
    ],
)
def test_eight_options(reply: str, strict: str | None, official: str | None) -> None:
    """Video-MME-v2, whose prompt for reasoning ends in `Final Answer: <letter>`."""
    options = tuple(f"colour {i}" for i in range(8))
    sample = Sample(
        sample_id="001-1",
        video="001",
        video_path=None,
        question="Which?",
        kind="option",
        options=options,
        answer="H",
    )
    assert extraction.option(reply, options) == strict
    assert benchmark("video-mme-v2").official(sample, Response(text=reply)).parsed == official


def test_letters_are_those_of_the_item() -> None:
    assert extraction.option("E", OPTIONS[:4]) is None
    assert extraction.option("Answer: (E)", OPTIONS[:4]) is None
    assert extraction.option("E", OPTIONS) == "E"


def test_two_options_with_one_text_are_not_told_apart() -> None:
    assert extraction.option("A dog.", ["a dog", "A DOG", "a cat"]) is None
    assert extraction.option("Answer: B. A dog", ["a dog", "A DOG", "a cat"]) == "B"


def test_equal_options_are_told_apart_as_they_are_shown() -> None:
    pair = ["a dog", "a dog", "a cat"]
    assert extraction.option("a dog (B)", pair) == "B"
    assert extraction.option('{"option": "B) a dog"}', pair) == "B"
    assert extraction.option("B. a dog (B)", pair) == "B"


def test_blank_fields_of_an_object_say_nothing() -> None:
    assert extraction.string('{"answer": "red", "option": ""}') == "red"
    assert extraction.option('{"answer": "a red car", "option": " "}', OPTIONS) == "A"
    assert extraction.option('{"answer": "a red car", "option": "B"}', OPTIONS) == "B"


def test_only_questions_with_options_to_choose_from_are_read_from_option() -> None:
    assert extraction.order('{"answer": "B, A, C", "option": "B"}', OPTIONS) == ("B", "A", "C")
    assert extraction.number('{"answer": 4, "option": "7"}') == 4
    assert extraction.string('{"option": "B"}') is None


@pytest.mark.parametrize(
    ("reply", "rest"),
    [
        ("<think>A or B?</think> B", "B"),
        ("<THINKING>\nlong\n</thinking>\nB", "B"),
        ("it began inside the tag </think> B", "B"),
        ("<think>cut off: B", ""),
        ("<think>one</think>B<reasoning>two</reasoning>", "B"),
        ("<thinker>B</thinker>", "<thinker>B</thinker>"),
        ("<think>a </reasoning> b</think>B", "B"),
        ("<think><think>a</think>B", "B"),
    ],
)
def test_reasoning_is_dropped(reply: str, rest: str) -> None:
    assert extraction.without_reasoning(reply) == rest


SOME = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            ["A", "B", "Z", "(", ")", ". ", "Answer:", "the answer is ", '{"answer": ', '"B"', "}",
             "[", "]", "<think>", "</think>", "```json\n", "\n```", "**", "12 - 15", "a dog", "\n",
             "1e999", '{"option": [', "null", "-->", ","]
        )
    ).map("".join),
)  # fmt: skip


@given(SOME, st.lists(st.text(max_size=8), max_size=26))
def test_nothing_raises_and_no_foreign_letter_comes_out(reply: str, options: list[str]) -> None:
    valid = [chr(ord("A") + i) for i in range(len(options))]
    chosen = extraction.option(reply, options)
    assert chosen is None or chosen in valid
    ordered = extraction.order(reply, options)
    assert ordered is None or (set(ordered) <= set(valid) and len(set(ordered)) == len(ordered))
    found = extraction.number(reply)
    assert found is None or abs(found) < float("inf")
    extraction.spans(reply)
    extraction.string(reply)


@given(st.integers(min_value=0, max_value=5000))
def test_deep_nesting_is_survived(depth: int) -> None:
    assert extraction.option('{"answer": ' + "[" * depth, OPTIONS) is None


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece", ["<think>", "{", '{"a":', "<answer>", "1", "1 - 2, ", "A, ", "[("]
)
def test_a_model_that_repeats_itself_does_not_cost_minutes(piece: str) -> None:
    """Each of these took or would take time with the square of its length."""
    reply = piece * (100_000 // len(piece)) + "!"
    assert extraction.option(reply, OPTIONS) is None
    assert extraction.spans(reply) is None
    assert extraction.order(reply, OPTIONS) is None
    assert extraction.number(reply) is None


@pytest.mark.parametrize(
    ("reply", "spans"),
    [
        ("12 - 15.5", [(12, 15.5)]),
        ("[[1, 2], [3, 4.5]]", [(1, 2), (3, 4.5)]),
        ('{"answer": [[1, 2]]}', [(1, 2)]),
        ('{"result": [7, 9]}', [(7, 9)]),
        ("1:02 to 1:10 and 75-80s", [(62, 70), (75, 80)]),
        ("Answer: 1:01:00 \u2013 1:01:30", [(3660, 3690)]),
        ("The event happens in 1 - 2 seconds", None),
        ("15 - 12", None),
        ("from the start", None),
        ('{"answer": [[1]]}', None),
        ('{"answer": [[true, 2]]}', None),
        ("", None),
    ],
)
def test_spans(reply: str, spans: list[tuple[float, float]] | None) -> None:
    expected = None if spans is None else tuple(Span(a, b) for a, b in spans)
    assert extraction.spans(reply) == expected


@pytest.mark.parametrize(
    ("reply", "order"),
    [
        ("B, A, C", "BAC"),
        ("BAC", "BAC"),
        ("Answer: B -> A -> C.", "BAC"),
        ('{"answer": ["C", "A"]}', "CA"),
        ("A, A, B", None),
        ("A, F", None),
        ("first B, then A", None),
    ],
)
def test_orders(reply: str, order: str | None) -> None:
    assert extraction.order(reply, OPTIONS) == (None if order is None else tuple(order))


@pytest.mark.parametrize(
    ("reply", "number"),
    [
        ("7", 7),
        ("Answer: 1,204.", 1204),
        ('{"answer": -2.5}', -2.5),
        ('{"answer": "3"}', 3),
        ('{"answer": true}', None),
        ("about 5", None),
        ("1,20", None),
        ("1e999", None),
    ],
)
def test_numbers(reply: str, number: float | None) -> None:
    assert extraction.number(reply) == number


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The Blue  Car.", "blue car"),
        ("\u2018Berth 7\u2019", "\u2018berth 7\u2019"),
        ("AN ox", "ox"),
    ],
)
def test_wordings_that_are_the_same(one: str, other: str) -> None:
    assert extraction.normalised(one) == extraction.normalised(other)


def test_wordings_that_differ() -> None:
    assert extraction.normalised("berth 7") != extraction.normalised("berth 17")
    assert extraction.normalised("The") == "the"  # an article alone is the answer
