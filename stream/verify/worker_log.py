"""The log that the workers write, as a verification reads it."""

from __future__ import annotations

from collections.abc import Mapping

from stream.faust.recovery import rebuild
from stream.reader import LogReader
from stream.store import Store
from stream.topics import BALANCES, USAGE
from stream.worker import GROUP


class WorkerLog(LogReader):
    async def done(self) -> Mapping[int, int]:
        return await self.committed(GROUP, USAGE)

    async def rebuild(self, store: Store, partition: int) -> None:
        await rebuild(store, BALANCES, partition, self.bootstrap_servers)
