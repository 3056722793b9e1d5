"""License links: which entitlements a license grants, and how much of each."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Select, UniqueConstraint, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, contains_eager, mapped_column, relationship

from catalog.blockers import Blockers, blockers
from catalog.columns import ExactDecimal, ExactJson
from catalog.entitlements import Entitlement
from catalog.licenses import License
from catalog.model import Base, Stamped
from catalog.repository import Page
from catalog.slugs import is_slug
from catalog.work import Work
from metering.problems import Conflict, ResourceNotFound


class Link(Stamped, Base):
    """`value` is what is granted: `{"type": "number" | "boolean" | "object", "value": …}`."""

    __tablename__ = "license_entitlements"
    __table_args__ = (UniqueConstraint("license_id", "entitlement_id"),)

    license_id: Mapped[str] = mapped_column(ForeignKey("licenses.id", ondelete="CASCADE"))
    entitlement_id: Mapped[str] = mapped_column(ForeignKey("entitlements.id"), index=True)
    value: Mapped[dict[str, Any]] = mapped_column(ExactJson)
    overage_percent: Mapped[Decimal] = mapped_column(ExactDecimal)

    license: Mapped[License] = relationship(lazy="raise")
    entitlement: Mapped[Entitlement] = relationship(lazy="raise")

    @property
    def license_slug(self) -> str:
        return self.license.slug

    @property
    def license_id_as_published(self) -> str:
        """The published API spells it both ways."""
        return self.license_id

    @property
    def entitlement_slug(self) -> str:
        return self.entitlement.slug

    @property
    def entitlement_name(self) -> str:
        return self.entitlement.name

    @property
    def entitlement_type(self) -> str:
        return self.entitlement.type


class Links:
    """The links of one license."""

    def __init__(self, work: Work, license_: License) -> None:
        self.work = work
        self.license = license_

    async def get(self, entitlement_slug: str) -> Link:
        """Raises `ResourceNotFound`."""
        found = self._all().where(Entitlement.slug == entitlement_slug)
        link = await self.work.session.scalar(found) if is_slug(entitlement_slug) else None
        if link is None:
            raise ResourceNotFound("LicenseEntitlement", entitlement_slug, location="path.entitlementSlug")
        return link

    async def page(self, limit: int, after: str | None) -> Page[Link]:
        """In the order of the entitlements' slugs."""
        statement = self._all().order_by(Entitlement.slug).limit(limit + 1)
        if after is not None:
            statement = statement.where(Entitlement.slug > after)
        rows = (await self.work.session.scalars(statement)).all()
        return Page(rows[:limit], len(rows) > limit)

    async def create(self, entitlement: Entitlement, values: Mapping[str, Any]) -> Link:
        """Raises `Conflict` when the license grants this entitlement already."""
        link = Link(license_id=self.license.id, entitlement_id=entitlement.id, **values)
        self.work.stamp_created(link)
        self.work.session.add(link)
        taken = Conflict(f"The license {self.license.slug!r} grants {entitlement.slug!r} already.")
        try:
            await self.work.session.flush()
        except IntegrityError as error:
            raise taken from error
        self.work.changed.append(self.license.id)
        return link

    async def update(self, link: Link, values: Mapping[str, Any]) -> None:
        for column, value in values.items():
            setattr(link, column, value)
        self.work.stamp_updated(link)
        self.work.changed.append(self.license.id)

    async def delete(self, link: Link) -> None:
        self.work.changed.append(self.license.id)
        await self.work.session.delete(link)

    def _all(self) -> Select[Link]:
        joined = select(Link).join(Link.entitlement).join(Link.license)
        eager = joined.options(contains_eager(Link.entitlement), contains_eager(Link.license))
        return eager.where(Link.license_id == self.license.id)


async def licenses_granting(work: Work, entitlement: Entitlement) -> Blockers:
    """The licenses that stand in the way of changing or deleting the entitlement, by their slugs."""
    granting = select(License).join(Link, Link.license_id == License.id).where(Link.entitlement_id == entitlement.id)
    return await blockers(work.session, granting.order_by(License.slug))
