from __future__ import annotations

import pytest

from api.encoding import chosen


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (None, "identity"),
        ("", "identity"),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=1.0, zstd;q=0.5", "gzip"),
        ("GZIP ; q=0.2", "gzip"),
        ("gzip;q=0", "identity"),
        ("gzip;q=much", "identity"),
        ("identity, gzip;q=0.5", "identity"),
        ("*", "zstd"),
        ("*;q=0.1, zstd;q=0", "gzip"),
        ("br", "identity"),
    ],
)
def test_the_coding_is_the_one_that_is_wanted_most(accepted: str | None, coding: str) -> None:
    assert chosen(accepted) == coding
