"""Feature flags: values that an organization's product asks for, by who asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import String, Text, select
from sqlalchemy.orm import Mapped, mapped_column

from catalog.blockers import Blockers
from catalog.cache import Cache
from catalog.columns import ExactJson
from catalog.database import Database
from catalog.flag_definition import Definition, FlagType, Variant, serving_of, targeting_of
from catalog.model import Resource
from catalog.repository import Repository


class Flag(Resource):
    """Its slug is the key that it is evaluated by. The JSON columns hold what the HTTP contract says of each."""

    __tablename__ = "feature_flags"
    noun = "FeatureFlag"

    type: Mapped[FlagType] = mapped_column(String(16))
    enabled: Mapped[bool]
    description: Mapped[str | None] = mapped_column(Text)
    event_name: Mapped[str] = mapped_column(String(200), default="")
    document: Mapped[dict[str, Any]] = mapped_column("metadata", ExactJson)
    variants: Mapped[list[dict[str, Any]]] = mapped_column(ExactJson)
    default_variant: Mapped[dict[str, Any]] = mapped_column(ExactJson)
    targetings: Mapped[list[dict[str, Any]]] = mapped_column(ExactJson)


class Flags(Repository[Flag]):
    """Every edit tells the readers of the organization's flags."""

    model = Flag

    async def all(self) -> Sequence[Flag]:
        """Every flag of the organization, in the order of their keys."""
        return (await self.work.session.scalars(self.owned().order_by(Flag.slug))).all()

    async def create(self, row: Flag) -> Flag:
        self.work.changed.append(self.work.organization_id)
        return await super().create(row)

    async def update(self, row: Flag, values: Mapping[str, Any]) -> None:
        self.work.changed.append(self.work.organization_id)
        await super().update(row, values)

    async def delete(self, row: Flag, blocked_by: Blockers | None = None) -> None:
        self.work.changed.append(self.work.organization_id)
        await super().delete(row, blocked_by)


class FlagReader:
    """What the flags of an organization say, kept until one of them is edited."""

    def __init__(self, database: Database, *, size: int = 1_000) -> None:
        self._database = database
        self._cache: Cache[str, tuple[Definition, ...]] = Cache(size)

    async def all(self, organization_id: str) -> tuple[Definition, ...]:
        """Every flag of the organization, in the order of their keys."""
        if (found := self._cache.get(organization_id)) is not None:
            return found
        generation = self._cache.generation
        async with self._database.session() as session:
            rows = await session.scalars(select(Flag).where(Flag.organization_id == organization_id))
            flags = tuple(sorted((definition_of(row) for row in rows), key=lambda flag: flag.key))
        self._cache.put(organization_id, flags, subjects=(organization_id,), generation=generation)
        return flags

    def evict(self, subject: str) -> None:
        """Forget the flags of the organization with this id."""
        self._cache.evict(subject)

    def clear(self) -> None:
        self._cache.clear()


def definition_of(flag: Flag) -> Definition:
    return Definition(
        key=flag.slug,
        type=FlagType(flag.type),
        enabled=flag.enabled,
        variants=tuple(Variant(**variant) for variant in flag.variants),
        default=serving_of(flag.default_variant),
        targetings=tuple(targeting_of(targeting) for targeting in flag.targetings),
        metadata=flag.document,
    )
