"""Licenses: the contract that an instance runs under."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, Select, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, contains_eager, declared_attr, mapped_column, relationship
from sqlalchemy.schema import SchemaItem

from catalog import lifecycle
from catalog.blockers import Blockers
from catalog.families import Families, Family
from catalog.lifecycle import LifecycleState
from catalog.model import Resource
from catalog.repository import Repository
from catalog.slugs import LONGEST
from metering.problems import SlugTaken


class LicenseType(StrEnum):
    COMMUNITY = "COMMUNITY"
    TRIAL = "TRIAL"
    DEVELOPMENT = "DEVELOPMENT"
    PAID = "PAID"


class License(Resource):
    __tablename__ = "licenses"
    noun = "License"

    description: Mapped[str] = mapped_column(Text, default="")
    type: Mapped[LicenseType] = mapped_column(String(16))
    family_id: Mapped[str] = mapped_column(ForeignKey("license_families.id", name="fk_licenses_family_id"))
    version: Mapped[int]
    version_name: Mapped[str | None] = mapped_column(String(200))
    lifecycle_state: Mapped[LifecycleState] = mapped_column(String(16), default=LifecycleState.PUBLISHED)
    is_default: Mapped[bool] = mapped_column(default=False)

    @declared_attr.directive
    def __table_args__(cls) -> tuple[SchemaItem, ...]:  # noqa: N805
        is_default = text("is_default")
        return (
            UniqueConstraint("organization_id", "slug"),
            UniqueConstraint("family_id", "version"),
            Index(
                "uq_licenses_default",
                "organization_id",
                unique=True,
                sqlite_where=is_default,
                postgresql_where=is_default,
            ),
        )

    family: Mapped[Family] = relationship(lazy="raise")

    @property
    def family_slug(self) -> str:
        return self.family.slug

    @property
    def is_active(self) -> bool:
        return self.lifecycle_state == LifecycleState.PUBLISHED


class Licenses(Repository[License]):
    """Licenses come with their family loaded."""

    model = License

    def owned(self) -> Select[License]:
        return super().owned().join(License.family).options(contains_eager(License.family))

    async def default(self) -> License | None:
        """The license of new instances that name none."""
        return await self._one(self.owned().where(License.is_default))

    async def create(self, row: License) -> License:
        """The first version of a new family, which takes the license's slug. Raises as `add_version` does."""
        if await self._one(self.owned().where(License.slug == row.slug)):
            raise SlugTaken(License.noun, row.slug)  # of both that would be taken, the one that was asked for
        return await self.add_version(await Families(self.work).create(Family(slug=row.slug, name=row.name)), row)

    async def add_version(self, family: Family, row: License) -> License:
        """The family's next version, by whose number it is called when it has no slug.

        Raises `SlugTaken`, `LifecycleStateNotSettable` for a state that no license begins in, and
        `DefaultMustBePublished`.
        """
        lifecycle.check_first(row.lifecycle_state)
        lifecycle.check_default(row.lifecycle_state, is_default=row.is_default)
        row.family, row.version = family, await Families(self.work).next_version(family)
        row.slug = row.slug or _slug_of_version(family, row.version)
        if row.is_default:
            await self._dethrone()
        return await super().create(row)

    async def update(self, row: License, values: Mapping[str, Any]) -> None:
        """Raises `SlugTaken`, `LifecycleStateNotSettable`, `DefaultMustBePublished`."""
        state, is_default = values.get("lifecycle_state", row.lifecycle_state), values.get("is_default", row.is_default)
        lifecycle.check_move(row.lifecycle_state, state)
        lifecycle.check_default(state, is_default=is_default)
        if is_default and not row.is_default:
            await self._dethrone()
        await super().update(row, values)

    async def publish(self, row: License) -> None:
        """Raises `NotADraft`."""
        lifecycle.check_draft(row.lifecycle_state)
        await self.update(row, {"lifecycle_state": LifecycleState.PUBLISHED})

    async def archive(self, row: License) -> None:
        """Raises `NotPublished`, `DefaultMustBePublished`."""
        lifecycle.check_published(row.lifecycle_state)
        await self.update(row, {"lifecycle_state": LifecycleState.ARCHIVED})

    async def unarchive(self, row: License) -> None:
        """Raises `NotArchived`."""
        lifecycle.check_archived(row.lifecycle_state)
        await self.update(row, {"lifecycle_state": LifecycleState.PUBLISHED})

    async def delete(self, row: License, blocked_by: Blockers | None = None) -> None:
        """The last version takes its family with it. Raises `InUse`."""
        await super().delete(row, blocked_by)
        if not await self._one(self.owned().where(License.family_id == row.family_id).limit(1)):
            await Families(self.work).delete(row.family)

    async def versions(self, families: Collection[Family]) -> Mapping[str, Sequence[License]]:
        """The versions of each family by its id, oldest first."""
        of_families = self.owned().where(License.family_id.in_([family.id for family in families]))
        found = (await self.work.session.scalars(of_families.order_by(License.version))).all()
        versions: dict[str, list[License]] = {family.id: [] for family in families}
        for version in found:
            versions[version.family_id].append(version)
        return versions

    async def _dethrone(self) -> None:
        if previous := await self.default():
            await super().update(previous, {"is_default": False})


def served(versions: Sequence[License]) -> License | None:
    """Which of a family's versions it stands for now: the default, else the newest published."""
    published = [version for version in versions if version.is_active]
    return next((version for version in published if version.is_default), published[-1] if published else None)


def _slug_of_version(family: Family, number: int) -> str:
    suffix = f"-v{number}"
    return family.slug[: LONGEST - len(suffix)].rstrip("-") + suffix
