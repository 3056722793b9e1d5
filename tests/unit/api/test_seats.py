"""Answers that are sent for long: how many at once, and of whom."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import ExitStack

import pytest

from api.seats import Seats, begun
from metering.problems import TooManyWaiting, Unavailable


async def file(*pieces: bytes) -> AsyncGenerator[bytes]:
    for piece in pieces:
        yield piece


async def failing() -> AsyncGenerator[bytes]:
    raise Unavailable("It does not answer.")
    yield b""


def test_an_organization_that_takes_all_it_may_leaves_seats_to_another() -> None:
    seats = Seats("exports", most=4, most_of_one=2)
    with ExitStack() as taken:
        for _ in range(2):
            taken.enter_context(seats.take("greedy"))
        with pytest.raises(TooManyWaiting, match="has 2 exports under way") as refused:
            taken.enter_context(seats.take("greedy"))
        taken.enter_context(seats.take("modest"))
        assert refused.value.headers["Retry-After"]
        assert seats.taken == 3
    assert seats.taken == 0


def test_a_process_has_only_so_many_seats() -> None:
    seats = Seats("streams", most=2, most_of_one=2)
    with seats.take("a"), seats.take("b"), pytest.raises(TooManyWaiting, match="Too many streams"), seats.take("c"):
        pass
    with seats.take("c"):
        assert seats.taken == 1


async def test_a_seat_is_held_from_the_first_piece_to_the_last() -> None:
    seats = Seats("exports", most=1, most_of_one=1)
    sent = await begun(seats.seated("a", file(b"1", b"", b"2")))
    with pytest.raises(TooManyWaiting):
        await begun(seats.seated("b", file(b"3")))
    assert [piece async for piece in sent] == [b"1", b"2"]
    assert seats.taken == 0


async def test_who_goes_away_midway_leaves_its_seat() -> None:
    seats = Seats("exports", most=1, most_of_one=1)
    sent = await begun(seats.seated("a", file(b"1", b"2")))
    assert await anext(sent) == b"1"
    await sent.aclose()
    assert seats.taken == 0


async def test_what_fails_at_once_is_told_before_anything_is_sent() -> None:
    seats = Seats("exports", most=1, most_of_one=1)
    with pytest.raises(Unavailable):
        await begun(seats.seated("a", failing()))
    assert seats.taken == 0
