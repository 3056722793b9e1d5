"""Exporting: any number of audit events as one file, page by page along the table's key, in constant memory.

Each page is a question of its own, with the bounds and the turns that every question has, so that an export of years
holds up nobody. A page that fails ends the answer without its end, which an HTTP client notices.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from api.encoding import Encoder
from api.export_format import Writer
from api.trail import Trail
from metering.problems import Fault, Invalid
from sql.clickhouse import Overflown
from sql.instants import END, EPOCH, micros

#: With the largest metadata a page has 20 MB.
PAGE_ROWS: Final = 5_000


class Mark(NamedTuple):
    """The place of a row in the order of an export."""

    instance: str
    time: int
    partition: int
    offset: int
    position: int

    def parameters(self, prefix: str) -> dict[str, Any]:
        return {f"{prefix}_{name}": value for name, value in self._asdict().items()}


_BEGINNING: Final = Mark("", 0, 0, 0, 0)
_END: Final = Mark("\U0010ffff", micros(END), 65_535, (1 << 64) - 1, (1 << 32) - 1)


@dataclass(frozen=True)
class Exported:
    """Which events: of the whole organization or one of its instances, received in [since, until)."""

    instance_id: str | None
    since: datetime | None
    until: datetime
    statuses: list[str]
    entitlement: str = ""
    token: str = ""

    @property
    def parameters(self) -> dict[str, Any]:
        return {
            "instance": self.instance_id or "",
            "since": max(micros(self.since or EPOCH), 0),
            "until": min(max(micros(self.until), 0), micros(END)),
            "statuses": self.statuses,
            "entitlement": self.entitlement,
            "token": self.token,
        }


async def pieces(trail: Trail, wanted: Exported, writer: Writer, encoder: Encoder) -> AsyncGenerator[bytes]:
    """The file, a piece a page. Raises `Unavailable` where a page can't be read, `Invalid` where its format has no room
    for a number; midway too.
    """
    after, to, begun = _BEGINNING, _BEGINNING, writer.begin()
    while to != _END:
        to = await _page_end(trail, wanted, after)
        marks = {**after.parameters("after"), **to.parameters("to")}
        page = await _page(trail, writer, {**wanted.parameters, **marks})
        yield await asyncio.to_thread(_encoded, encoder, writer, begun, page)
        after, begun = to, b""
    yield await asyncio.to_thread(lambda: encoder.compress(writer.end()) + encoder.flush())


async def _page(trail: Trail, writer: Writer, parameters: dict[str, Any]) -> bytes:
    try:
        return await trail.formatted(writer.query, writer.told_as, **parameters)
    except Overflown:
        fault = Fault("query.format", "holds 38 digits; csv and ndjson hold them all")
        raise Invalid("A value has more digits than the format holds.", faults=[fault]) from None


def _encoded(encoder: Encoder, writer: Writer, begun: bytes, page: bytes) -> bytes:
    return encoder.compress(begun + writer.add(page))


async def _page_end(trail: Trail, wanted: Exported, after: Mark) -> Mark:
    found = await trail.query("export_bound", **wanted.parameters, **after.parameters("after"), skip=PAGE_ROWS - 1)
    return Mark(*found[0]) if found else _END
