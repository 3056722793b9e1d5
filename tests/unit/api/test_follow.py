"""Streams: what one client is told, whatever it missed and however slowly it reads."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import ExitStack, aclosing, asynccontextmanager
from typing import Any

import pytest

from api import broadcast, follow
from api.broadcast import Broadcast, Chunk, block
from api.follow import Follower
from api.live_event import Wanted, row_of
from metering.problems import Unauthenticated
from stream.position import LogPosition
from stream.records import audit_events, decode_decided
from tests.decisions_log import DecisionsLog, eventually, report
from tests.unit.stream.test_live import size_of, telling

WANTED = Wanted("acme", "prod-id", frozenset({"ACCEPTED", "REJECTED", "READ"}))


class History:
    """All that was ever decided, some records a page."""

    def __init__(self, log: DecisionsLog, records: int = 2) -> None:
        self._log = log
        self._records = records
        self.pages_read = 0

    def pages(self, _: Wanted) -> History:
        return self

    async def after(self, since: LogPosition) -> Chunk:
        self.pages_read += 1
        found, position = b"", since
        first = since[0].offset + 1
        for record in self._log.records[0][first : first + self._records]:
            for event in audit_events(decode_decided(record.value)):
                position = position.at(0, event.place)
                found += block(row_of(event), position)
        return Chunk(found, position)


async def allowed() -> None: ...


@asynccontextmanager
async def following(log: DecisionsLog, **others: Any) -> AsyncIterator[tuple[Broadcast, History]]:
    async with telling(log, **others) as told:
        yield Broadcast(told.live), History(log)


async def read(stream: AsyncGenerator[bytes], events: int) -> list[tuple[str, str]]:
    """The next events: position and id."""
    found: list[tuple[str, str]] = []
    async with asyncio.timeout(5):
        while len(found) < events:
            for part in (await anext(stream)).decode().split("\n\n"):
                fields = dict(line.split(": ", 1) for line in part.splitlines())
                if "data" in fields:
                    found.append((fields["id"], json.loads(fields["data"])["id"]))
    return found


async def test_what_was_missed_comes_first_and_then_what_happens() -> None:
    log = DecisionsLog()
    for _ in range(5):
        log.decide(report(), report())
    async with following(log) as (live, history):
        stream = Follower(live, history, WANTED, allowed).blocks(LogPosition.parse("0:2-0"))  # type: ignore[arg-type]
        async with aclosing(stream):
            missed = await read(stream, 5)
            log.decide(report())
            live_ones = await read(stream, 1)
    assert missed == [(f"0:{place}", f"0-{place}") for place in ("2-1", "3-0", "3-1", "4-0", "4-1")]
    assert live_ones == [("0:5-0", "0-5-0")]
    assert live.listeners == 0


async def test_what_memory_forgot_is_read_from_history() -> None:
    log = DecisionsLog()
    for _ in range(9):
        log.decide(report())
    async with following(log, remembered_bytes=2 * size_of(log)) as (live, history):
        await eventually(lambda: str(live.live.position) == "0:8-0")
        stream = Follower(live, history, WANTED, allowed).blocks(LogPosition.parse("0:1-0"))  # type: ignore[arg-type]
        async with aclosing(stream):
            assert [event for _, event in await read(stream, 7)] == [f"0-{offset}-0" for offset in range(2, 9)]
    assert history.pages_read >= 2


async def test_a_client_that_reads_slowly_falls_back_to_history_and_misses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(broadcast, "MOST_WAITING", 2_000)
    monkeypatch.setattr(broadcast, "PACE_SECONDS", 0)
    log = DecisionsLog()
    async with following(log, remembered_bytes=100) as (live, history):
        stream = Follower(live, history, WANTED, allowed).blocks(None)  # type: ignore[arg-type]
        async with aclosing(stream):
            await anext(stream)
            log.decide(report())
            assert await read(stream, 1)
            for _ in range(20):
                log.decide(report())
            await eventually(lambda: str(live.live.position) == "0:20-0")
            assert [event for _, event in await read(stream, 20)] == [f"0-{offset}-0" for offset in range(1, 21)]
            log.decide(report())
            assert await read(stream, 1) == [("0:21-0", "0-21-0")]
    assert history.pages_read > 0


async def test_a_quiet_stream_moves_its_position_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(follow, "ALLOWED_EVERY", 0.02)
    log = DecisionsLog()
    async with following(log) as (live, history):
        nobody = Wanted("acme", "other-id", WANTED.statuses)
        stream = Follower(live, history, nobody, allowed).blocks(None)  # type: ignore[arg-type]
        async with aclosing(stream):
            assert await anext(stream) == b"retry: 1000\nid: -\n\n"
            log.decide(report())
            await eventually(lambda: str(live.live.position) == "0:0-0")
            assert await anext(stream) == b": still here\nid: 0:0-0\n\n"


async def test_nothing_is_told_once_the_client_may_no_longer_listen() -> None:
    log, may_listen = DecisionsLog(), True

    async def ensure_allowed() -> None:
        if not may_listen:
            raise Unauthenticated("The token is unknown, expired or revoked.")

    async with following(log) as (live, history):
        stream = Follower(live, history, WANTED, ensure_allowed).blocks(None)  # type: ignore[arg-type]
        async with aclosing(stream):
            await anext(stream)
            log.decide(report())
            assert await read(stream, 1)
            may_listen = False
            log.decide(report())
            assert (await anext(stream)).startswith(b"event: end\n")


async def test_a_token_that_no_longer_holds_ends_the_stream_with_its_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "ALLOWED_EVERY", 0.02)

    async def revoked() -> None:
        raise Unauthenticated("The token is unknown, expired or revoked.")

    async with following(DecisionsLog()) as (live, history):
        sent = [it async for it in Follower(live, history, WANTED, revoked).blocks(None)]  # type: ignore[arg-type]
    assert sent[-1].startswith(b"event: end\ndata: {")
    assert json.loads(sent[-1].split(b"data: ")[1])["status"] == 401


async def test_closing_ends_every_stream() -> None:
    async with following(DecisionsLog()) as (live, history):
        stream = Follower(live, history, WANTED, allowed).blocks(None)  # type: ignore[arg-type]
        await anext(stream)
        ending = asyncio.create_task(anext(stream))
        await eventually(lambda: live.listeners == 1)
        live.close()
        assert (await asyncio.wait_for(ending, 5)).startswith(b"event: end")
        assert await anext(stream, None) is None
        assert live.listeners == 0


async def test_an_event_is_one_line_whatever_its_metadata_is() -> None:
    log = DecisionsLog()
    async with following(log) as (live, history):
        stream = Follower(live, history, WANTED, allowed).blocks(None)  # type: ignore[arg-type]
        async with aclosing(stream):
            await anext(stream)
            log.decide(report(metadata=b'{"a":\r\n1}'))
            assert await read(stream, 1) == [("0:0-0", "0-0-0")]


async def test_the_more_streams_there_are_the_less_often_each_sends() -> None:
    async with following(DecisionsLog()) as (live, _):
        with ExitStack() as listening:
            few = live.pace
            for _ in range(2_000):
                listening.enter_context(live.listening(WANTED))
            assert live.pace * broadcast._MOST_SENDS == 2_000
            assert few < live.pace
        assert live.pace == few
