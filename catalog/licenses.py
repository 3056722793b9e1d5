"""Licenses: the contract that an instance runs under."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column
from sqlalchemy.schema import SchemaItem

from catalog.model import Resource
from catalog.repository import Repository


class LicenseType(StrEnum):
    COMMUNITY = "COMMUNITY"
    TRIAL = "TRIAL"
    DEVELOPMENT = "DEVELOPMENT"
    PAID = "PAID"


class LifecycleState(StrEnum):
    DRAFT = "DRAFT"
    PUBLISHED = "PUBLISHED"
    ARCHIVED = "ARCHIVED"


class License(Resource):
    __tablename__ = "licenses"
    noun = "License"

    description: Mapped[str] = mapped_column(Text, default="")
    type: Mapped[LicenseType] = mapped_column(String(16))
    version: Mapped[int] = mapped_column(default=1)
    version_name: Mapped[str | None] = mapped_column(String(200))
    lifecycle_state: Mapped[LifecycleState] = mapped_column(String(16), default=LifecycleState.PUBLISHED)
    is_default: Mapped[bool] = mapped_column(default=False)

    @declared_attr.directive
    def __table_args__(cls) -> tuple[SchemaItem, ...]:  # noqa: N805
        is_default = text("is_default")
        return (
            UniqueConstraint("organization_id", "slug"),
            Index(
                "uq_licenses_default",
                "organization_id",
                unique=True,
                sqlite_where=is_default,
                postgresql_where=is_default,
            ),
        )

    @property
    def is_active(self) -> bool:
        return self.lifecycle_state == LifecycleState.PUBLISHED


class Licenses(Repository[License]):
    model = License

    async def default(self) -> License | None:
        """The license of new instances that name none."""
        return await self._one(self.owned().where(License.is_default))

    async def create(self, row: License) -> License:
        if row.is_default:
            await self._dethrone()
        return await super().create(row)

    async def update(self, row: License, values: Mapping[str, Any]) -> None:
        if values.get("is_default") and not row.is_default:
            await self._dethrone()
        await super().update(row, values)

    async def _dethrone(self) -> None:
        if previous := await self.default():
            await super().update(previous, {"is_default": False})
