"""Repositories: what can be done with every noun, within one organization and one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.exc import IntegrityError

from catalog.blockers import Blockers, blockers, in_use
from catalog.model import Resource
from catalog.slugs import is_slug
from catalog.work import Work
from metering.problems import Conflict, ResourceNotFound, SlugTaken

R = TypeVar("R", bound=Resource)
T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows in the order of their slugs, and whether more follow the last."""

    rows: Sequence[T]
    has_more: bool


class Repository(Generic[R]):
    """Another organization's rows do not exist here: every statement begins with `owned`."""

    model: ClassVar[type[Any]]

    def __init__(self, work: Work) -> None:
        self.work = work

    def owned(self) -> Select[R]:
        return select(self.model).where(self.model.organization_id == self.work.organization_id)

    async def get(self, slug: str, *, location: str | None = None) -> R:
        """Raises `ResourceNotFound`, also for what could be no slug at all; `location` is where it was named."""
        found = await self._one(self.owned().where(self.model.slug == slug)) if is_slug(slug) else None
        return self._existing(found, slug, location)

    async def with_id(self, identity: str, *, location: str) -> R:
        return self._existing(await self._one(self.owned().where(self.model.id == identity)), identity, location)

    async def page(self, limit: int, after: str | None) -> Page[R]:
        """At most `limit` rows whose slugs come after `after`."""
        return await self._page(self.owned(), limit, after)

    async def blocking(self, condition: ColumnElement[bool]) -> Blockers:
        """The rows that meet the condition, as what stands in the way of another resource."""
        return await blockers(self.work.session, self.owned().where(condition).order_by(self.model.slug))

    async def create(self, row: R) -> R:
        """Raises `SlugTaken`."""
        row.organization_id = self.work.organization_id
        self.work.stamp_created(row)
        self.work.session.add(row)
        await self._flush(row)
        return row

    async def update(self, row: R, values: Mapping[str, Any]) -> None:
        """Set `values` by column name and tell the caches. Raises `SlugTaken`."""
        for column, value in values.items():
            setattr(row, column, value)
        self.work.stamp_updated(row)
        self.work.changed.append(row.id)
        await self._flush(row)

    async def delete(self, row: R, blocked_by: Blockers | None = None) -> None:
        """Raises `InUse` when it is `blocked_by` resources that still need it."""
        if blocked_by:
            raise in_use(row, blocked_by)
        self.work.changed.append(row.id)
        await self.work.session.delete(row)
        await self.work.session.flush()

    async def _one(self, statement: Select[R]) -> R | None:
        return (await self.work.session.execute(statement)).unique().scalar_one_or_none()

    async def _page(self, statement: Select[R], limit: int, after: str | None) -> Page[R]:
        if after is not None:
            statement = statement.where(self.model.slug > after)
        rows = (await self.work.session.scalars(statement.order_by(self.model.slug).limit(limit + 1))).unique().all()
        return Page(rows[:limit], len(rows) > limit)

    async def _flush(self, row: R) -> None:
        slug = row.slug  # a failed flush forgets it
        try:
            await self.work.session.flush()
        except IntegrityError as error:
            raise self._conflict(slug, error) from error

    def _conflict(self, slug: str, error: IntegrityError) -> Conflict:
        if is_duplicate(error):
            return SlugTaken(self.model.noun, slug)
        return Conflict(f"What the {self.model.noun.lower()} refers to has just been deleted.")

    def _existing(self, row: R | None, named: str, location: str | None) -> R:
        if row is None:
            raise ResourceNotFound(self.model.noun, named, location=location)
        return row


def is_duplicate(error: IntegrityError) -> bool:
    """Whether a unique constraint failed, as SQLite and PostgreSQL say it."""
    names = (getattr(error.orig, "sqlite_errorname", None), getattr(error.orig, "sqlstate", None))
    return names[0] in ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY") or names[1] == "23505"
