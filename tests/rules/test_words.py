"""Numbers in messages, and that reports say them alike."""

from __future__ import annotations

import pytest

from npulint.reports import wording
from npulint.rules import words


@pytest.mark.parametrize(
    ("nbytes", "said"),
    [
        (0, "0 B"),
        (1000, "1000 B"),
        (1024, "1 KiB"),
        (20_992, "20.5 KiB"),
        (1010 * 1024, "1010 KiB"),
        (4 * 1024**2, "4 MiB"),
        (3 * 1024**3 // 2, "1.5 GiB"),
    ],
)
def test_sizes_are_plain_numbers(nbytes: int, said: str) -> None:
    assert words.size(nbytes) == said
    assert wording.size(nbytes) == said


def test_one_is_not_many() -> None:
    assert words.plural(1, "node") == "1 node"
    assert words.plural(1200, "node") == "1,200 nodes"
