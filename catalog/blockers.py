"""Blockers: the resources that still need another, so that it can't be deleted or changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.model import Resource
from metering.problems import InUse

#: How many are named to the caller.
MOST_NAMED: Final = 20
_MOST_TOLD: Final = 3


@dataclass(frozen=True)
class Blockers:
    """How many there are, all of one kind, and the first of them. None are false."""

    total: int
    first: Sequence[Resource]

    def __bool__(self) -> bool:
        return self.total > 0

    def of(self, row: Resource) -> InUse:
        """What the caller is told who wants `row` gone or changed."""
        noun, slugs = self.first[0].noun, [repr(one.slug) for one in self.first[:_MOST_TOLD]]
        told = ", ".join(slugs) + (f" and {self.total - len(slugs)} more" if self.total > len(slugs) else "")
        named = [{"type": one.noun, "slug": one.slug, "name": one.name} for one in self.first]
        detail = f"The {row.noun.lower()} {row.slug!r} is in use by {self.total} {_plural(noun, self.total)}: {told}."
        return InUse(detail, named, {noun: self.total})


async def blockers(session: AsyncSession, statement: Select[Any]) -> Blockers:
    """The rows of the statement, in its order."""
    total = await session.scalar(select(func.count()).select_from(statement.order_by(None).subquery()))
    first = (await session.scalars(statement.limit(MOST_NAMED))).unique().all() if total else ()
    return Blockers(total or 0, first)


def _plural(noun: str, count: int) -> str:
    return noun.lower() if count == 1 else f"{noun.lower()}s"
