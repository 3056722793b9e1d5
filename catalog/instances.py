"""Instances: deployments of the product for a customer, each under a license."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Select, String, Text
from sqlalchemy.orm import Mapped, contains_eager, mapped_column, relationship

from catalog.blockers import Blockers
from catalog.columns import ExactJson, UtcDateTime
from catalog.customers import Customer
from catalog.licenses import License
from catalog.model import Resource
from catalog.repository import Page, Repository
from catalog.zones import Zone


class InstanceStatus(StrEnum):
    """How an instance is running."""

    HEALTHY = "HEALTHY"
    DEGRADED = "DEGRADED"
    INCIDENT = "INCIDENT"
    MAINTENANCE = "MAINTENANCE"


class Instance(Resource):
    __tablename__ = "instances"
    noun = "Instance"

    description: Mapped[str] = mapped_column(Text, default="")
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"), index=True)
    license_id: Mapped[str] = mapped_column(ForeignKey("licenses.id"), index=True)
    zone_id: Mapped[str | None] = mapped_column(ForeignKey("deployment_zones.id"), index=True)
    start_license_date: Mapped[datetime | None] = mapped_column(UtcDateTime)
    end_license_date: Mapped[datetime | None] = mapped_column(UtcDateTime)
    document: Mapped[dict[str, Any] | None] = mapped_column("metadata", ExactJson)
    status: Mapped[InstanceStatus] = mapped_column(String(16), default=InstanceStatus.HEALTHY)
    lifecycle_stage: Mapped[str | None] = mapped_column(String(100))

    customer: Mapped[Customer] = relationship(lazy="raise")
    license: Mapped[License] = relationship(lazy="raise")
    zone: Mapped[Zone | None] = relationship(lazy="raise")

    @property
    def customer_slug(self) -> str:
        return self.customer.slug

    @property
    def license_slug(self) -> str:
        return self.license.slug

    @property
    def zone_slug(self) -> str | None:
        return self.zone.slug if self.zone else None


class Instances(Repository[Instance]):
    """Instances come with their customer, license and zone loaded."""

    model = Instance

    def owned(self) -> Select[Instance]:
        joined = super().owned().join(Instance.customer).join(Instance.license).outerjoin(Instance.zone)
        eager = [contains_eager(part) for part in (Instance.customer, Instance.license, Instance.zone)]
        return joined.options(*eager).execution_options(populate_existing=True)

    async def page_of_customer(self, customer: Customer, limit: int, after: str | None) -> Page[Instance]:
        return await self._page(self.owned().where(Instance.customer_id == customer.id), limit, after)

    async def of_customer(self, customer: Customer) -> Blockers:
        return await self.blocking(Instance.customer_id == customer.id)

    async def under_license(self, license_: License) -> Blockers:
        return await self.blocking(Instance.license_id == license_.id)

    async def in_zone(self, zone: Zone) -> Blockers:
        return await self.blocking(Instance.zone_id == zone.id)

    async def among(self, identities: Sequence[str]) -> Blockers:
        """Those with one of these ids that there still are."""
        return await self.blocking(Instance.id.in_(identities))
