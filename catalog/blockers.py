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

    @property
    def told(self) -> str:
        noun, slugs = self.first[0].noun.lower(), [repr(one.slug) for one in self.first[:_MOST_TOLD]]
        more = f" and {self.total - len(slugs)} more" if self.total > len(slugs) else ""
        return f"{self.total} {noun if self.total == 1 else noun + 's'}: {', '.join(slugs)}{more}"


def in_use(row: Resource, *blocked_by: Blockers) -> InUse:
    """What the caller is told who wants `row` gone or changed; at least one of the blockers is true."""
    kinds = [kind for kind in blocked_by if kind]
    named = [{"type": one.noun, "slug": one.slug, "name": one.name} for kind in kinds for one in kind.first]
    told = ", and by ".join(kind.told for kind in kinds)
    detail = f"The {row.noun.lower()} {row.slug!r} is in use by {told}."
    return InUse(detail, named, {kind.first[0].noun: kind.total for kind in kinds})


async def blockers(session: AsyncSession, statement: Select[Any]) -> Blockers:
    """The rows of the statement, in its order."""
    total = await session.scalar(select(func.count()).select_from(statement.order_by(None).subquery()))
    first = (await session.scalars(statement.limit(MOST_NAMED))).unique().all() if total else ()
    return Blockers(total or 0, first)
