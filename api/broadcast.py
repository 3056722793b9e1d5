"""The broadcast: each decision is rendered once, and handed to every listener that wants it.

Listeners that want the same share their blocks, so a thousand of them cost a thousand references. What waits for a
listener is bounded: one that falls behind is let go, and has to catch up from history.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from api.audit_event import shown
from api.audit_search import Searched
from api.json import encode
from api.live_event import Scope, Wanted, row_of
from stream.live import Heard, Live
from stream.position import LogPosition
from stream.records import AuditEvent

#: Bytes that may wait for one listener.
MOST_WAITING: Final = 256 << 10
_RECORDS_A_CHUNK: Final = 1_000
#: A stream sends at most so often, whatever happens; what comes after a pause goes at once.
PACE_SECONDS: Final = 0.1
#: What all streams together send a second at most: more of them send less often, and leave the process to its reports.
_MOST_SENDS: Final = 5_000
_ONE_LINE: Final = bytes.maketrans(b"\r\n", b"  ")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Blocks for the wire, and the position that they end at."""

    blocks: bytes
    position: LogPosition


class Listener:
    """What waits for one client."""

    def __init__(self) -> None:
        self.fell_behind = False
        self._chunks: deque[Chunk] = deque()
        self._waiting = 0
        self._filled = asyncio.Event()

    def put(self, chunk: Chunk) -> None:
        self._chunks.append(chunk)
        self._waiting += len(chunk.blocks)
        self.fell_behind = self.fell_behind or self._waiting > MOST_WAITING
        if self.fell_behind:
            self._chunks.clear()
        self._filled.set()

    async def wait(self) -> None:
        """Until there is something to take, or it fell behind."""
        await self._filled.wait()

    def wake(self) -> None:
        self._filled.set()

    def take(self) -> Chunk | None:
        """All that came since, as one; None when nothing did."""
        self._filled.clear()
        if not self._chunks:
            return None
        chunks = [*self._chunks]
        self._chunks.clear()
        self._waiting = 0
        return Chunk(b"".join(chunk.blocks for chunk in chunks), chunks[-1].position)


class Broadcast:
    """Close it before the server stops: it ends every stream."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.closed = False
        self.listeners = 0
        self._groups: defaultdict[Scope, dict[Wanted, set[Listener]]] = defaultdict(dict)
        live.listener = self._hear

    @property
    def pace(self) -> float:
        """Seconds that a stream pauses after it sent something."""
        return max(PACE_SECONDS, self.listeners / _MOST_SENDS)

    def close(self) -> None:
        self.closed = True
        for groups in self._groups.values():
            for listener in set().union(*groups.values()):
                listener.wake()

    def remembered(self, wanted: Wanted, since: LogPosition) -> Chunk | None:
        """What is wanted and was told after `since`, or the first of it; None when not all of that is remembered."""
        missed = self.live.since(since)
        if missed is None:
            return None
        position, blocks = since, []
        for heard in missed[:_RECORDS_A_CHUNK]:
            blocks += [
                block(row, position.at(heard.partition, event.place))
                for event in heard.events
                if event.place > since[heard.partition]
                and wanted.is_about(event)
                and wanted.takes(Searched(row := row_of(event)))
            ]
            position = position.joined(heard.position)
        return Chunk(b"".join(blocks), position)

    @contextmanager
    def listening(self, wanted: Wanted) -> Iterator[Listener]:
        """Gather what is told from here on."""
        listener = Listener()
        group = self._groups[wanted.scope].setdefault(wanted, set())
        group.add(listener)
        self.listeners += 1
        try:
            yield listener
        finally:
            self.listeners -= 1
            group.discard(listener)
            self._tidy(wanted)

    def _tidy(self, wanted: Wanted) -> None:
        groups = self._groups[wanted.scope]
        if not groups[wanted]:
            del groups[wanted]
        if not groups:
            del self._groups[wanted.scope]

    def _hear(self, heard: Heard) -> None:
        found: defaultdict[Wanted, list[bytes]] = defaultdict(list)
        for event in heard.events:
            if groups := [*self._wanting(event)]:
                row = row_of(event)
                rendered = block(row, heard.before.at(heard.partition, event.place))
                searched = Searched(row)
                for wanted in groups:
                    if wanted.takes(searched):
                        found[wanted].append(rendered)
        for wanted, blocks in found.items():
            chunk = Chunk(b"".join(blocks), heard.position)
            for listener in self._groups[wanted.scope][wanted]:
                listener.put(chunk)

    def _wanting(self, event: AuditEvent) -> Iterator[Wanted]:
        """Those whose scope the event is in."""
        if not self._groups:
            return
        for scope in ((event.grant.organization_id, event.grant.instance_id), (event.grant.organization_id, None)):
            yield from self._groups.get(scope, ())


def block(row: dict[str, Any], position: LogPosition) -> bytes:
    """One event of the stream: the item as the list shows it, under the position that it completes."""
    item = encode(shown(row)).translate(_ONE_LINE)  # stored JSON may have line breaks, outside of its texts
    return b"id: %b\ndata: %b\n\n" % (str(position).encode(), item)
