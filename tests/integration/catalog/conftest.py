"""A catalog on a database of its own, and clients of the app over it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

import api.problems
from api.routes import routers
from catalog import work
from catalog.accounts import Account
from catalog.catalog import Catalog, open_catalog
from catalog.migrate import migrate
from catalog.model import new_id
from catalog.operator import ensure_first_organization
from catalog.organizations import Organization
from catalog.principal import Principal
from catalog.schema import METADATA
from catalog.tokens import Token, Tokens, new_secret
from metering.balance import Place
from metering.command import Command
from metering.decision import Standing
from metering.grant import Grant
from stream.gateway import Answered
from tests.postgres import empty, fresh_database, postgres_server

Clients = Callable[[dict[str, str]], Awaitable[httpx.AsyncClient]]


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty catalog, to be copied: migrating takes longer than copying."""
    path = tmp_path_factory.mktemp("catalog") / "catalog.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A PostgreSQL server, started once."""
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="session")
def migrated_on_server(server: str) -> Iterator[str]:
    """A catalog on the server, to be emptied: that is faster than another database."""
    with fresh_database(server) as url:
        migrate(url)
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty catalog of the test's own, on each kind of database."""
    if request.param == "sqlite":
        return f"sqlite:///{shutil.copy(request.getfixturevalue('migrated'), tmp_path / 'catalog.db')}"
    on_server: str = request.getfixturevalue("migrated_on_server")
    empty(on_server, [table.name for table in METADATA.sorted_tables])
    return on_server


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with nothing in it yet, of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'fresh.db'}"
        return
    with fresh_database(request.getfixturevalue("server")) as url:
        yield url


@pytest.fixture
def sqlite_file(url: str) -> Path:
    if not url.startswith("sqlite"):
        pytest.skip("looks into the SQLite file")
    return Path(url.removeprefix("sqlite:///"))


@pytest.fixture
async def catalog(url: str) -> AsyncIterator[Catalog]:
    catalog = open_catalog(url)
    await catalog.feed.poll()
    yield catalog
    await catalog.close()


@pytest.fixture
async def other_replica(url: str) -> AsyncIterator[Catalog]:
    replica = open_catalog(url)
    await replica.feed.poll()
    yield replica
    await replica.close()


@pytest.fixture
async def token(catalog: Catalog) -> str:
    token = await ensure_first_organization(catalog.database)
    assert token is not None
    return token


@pytest.fixture
async def admin(catalog: Catalog, token: str) -> Principal:
    return await catalog.authenticator.authenticate(f"Bearer {token}")


@pytest.fixture(scope="session")
def routed() -> FastAPI:
    return _routed()


@pytest.fixture(scope="session")
def routed_too() -> FastAPI:
    return _routed()


def _routed() -> FastAPI:
    """The app with every route: made once, as that takes longer than most tests."""
    app = FastAPI()
    for router in routers():
        app.include_router(router)
        app.include_router(router, prefix="/api", include_in_schema=False)
    api.problems.install(app)
    return app


class Noted:
    """A cache that only notes what it is told."""

    def __init__(self) -> None:
        self.evicted: list[str] = []
        self.clearings = 0
        self.told = asyncio.Event()

    def evict(self, subject: str) -> None:
        self.evicted.append(subject)
        self.told.set()

    def clear(self) -> None:
        self.clearings += 1


class Reporters:
    """Stands in for the audit trail: `instances` are those whose reports were accepted."""

    def __init__(self) -> None:
        self.instances: list[str] = []

    async def query(self, name: str, **_: object) -> list[tuple[str, int]]:
        assert name == "entitlement_reporters"
        return [(instance, 1) for instance in self.instances]


class Meters:
    """Stands in for the log: `events` of those whose instances are named, and none of others."""

    def __init__(self) -> None:
        self.events: dict[str, int] = {}
        self.asked: list[str] = []

    async def submit(self, grant: Grant, command: Command) -> Answered:
        self.asked.append(grant.instance_id)
        events = self.events.get(grant.instance_id, 0)
        return Answered(0, Place(0, 0), Standing(Decimal(events), events, grant.period_at(command.received_at)))


@pytest.fixture
def meters() -> Meters:
    return Meters()


@pytest.fixture
def reporters() -> Reporters:
    return Reporters()


@pytest.fixture
def app(routed: FastAPI, catalog: Catalog, reporters: Reporters, meters: Meters) -> FastAPI:
    routed.state.catalog, routed.state.clickhouse, routed.state.gateway = catalog, reporters, meters
    return routed


@pytest.fixture
async def client_of(app: FastAPI) -> AsyncIterator[Clients]:
    """Clients of the app, each with its own headers."""
    async with AsyncExitStack() as clients:

        async def open_client(headers: dict[str, str]) -> httpx.AsyncClient:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            client = httpx.AsyncClient(transport=transport, base_url="http://tidemark", headers=headers)
            return await clients.enter_async_context(client)

        yield open_client


@pytest.fixture
async def anyone(client_of: Clients) -> httpx.AsyncClient:
    return await client_of({})


@pytest.fixture
async def client(client_of: Clients, token: str) -> httpx.AsyncClient:
    return await client_of({"Authorization": f"Bearer {token}"})


@pytest.fixture
async def clients(
    client: httpx.AsyncClient, routed_too: FastAPI, other_replica: Catalog
) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Clients of two replicas over one database."""
    routed_too.state.catalog = other_replica
    transport = httpx.ASGITransport(routed_too, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=client.base_url, headers=client.headers) as other:
        yield [client, other]


@pytest.fixture
async def stranger(client_of: Clients, catalog: Catalog) -> httpx.AsyncClient:
    """A client with every scope, of another organization."""
    return await client_of({"Authorization": f"Bearer {await _another_organization(catalog)}"})


@pytest.fixture
async def instance(client: httpx.AsyncClient) -> str:
    """An instance "prod" of customer "acme" under license "team", which grants 1,000 "calls"."""
    customer = (await client.post("/customers", json={"name": "Acme"})).json()
    await client.post("/entitlements", json={"name": "Calls", "type": "NUMBER"})
    license_ = (await client.post("/licenses", json={"name": "Team", "type": "PAID"})).json()
    granted = {"entitlementSlug": "calls", "value": {"type": "number", "value": 1000}}
    await client.post("/licenses/team/entitlements", json=granted)
    body = {"name": "Prod", "customerId": customer["id"], "licenseId": license_["id"]}
    answer = await client.post("/instances", json=body)
    assert answer.status_code == 201, answer.text
    return "prod"


async def _another_organization(catalog: Catalog) -> str:
    account = Account(id=new_id(), organization_id=new_id(), slug="admin", name="Admin")
    scopes = frozenset({"read:*", "write:*"})
    principal = Principal(account.organization_id, account.id, account.name, "", "admin", scopes)
    secret = new_secret()
    async with catalog.edit(principal) as edited:
        organization = Organization(id=account.organization_id, slug="other", name="Other")
        for row in (organization, account):
            work.stamp(row, principal, edited.now)
            edited.session.add(row)
            await edited.session.flush()
        await Tokens(edited, account).issue(Token(name="Admin", slug="admin", scopes=sorted(scopes)), secret)
    return secret
