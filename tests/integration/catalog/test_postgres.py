"""What only a server can do to the catalog: go away, and come back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from fastapi import FastAPI

from catalog.catalog import Catalog, open_catalog
from catalog.feed import ChangeFeed
from catalog.migrate import migrate
from catalog.operator import ensure_first_organization
from metering.problems import Unavailable
from tests.integration.catalog.conftest import Noted
from tests.postgres import close_for_all, fresh_database, open_again


@pytest.fixture
def url(server: str) -> Iterator[str]:
    with fresh_database(server) as url:
        migrate(url)
        yield url


@pytest.fixture
async def visitor(routed: FastAPI, url: str) -> AsyncIterator[tuple[httpx.AsyncClient, Catalog]]:
    catalog = routed.state.catalog = open_catalog(url)
    token = await ensure_first_organization(catalog.database)
    transport, headers = httpx.ASGITransport(routed, raise_app_exceptions=False), {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://x", headers=headers) as client:
        yield client, catalog
    await catalog.close()


async def test_while_the_server_lets_nobody_in_it_is_503_and_then_it_goes_on(
    visitor: tuple[httpx.AsyncClient, Catalog], server: str, url: str
) -> None:
    client, _ = visitor
    assert (await client.get("/customers")).status_code == 200
    await close_for_all(server, url)
    for answer in (await client.get("/customers"), await client.post("/customers", json={"name": "Acme"})):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["code"].endswith(".Unavailable")
    await open_again(server, url)
    assert (await client.post("/customers", json={"name": "Acme"})).status_code == 201


async def test_the_feed_outlives_a_server_that_lets_nobody_in(
    visitor: tuple[httpx.AsyncClient, Catalog], server: str, url: str
) -> None:
    client, catalog = visitor
    cache = Noted()
    feed = ChangeFeed(catalog.database, [cache])
    await feed.poll()
    await close_for_all(server, url)
    with pytest.raises(Unavailable):
        await feed.poll()
    await open_again(server, url)
    await client.post("/licenses", json={"name": "Team", "type": "PAID"})
    await client.put("/licenses/team", json={"name": "Team", "type": "PAID"})
    await feed.poll()
    assert cache.evicted


def test_migrating_where_nobody_is_let_in_says_so(server: str) -> None:
    with fresh_database(server) as url, pytest.raises(Unavailable):
        migrate(url.replace("/fresh_", "/nowhere_"))
