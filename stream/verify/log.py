"""The whole log, verified partition by partition."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from metering.balance import Place
from stream.reader import Reader, Record
from stream.state import PartitionState
from stream.store import Store
from stream.topics import DECISIONS, USAGE
from stream.verify.balances import Balances
from stream.verify.decisions import Decisions
from stream.verify.findings import Findings
from stream.verify.replay import Replay
from stream.verify.rows import Rows, Trail
from stream.verify.scratch import scratch_store
from stream.verify.span import Span


class Log(Reader, Protocol):
    """What is verified; `worker_log.WorkerLog` is the real one."""

    async def partitions(self, topic: str) -> list[int]: ...

    async def rebuild(self, store: Store, partition: int) -> None:
        """Fill the store as a recovery would, from the changelog."""


@dataclass(frozen=True)
class Watch:
    """Who is told how far it is: `begin` how many records there are, anew when there are more; `advance` each done."""

    begin: Callable[[int], object] = lambda _: None
    advance: Callable[[], object] = lambda: None


class Verification:
    """Replays `log` and holds its decisions, its balances and the rows of `trail` (None: no rows) against the replay.

    May be run while workers and sink go on: each partition is verified as far as they had come when its turn began.
    What does not fit memory lies under `scratch` meanwhile.
    """

    def __init__(self, log: Log, trail: Trail | None, scratch: Path, watch: Watch) -> None:
        self.findings: Final = Findings()
        self.spans: Final[list[Span]] = []
        self._log = log
        self._trail = trail
        self._scratch = scratch
        self._watch = watch
        self._sizes: dict[int, int] = {}

    async def run(self) -> Findings:
        partitions = await self._log.partitions(USAGE)
        self._sizes = {partition: len(await self._log.span(USAGE, partition)) for partition in partitions}
        for partition in partitions:
            with ExitStack() as stack:
                directory = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=self._scratch, prefix="verify-")))
                stores = [stack.enter_context(scratch_store(directory / name)) for name in ("state", "kept", "answers")]
                await self._verify(partition, len(partitions), *stores)
        return self.findings

    async def _verify(self, partition: int, partitions: int, state: Store, kept: Store, answers: Store) -> None:
        rows = await self._last_row(partition)
        span = await self._span(partition, kept)
        self.spans.append(span)
        self._sizes[partition] = len(span.usage)  # it may have grown
        self._watch.begin(sum(self._sizes.values()))
        replay = Replay(state, partition, partitions)
        balances = Balances(span, kept, replay.state, self.findings)
        async with aclosing(self._log.read(DECISIONS, partition, span.decisions)) as records:
            decisions = Decisions(span, records, answers, self.findings)
            held = Rows(span, self._trail, rows, self.findings) if self._trail and rows else None
            async with aclosing(self._log.read(USAGE, partition, span.usage)) as usage:
                await self._hold(usage, replay, decisions, balances, held)

    async def _hold(
        self,
        usage: AsyncGenerator[Record, None],
        replay: Replay,
        decisions: Decisions,
        balances: Balances,
        rows: Rows | None,
    ) -> None:
        async for record in usage:
            folded = replay.fold(record)
            self.findings.note(folded.batch)
            decided = await decisions.hold(folded)
            balances.hold(folded)
            if rows is not None and decided is not None:
                await rows.add(decided)
            self._watch.advance()
        await decisions.finish()
        balances.finish()
        if rows is not None:
            await rows.finish()

    async def _last_row(self, partition: int) -> Place | None:
        """Where the sink stands; read before the topics, so that they hold all that it has brought."""
        if self._trail is None:
            return None
        places = {row[0]: Place(*row[1]) for row in await self._trail.query("places")}
        return places.get(partition)

    async def _span(self, partition: int, kept: Store) -> Span:
        """Each end is read after those that follow it, so that nothing seems missing which is only late."""
        await self._log.rebuild(kept, partition)
        done = PartitionState(kept).next_offset or 0
        decisions = await self._log.span(DECISIONS, partition)
        return Span(partition, done, await self._log.span(USAGE, partition), decisions)
