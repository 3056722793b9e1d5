"""Recovery under load: Faust by the book empties its queues after the source flows again; ours before.

Driven step by step, over Faust's own recovery and queues, with a source that has records at every moment it may flow.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
from faust.tables.recovery import Recovery
from faust.types import TP
from mode.utils.queues import FlowControlEvent, FlowControlQueue

from stream.faust.recovery import ContiguousRecovery
from stream.topics import USAGE

pytestmark = pytest.mark.faults

SOURCE = TP(USAGE, 0)
COMMITTED = 5
END = 8
GENERATION = 1


class BusySource:
    """The consumer of a partition under load: what is in the log is fetched at once, whenever the partition flows.

    Its fetcher ran during recovery too (it reads the changelog), so a resumed partition waits for nothing else.
    """

    def __init__(self, queue: FlowControlQueue[int]) -> None:
        self._queue = queue
        self._position = 0
        self._flows = False
        self._committed_offset: dict[TP, int] = {}

    def assignment(self) -> set[TP]:
        return {SOURCE}

    async def earliest_offsets(self, *_: TP) -> dict[TP, int]:
        return {SOURCE: 0}

    async def perform_seek(self) -> None:
        await self.seek_wait({SOURCE: COMMITTED})

    async def seek_wait(self, offsets: dict[TP, int]) -> None:
        self._position = offsets[SOURCE]
        self.fetch()

    def resume_partitions(self, _: set[TP]) -> None:
        self._flows = True
        self.fetch()

    def resume_flow(self) -> None:
        self.fetch()

    def fetch(self) -> None:
        if self._flows:
            for offset in range(self._position, END):
                self._queue.put_nowait(offset)
            self._position = END


@pytest.fixture
def flow_control() -> FlowControlEvent:
    return FlowControlEvent()


@pytest.fixture
def queue(flow_control: FlowControlEvent) -> FlowControlQueue[int]:
    """The agent's stream, as Faust makes it."""
    return FlowControlQueue(flow_control=flow_control, clear_on_resume=True)


@pytest.fixture
def app(flow_control: FlowControlEvent, queue: FlowControlQueue[int]) -> Any:
    app = Mock(name="app", flow_control=flow_control, consumer=BusySource(queue), consumer_generation_id=GENERATION)
    app.conf = SimpleNamespace(stream_recovery_delay=0, broker_request_timeout=1.0)
    app.on_rebalance_complete.send = AsyncMock()
    app._fetcher.maybe_start = AsyncMock()
    return app


def tables() -> Any:
    owner = Mock(name="owner", rebuild=AsyncMock())
    owner.start_of.return_value = COMMITTED
    made = Mock(name="tables", owner=owner, changelog_topics=frozenset(), revocations=0)
    made.values.return_value = []
    return made


def delivered(queue: FlowControlQueue[int]) -> list[int]:
    return [queue.get_nowait() for _ in range(queue.qsize())]


async def test_faust_by_the_book_loses_what_it_fetched_before_its_queues_were_emptied(
    app: Any, queue: FlowControlQueue[int]
) -> None:
    await Recovery(app, tables()).on_recovery_completed(GENERATION)
    app.consumer.fetch()
    assert delivered(queue) == [], "should this fail on a new Faust: is our recovery still needed?"


async def test_our_recovery_delivers_every_record_from_where_the_state_stands(
    app: Any, queue: FlowControlQueue[int]
) -> None:
    await ContiguousRecovery(app, tables())._recover(GENERATION)
    app.consumer.fetch()
    assert delivered(queue) == [*range(COMMITTED, END)]


async def test_what_the_group_takes_away_in_the_middle_is_not_opened(app: Any, queue: FlowControlQueue[int]) -> None:
    """A worker that was frozen in its recovery wakes to this: revoked, and not assigned anew yet."""
    recovering = tables()

    async def revoked(*_: TP) -> dict[TP, int]:
        recovering.revocations += 1
        return {SOURCE: 0}

    app.consumer.earliest_offsets = revoked
    await ContiguousRecovery(app, recovering)._recover(GENERATION)
    app.consumer.fetch()
    recovering.owner.open.assert_not_called()
    recovering.owner.settle.assert_not_called()
    assert delivered(queue) == []


async def test_nothing_from_before_is_at_work_beside_what_is_recovered(app: Any) -> None:
    recovering = tables()
    await ContiguousRecovery(app, recovering)._recover(GENERATION)
    calls = [name for name, *_ in recovering.owner.method_calls]
    assert calls == ["drop", "start_of", "open", "settle"]
