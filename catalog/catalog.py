"""The catalog as one thing: its database, and what keeps copies of it. What the edges hold on to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import catalog.schema  # noqa: F401  # every table has to be known before one is written
from catalog import work
from catalog.database import Database, open_database
from catalog.feed import ChangeFeed
from catalog.flags import FlagReader
from catalog.grants import GrantResolver
from catalog.principal import Principal
from catalog.rate import RateLimit
from catalog.rule_process import RuleProcess
from catalog.tokens import Authenticator
from catalog.work import Work


@dataclass(frozen=True)
class Catalog:
    """`feed.run()` is to be kept running beside it: it makes the edits of other replicas known here."""

    database: Database
    resolver: GrantResolver
    authenticator: Authenticator
    flags: FlagReader
    rules: RuleProcess
    feed: ChangeFeed

    def read(self, principal: Principal) -> AbstractAsyncContextManager[Work]:
        """A transaction for reading the principal's organization."""
        return work.read(self.database, principal)

    @asynccontextmanager
    async def edit(self, principal: Principal) -> AsyncIterator[Work]:
        """A transaction for editing the principal's organization; once it is committed, the edit is in force here."""
        async with work.edit(self.database, principal) as edited:
            yield edited
        self.feed.announce(edited.changed)

    async def close(self) -> None:
        await self.rules.close()
        await self.database.close()


def open_catalog(url: str, *, rate_limit: RateLimit | None = None) -> Catalog:
    """The catalog at `sqlite:///…` or `postgresql://…`, whose schema is up to date (`catalog.migrate.migrate`)."""
    database = open_database(url)
    resolver, authenticator = GrantResolver(database), Authenticator(database, rate_limit=rate_limit)
    flags = FlagReader(database)
    feed = ChangeFeed(database, [resolver, authenticator, flags])
    return Catalog(database, resolver, authenticator, flags, RuleProcess(), feed)
