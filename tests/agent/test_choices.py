"""Options that are times."""

import pytest

from longtake.agent.choices import by_time
from longtake.timing import Span


@pytest.mark.parametrize(
    ("options", "moment", "chosen"),
    [
        (["0-15 s", "15-30 s", "30-45 s"], Span(14.8, 17.0), 1),
        (["0-15 s", "15-30 s", "30-45 s"], Span(100, 101), 2),
        (["at 0:12", "at 1:05.5", "At 1:20."], Span(64, 66), 1),
        (["from 1:02:00 to 1:03:00", "1:00:00 until 1:01:00"], Span(3610, 3620), 1),
        (["12", "40.5 seconds"], Span(39, 40), 1),
        (["between 30 and 10", "50"], Span(12, 13), 0),
        (["15-30 s", "before noon"], Span(16, 17), None),
        (["4:99", "1:10"], Span(70, 71), None),
        (["a red van", "a blue van"], Span(1, 2), None),
        ([], Span(1, 2), None),
    ],
)
def test_the_option_that_names_the_moment(
    options: list[str], moment: Span, chosen: int | None
) -> None:
    assert by_time(options, moment) == chosen
