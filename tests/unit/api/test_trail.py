"""How many questions an organization may ask at once, and what of an answer that is none."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.json import Decoder

from api.trail import Recent, Trail, Turns
from metering.problems import Unavailable


class Slow:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.may_answer = asyncio.Event()

    async def query(self, name: str, **parameters: object) -> list[tuple[Any, ...]]:
        self.asked.append(str(parameters["organization"]))
        await self.may_answer.wait()
        return []


async def test_an_organization_that_asks_a_lot_leaves_room_for_another() -> None:
    slow, turns = Slow(), Turns(at_once=2)
    greedy, modest = (Trail(slow, turns, name, Recent()) for name in ("greedy", "modest"))  # type: ignore[arg-type]
    async with asyncio.TaskGroup() as tasks:
        for _ in range(10):
            tasks.create_task(greedy.query("places"))
        tasks.create_task(modest.query("places"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert sorted(slow.asked) == ["greedy", "greedy", "modest"]
        slow.may_answer.set()
    assert slow.asked.count("greedy") == 10


async def test_who_waits_too_long_for_a_turn_is_told_so() -> None:
    slow, turns = Slow(), Turns(at_once=1, wait=0.01)
    trail = Trail(slow, turns, "greedy", Recent())  # type: ignore[arg-type]
    first = asyncio.create_task(trail.query("places"))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="under way already") as refused:
        await trail.query("places")
    assert refused.value.headers["Retry-After"]
    slow.may_answer.set()
    assert await first == []
    assert await trail.query("places") == []


async def test_an_answer_that_broke_off_is_unavailable_and_no_fault_of_the_question() -> None:
    async def formatted(*_: object, **__: object) -> bytes:
        return b"[0, nu"

    clickhouse: Any = SimpleNamespace(formatted=formatted)
    with pytest.raises(Unavailable):
        await Trail(clickhouse, Turns(), "acme", Recent()).read(Decoder(), "usage_history")
