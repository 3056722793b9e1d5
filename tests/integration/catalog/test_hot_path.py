"""The way of a report through the catalog: nothing is asked of the database once a meter is known."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import event
from starlette.applications import Starlette
from starlette.routing import Route

from catalog.catalog import Catalog
from catalog.principal import Principal
from ingest.report import PATH, Ingest
from metering.balance import NEW_BALANCE, Place
from metering.command import Command
from metering.decision import decide
from metering.grant import Grant
from stream.gateway import Answered, Gateway

REPORT = {"value": {"type": "number", "value": 1}}


class Deciding(Gateway):
    """Decides at once, with no log."""

    def __init__(self) -> None:
        self.balance = NEW_BALANCE

    async def submit(self, grant: Grant, command: Command) -> Answered:
        place = Place(self.balance.sequence, 0)
        self.balance, answer = decide(self.balance, command, grant, place)
        return Answered(0, place, answer)

    async def enqueue(self, grant: Grant, report: Any) -> str:
        raise NotImplementedError


@pytest.fixture
def statements(catalog: Catalog) -> Iterator[list[str]]:
    """What is asked of the database."""
    asked: list[str] = []

    def note(*call: Any) -> None:
        asked.append(call[2])

    engine = catalog.database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    yield asked
    event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
async def reporter(catalog: Catalog, token: str) -> AsyncIterator[httpx.AsyncClient]:
    edge = Ingest(catalog, Deciding(), timedelta(hours=24))
    app = Starlette(routes=[Route(PATH, edge.report_usage, methods=["POST"])])
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x", headers=headers) as client:
        yield client


async def test_a_report_on_a_known_meter_asks_the_database_for_nothing(
    reporter: httpx.AsyncClient, instance: str, statements: list[str]
) -> None:
    path = f"/instances/{instance}/entitlements/calls/usage"
    assert (await reporter.post(path, json=REPORT)).status_code == 200
    assert statements, "the first report had to ask"
    statements.clear()
    answers = [await reporter.post(path, json=REPORT) for _ in range(50)]
    assert {answer.status_code for answer in answers} == {200}
    assert statements == []


async def test_an_edit_costs_the_next_report_one_look(
    reporter: httpx.AsyncClient, client: httpx.AsyncClient, instance: str, statements: list[str]
) -> None:
    path = f"/instances/{instance}/entitlements/calls/usage"
    await reporter.post(path, json=REPORT)
    await client.patch(f"/instances/{instance}", json={"description": "edited"})
    statements.clear()
    await reporter.post(path, json=REPORT)
    looks = len([one for one in statements if one.startswith("SELECT")])
    statements.clear()
    await reporter.post(path, json=REPORT)
    assert (looks, statements) == (2, [])


async def test_ids_that_were_seen_before_are_not_asked_for(
    catalog: Catalog, admin: Principal, instance: str, statements: list[str]
) -> None:
    meter = admin.organization_id, instance, "calls"
    ids = (await catalog.resolver.resolve(*meter)).instance_id, await catalog.resolver.instance_id(*meter[:2])
    statements.clear()
    assert ids == ((await catalog.resolver.meter_ids(*meter))[0], await catalog.resolver.instance_id(*meter[:2]))
    assert statements == []
