"""The change feed: how every replica's caches learn of an edit, within a second of its commit.

An edit writes, in its own transaction, the ids whose dependents are to be forgotten. Edits are numbered in the order
of their commits (`Database.edit`), so a replica that reads on from the last number it saw misses none.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from sqlalchemy import BigInteger, Integer, String, delete, func, select
from sqlalchemy.orm import Mapped, mapped_column

from catalog.columns import UtcDateTime
from catalog.database import Database
from catalog.model import Base
from metering.problems import Unavailable

KEPT: Final = timedelta(hours=1)
#: How long caches are believed without news from the database: longer than a restart of it, far shorter than `KEPT`.
TRUSTED_FOR: Final = 30.0
CURRENT_WITHIN: Final = 1.0
_PRUNED_EVERY: Final = 60.0

_log = logging.getLogger(__name__)


class Change(Base):
    """One edit to what others are derived from; `subject` is the id of the edited row."""

    __tablename__ = "changes"
    __table_args__ = ({"sqlite_autoincrement": True},)  # no number is given twice, pruned or not

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    subject: Mapped[str] = mapped_column(String(36))
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Cached(Protocol):
    """What keeps copies of the catalog."""

    def evict(self, subject: str) -> None:
        """Forget everything that was made from the row with this id."""

    def clear(self) -> None: ...


class ChangeFeed:
    """Reads the changes every `interval` seconds and evicts their subjects from `caches`."""

    def __init__(
        self,
        database: Database,
        caches: Sequence[Cached],
        interval: float = 0.25,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._caches = caches
        self._interval = interval
        self._clock = clock
        self._last_seen: int | None = None
        self._polled_at = self._pruned_at = clock()

    @property
    def is_current(self) -> bool:
        """Whether edits of other replicas are in force here; health is red otherwise."""
        return self._last_seen is not None and self.age <= CURRENT_WITHIN

    @property
    def age(self) -> float:
        """Seconds since this replica last saw that it knows every edit."""
        return self._clock() - self._polled_at

    async def run(self) -> None:
        """Poll until cancelled. With the database away, caches are believed for `TRUSTED_FOR` seconds, then cleared."""
        reachable = True
        while True:
            try:
                await self.poll()
                reachable = True
            except Unavailable as problem:
                if reachable:
                    _log.warning(
                        "The catalog is away, edits of other replicas stay unknown here: %s", problem.__cause__
                    )
                reachable = False
            await asyncio.sleep(self._interval)

    async def poll(self) -> None:
        """Evict what was edited since the last poll. Raises `Unavailable`."""
        started = self._clock()
        if started - self._polled_at > TRUSTED_FOR:
            self._clear()
        if self._last_seen is None:
            self._last_seen = await self._newest()
            self._clear()  # what was cached before this number was known may be older than it
        await self._follow(self._last_seen)
        self._polled_at = started
        if started - self._pruned_at > _PRUNED_EVERY:
            self._pruned_at = started
            await self._prune()

    def announce(self, subjects: Sequence[str]) -> None:
        """Evict at once what an edit of this very replica changed."""
        for subject in subjects:
            for cache in self._caches:
                cache.evict(subject)

    async def _newest(self) -> int:
        async with self._database.session() as session:
            return await session.scalar(select(func.max(Change.id))) or 0

    async def _follow(self, last_seen: int) -> None:
        async with self._database.session() as session:
            found = select(Change.id, Change.subject).where(Change.id > last_seen).order_by(Change.id)
            rows = (await session.execute(found)).all()
        self.announce(list(dict.fromkeys(row.subject for row in rows)))
        self._last_seen = rows[-1].id if rows else last_seen

    async def _prune(self) -> None:
        async with self._database.edit() as session:
            await session.execute(delete(Change).where(Change.at < datetime.now(UTC) - KEPT))

    def _clear(self) -> None:
        for cache in self._caches:
            cache.clear()
