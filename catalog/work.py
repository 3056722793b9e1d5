"""Work: one transaction on one organization's catalog, and who does it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from catalog.database import Database
from catalog.feed import Change
from catalog.model import Stamped
from catalog.principal import Principal


@dataclass(frozen=True)
class Work:
    """What repositories work in. `changed` gathers the ids whose dependents the caches have to forget."""

    session: AsyncSession
    principal: Principal
    now: datetime
    changed: list[str] = field(default_factory=list)

    @property
    def organization_id(self) -> str:
        return self.principal.organization_id

    def stamp_created(self, row: Stamped) -> None:
        stamp(row, self.principal, self.now)

    def stamp_updated(self, row: Stamped) -> None:
        row.updated_at = self.now
        row.updated_by_id, row.updated_by_name = self.principal.account_id, self.principal.account_name


def stamp(row: Stamped, by: Principal, now: datetime) -> None:
    """Mark the row as made by `by`."""
    row.created_at = row.updated_at = now
    row.created_by_id = row.updated_by_id = by.account_id
    row.created_by_name = row.updated_by_name = by.account_name


@asynccontextmanager
async def read(database: Database, principal: Principal) -> AsyncIterator[Work]:
    """Work that changes nothing: what it stamps or adds is not committed."""
    async with database.session() as session:
        yield Work(session, principal, datetime.now(UTC))


@asynccontextmanager
async def edit(database: Database, principal: Principal) -> AsyncIterator[Work]:
    """Committed at the end, together with the changes that every replica's feed will read."""
    async with database.edit() as session:
        work = Work(session, principal, datetime.now(UTC))
        yield work
        session.add_all(Change(subject=subject, at=work.now) for subject in dict.fromkeys(work.changed))
