"""The log that the workers write, as a verification reads it."""

from __future__ import annotations

from stream.faust.recovery import rebuild
from stream.reader import LogReader
from stream.store import Store
from stream.topics import BALANCES


class WorkerLog(LogReader):
    async def rebuild(self, store: Store, partition: int) -> None:
        await rebuild(store, BALANCES, partition, self.bootstrap_servers)
