"""The export routes over an engine; as a program, an export of many rows in constant memory.

`python -m tests.integration.sql.exporting DIRECTORY ROWS` writes rows of some 3 kB, exports a third of them to warm up
and then all, and prints for each format the bytes of the whole export, and by how many the process grew during it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import httpx
import psutil
from fastapi import FastAPI

import api.export
import api.problems
from api.export_format import Format
from catalog.principal import Principal
from metering.problems import ResourceNotFound
from sql.clickhouse import ClickHouse, open_clickhouse

PATH = "/audit-trails/export"
ORGANIZATION = "acme"

_ROWS = """
INSERT INTO decisions (
    organization_id, instance_id, instance_slug, entitlement_id, entitlement_slug, license_id, license_slug,
    license_version, received_at, partition, offset, position, decided_ahead, sequence, status, reason, crossing,
    behavior, event_lag, value, adjustment, after, uncounted, limit, overage_percent, rolled_over, transaction, token,
    metadata)
SELECT
    {organization:String}, concat('instance-', toString(number % 7)), 'prod', 'e', 'calls', 'l', 'gold',
    '1', toDateTime64('2026-11-01 00:00:00', 6, 'UTC') + intDiv(number, 2), number % 4, intDiv(number, 4), 0,
    0, number, 'ACCEPTED', '', '', 'append',
    0, 0.1, 0, number / 10 + 0.1, 0, -1, 0, '', toString(cityHash64(number)), 'collector',
    concat('{"trace":"', base64Encode(randomString(2250)), '"}')
FROM numbers({rows:UInt64})
"""


class Everywhere:
    """A resolver and an authenticator of one organization whose instance `prod` is `prod-id`."""

    def __init__(self, organization: str) -> None:
        self._principal = Principal(organization, "a", "a", "t", "t", frozenset({"read:instances"}))

    async def instance_id(self, _: str, slug: str) -> str:
        if slug != "prod":
            raise ResourceNotFound("Instance", slug)
        return "prod-id"

    async def admit(self, _: str | None) -> Principal:
        return self._principal


def export_app(clickhouse: ClickHouse, organization: str) -> FastAPI:
    app = FastAPI()
    app.include_router(api.export.router)
    api.problems.install(app)
    app.state.clickhouse = clickhouse
    everywhere = Everywhere(organization)
    app.state.catalog = SimpleNamespace(resolver=everywhere, authenticator=everywhere)
    return app


async def write_rows(clickhouse: ClickHouse, organization: str, rows: int) -> None:
    parameters = {"organization": organization, "rows": rows}
    await clickhouse._writer.run(lambda client: client.command(_ROWS, parameters=parameters))


async def export(app: FastAPI, **query: str) -> tuple[int, int]:
    """The size of an export that nobody keeps, and the most memory that the process had meanwhile."""
    size, most, process = 0, 0, psutil.Process()

    async def send(message: dict[str, object]) -> None:
        nonlocal size, most
        size += len(bytes(message.get("body", b"")))  # type: ignore[call-overload]
        most = max(most, process.memory_info().rss)

    request = httpx.Request("GET", f"http://tidemark{PATH}", params=query)
    scope = {"type": "http", "method": "GET", "path": PATH, "headers": [], "query_string": request.url.query}
    await app({**scope, "asgi": {"version": "3.0", "spec_version": "2.4"}}, _nothing, send)  # type: ignore[arg-type]
    return size, most


async def _nothing() -> dict[str, object]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def main(directory: str, rows: int) -> None:
    async with open_clickhouse(f"chdb://{directory}") as clickhouse:
        await clickhouse.migrate()
        await write_rows(clickhouse, ORGANIZATION, rows)
        app = export_app(clickhouse, ORGANIZATION)
        third = datetime(2026, 11, 1, tzinfo=UTC) + timedelta(seconds=rows // 6)
        measured = {}
        for wanted in Format:
            _, before = await export(app, format=wanted, to=third.isoformat())
            size, most = await export(app, format=wanted, to="2027-01-01T00:00:00Z")
            measured[wanted] = (size, most - before)
    sys.stdout.write(json.dumps(measured))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
