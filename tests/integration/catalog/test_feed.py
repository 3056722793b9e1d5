"""The change feed: no replica misses an edit, or trusts its caches for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from catalog.catalog import Catalog
from catalog.database import Database
from catalog.feed import CURRENT_WITHIN, KEPT, TRUSTED_FOR, Change, ChangeFeed
from catalog.operator import create_token, revoke_token
from metering.problems import Unauthenticated, Unavailable
from tests.clock import Clock
from tests.integration.catalog.conftest import Noted


class Away(Database):
    """A database that cannot be reached."""

    def __init__(self) -> None:
        self.asked = 0
        self.asked_thrice = asyncio.Event()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[None]:  # type: ignore[override]
        self.asked += 1
        if self.asked == 3:
            self.asked_thrice.set()
        raise Unavailable("away")
        yield


async def _edit(database: Database, *subjects: str, at: datetime | None = None) -> None:
    async with database.edit() as session:
        session.add_all(Change(subject=subject, at=at or datetime.now(UTC)) for subject in subjects)


async def test_each_edit_is_read_once_and_in_order(catalog: Catalog) -> None:
    cache = Noted()
    feed = ChangeFeed(catalog.database, [cache])
    await _edit(catalog.database, "before")
    await feed.poll()
    await _edit(catalog.database, "a", "b")
    await feed.poll()
    await _edit(catalog.database, "c")
    await feed.poll()
    await feed.poll()
    assert cache.evicted == ["a", "b", "c"]


async def test_what_was_cached_before_the_first_poll_is_forgotten(catalog: Catalog) -> None:
    cache = Noted()
    feed = ChangeFeed(catalog.database, [cache])
    await feed.poll()
    await feed.poll()
    assert cache.clearings == 1


async def test_edits_of_many_writers_are_all_seen(catalog: Catalog, other_replica: Catalog) -> None:
    cache = Noted()
    feed = ChangeFeed(catalog.database, [cache])
    await feed.poll()
    writers = [_edit(one.database, f"{number}") for number in range(20) for one in (catalog, other_replica)]
    polls = [feed.poll() for _ in range(20)]
    await asyncio.gather(*writers, *polls)
    await feed.poll()
    assert set(cache.evicted) == {f"{number}" for number in range(20)}


async def test_a_revoked_token_is_refused_by_every_replica(
    catalog: Catalog, other_replica: Catalog, token: str
) -> None:
    _, secret = await create_token(catalog.database, "CI")
    await other_replica.authenticator.authenticate(f"Bearer {secret}")
    await revoke_token(catalog.database, "ci")
    await other_replica.feed.poll()
    with pytest.raises(Unauthenticated):
        await other_replica.authenticator.authenticate(f"Bearer {secret}")


async def test_the_running_feed_brings_an_edit_within_a_second(catalog: Catalog, other_replica: Catalog) -> None:
    cache = Noted()
    feed = ChangeFeed(other_replica.database, [cache])
    await feed.poll()
    running = asyncio.create_task(feed.run())
    await _edit(catalog.database, "a")
    async with asyncio.timeout(1):
        await cache.told.wait()
    assert (cache.evicted, feed.is_current) == (["a"], True)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_what_is_read_before_an_edit_is_not_kept_after_it(catalog: Catalog, token: str) -> None:
    _, secret = await create_token(catalog.database, "CI")
    authenticator = catalog.authenticator
    reading = asyncio.create_task(authenticator.authenticate(f"Bearer {secret}"))
    await asyncio.sleep(0)
    authenticator.evict("whatever was just edited")
    assert (await reading).token_slug == "ci"
    assert authenticator.cached(f"Bearer {secret}") is None


async def test_it_is_current_only_while_it_can_poll(catalog: Catalog) -> None:
    clock = Clock()
    feed = ChangeFeed(catalog.database, [], clock=clock)
    assert not feed.is_current
    await feed.poll()
    assert feed.is_current
    clock.now += CURRENT_WITHIN + 0.1
    assert not feed.is_current


async def test_caches_are_not_trusted_for_ever_while_the_database_is_away(catalog: Catalog) -> None:
    clock, cache = Clock(), Noted()
    feed = ChangeFeed(catalog.database, [cache], clock=clock)
    await feed.poll()
    cache.clearings, feed._database = 0, Away()
    for waited, clearings in ((TRUSTED_FOR - 1, 0), (2, 1)):
        clock.now += waited
        with pytest.raises(Unavailable):
            await feed.poll()
        assert cache.clearings == clearings


async def test_the_feed_outlives_a_database_that_is_away() -> None:
    away = Away()
    running = asyncio.create_task(ChangeFeed(away, [], interval=0).run())
    async with asyncio.timeout(5):
        await away.asked_thrice.wait()
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_old_changes_are_pruned(catalog: Catalog) -> None:
    clock = Clock()
    feed = ChangeFeed(catalog.database, [], clock=clock)
    await _edit(catalog.database, "old", at=datetime.now(UTC) - KEPT - timedelta(seconds=1))
    await _edit(catalog.database, "new")
    clock.now += 3600
    await feed.poll()
    async with catalog.database.session() as session:
        kept = (await session.scalars(select(Change.subject))).all()
        assert await session.scalar(select(func.count()).select_from(Change)) == 1
    assert kept == ["new"]
