"""Entitlements: what a license can grant, and, of a NUMBER, how its usage is metered."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from sqlalchemy import Select, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship, selectinload

from catalog.columns import ExactDecimal
from catalog.groups import Group, Member
from catalog.model import Resource
from catalog.repository import Page, Repository
from metering.meter import Aggregation, MeterType
from metering.period import ResetPeriod
from metering.problems import Conflict


class EntitlementType(StrEnum):
    """What can be granted: a yes or no, a metered quota, or a document."""

    BOOLEAN = "BOOLEAN"
    NUMBER = "NUMBER"
    CONFIG = "CONFIG"


class ResetAnchor(StrEnum):
    """Where periods are counted from."""

    CALENDAR = "CALENDAR"
    LICENSE_START = "LICENSE_START"


class Entitlement(Resource):
    __tablename__ = "entitlements"
    noun = "Entitlement"

    description: Mapped[str | None] = mapped_column(Text)
    type: Mapped[EntitlementType] = mapped_column(String(16))
    meter_type: Mapped[MeterType] = mapped_column(String(32), default=MeterType.RAW_EVENT)
    aggregation_method: Mapped[Aggregation] = mapped_column(String(16), default=Aggregation.SUM)
    reset_period: Mapped[ResetPeriod | None] = mapped_column(String(16))
    reset_anchor: Mapped[ResetAnchor] = mapped_column(String(16), default=ResetAnchor.CALENDAR)
    warning_threshold_percent: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    unit_singular: Mapped[str | None] = mapped_column(String(100))
    unit_plural: Mapped[str | None] = mapped_column(String(100))
    user_facing: Mapped[bool] = mapped_column(default=False)
    display_order: Mapped[int] = mapped_column(default=0)

    groups: Mapped[list[Group]] = relationship(
        secondary=lambda: Member.__table__, order_by=lambda: Group.slug, lazy="raise", passive_deletes=True
    )

    @property
    def group_slugs(self) -> list[str]:
        return [group.slug for group in self.groups]


class Entitlements(Repository[Entitlement]):
    """Entitlements come with their groups loaded."""

    model = Entitlement

    def owned(self) -> Select[Entitlement]:
        return super().owned().options(selectinload(Entitlement.groups))

    async def page_of_group(self, group: Group, limit: int, after: str | None) -> Page[Entitlement]:
        return await self._page(self._in_group(group), limit, after)

    async def member(self, group: Group, slug: str) -> Entitlement:
        """The entitlement of this slug, which is in the group. Raises `ResourceNotFound`."""
        return self._existing(await self._one(self._in_group(group).where(Entitlement.slug == slug)), slug, None)

    async def put_into(self, group: Group, entitlement: Entitlement) -> None:
        """Raises `Conflict` where it is in the group already."""
        if group in entitlement.groups:
            raise Conflict(f"The entitlement {entitlement.slug!r} is in the group {group.slug!r} already.")
        await self.update(entitlement, {"groups": [*entitlement.groups, group]})

    async def take_out_of(self, group: Group, entitlement: Entitlement) -> None:
        await self.update(entitlement, {"groups": [other for other in entitlement.groups if other is not group]})

    def _in_group(self, group: Group) -> Select[Entitlement]:
        return self.owned().where(Entitlement.groups.any(Group.id == group.id))
