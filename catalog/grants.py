"""Grants: what an instance may use of an entitlement, resolved from the catalog, or from memory on the hot path."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Select, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.cache import Cache
from catalog.database import Database
from catalog.entitlements import Entitlement, EntitlementType, ResetAnchor
from catalog.feed import Change
from catalog.groups import Group, Member
from catalog.instances import Instance
from catalog.licenses import License
from catalog.links import Link
from catalog.slugs import is_slug
from metering.grant import Grant
from metering.meter import Aggregation, MeterType, effective
from metering.period import ResetPeriod
from metering.problems import EntitlementNotLicensed, ResourceNotFound
from metering.quantity import UNLIMITED, ZERO

#: How far the audit trail may be behind the log before a person has to look.
LATELY: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Entitled:
    """One instance's right to one entitlement.

    `value` is the granted value object, `{"type": "number" | "boolean" | "object", "value": …}`; `grant` is set for a
    NUMBER; `lookup` is what reading it is decided under, of any type. `license_active` tells whether the license is in
    force, whatever its dates, [starts_at, ends_at).
    """

    entitlement_type: EntitlementType
    value: dict[str, Any]
    grant: Grant | None
    lookup: Grant
    organization_id: str
    instance_id: str
    instance_slug: str
    entitlement_id: str
    entitlement_slug: str
    license_id: str
    license_slug: str
    license_active: bool
    starts_at: datetime | None
    ends_at: datetime | None


class GrantResolver:
    """Resolves grants and the ids of instances, and keeps them until something that they were made from is edited.

    So what is kept is in force at once after an edit of this process, and within a second after one of another.
    """

    def __init__(self, database: Database, *, size: int = 200_000) -> None:
        self._database = database
        self._cache: Cache[tuple[str, str, str], Entitled] = Cache(size)
        self._instance_ids: Cache[tuple[str, str], str] = Cache(size)

    def cached(self, organization_id: str, instance_slug: str, entitlement_slug: str) -> Entitled | None:
        """What `resolve` found, if nothing of it was edited since. No I/O."""
        return self._cache.get((organization_id, instance_slug, entitlement_slug))

    async def resolve(self, organization_id: str, instance_slug: str, entitlement_slug: str) -> Entitled:
        """Raises `ResourceNotFound` for the instance or the entitlement, `EntitlementNotLicensed` for the link."""
        if found := self.cached(organization_id, instance_slug, entitlement_slug):
            return found
        generation = self._cache.generation
        async with self._database.session() as session:
            entitled = await _resolve(session, organization_id, instance_slug, entitlement_slug)
        self._cache.put(
            (organization_id, instance_slug, entitlement_slug),
            entitled,
            subjects=(entitled.instance_id, entitled.entitlement_id, entitled.license_id),
            generation=generation,
        )
        return entitled

    async def resolve_all(self, organization_id: str, instance_slug: str) -> list[Entitled]:
        """Every NUMBER that the instance's license grants, in display order. Raises `ResourceNotFound`."""
        async with self._database.session() as session:
            instance, license_ = await _licensed(session, organization_id, instance_slug)
            granted = _granted(license_.id).where(Entitlement.type == EntitlementType.NUMBER)
            rows = await session.execute(granted.order_by(Entitlement.display_order, Entitlement.slug))
            return [_entitled(instance, license_, entitlement, link) for entitlement, link in rows]

    async def resolve_group(
        self, organization_id: str, instance_slug: str, group_slug: str
    ) -> list[tuple[Entitlement, Entitled | None]]:
        """Every entitlement of the group, in display order, and what the instance's license grants of it, if anything.

        Raises `ResourceNotFound` for the group or the instance.
        """
        async with self._database.session() as session:
            instance, license_ = await _licensed(session, organization_id, instance_slug)
            group_id = await _group_id(session, organization_id, group_slug)
            rows = await session.execute(_members(group_id, license_.id))
            return [(one, _entitled(instance, license_, one, link) if link else None) for one, link in rows]

    async def instance_id(self, organization_id: str, instance_slug: str) -> str:
        """Kept until the instance is edited. Raises `ResourceNotFound`."""
        names = organization_id, instance_slug
        if found := self._instance_ids.get(names):
            return found
        generation = self._instance_ids.generation
        async with self._database.session() as session:
            instance, _ = await _licensed(session, *names)
        self._instance_ids.put(names, instance.id, subjects=(instance.id,), generation=generation)
        return instance.id

    async def meter_ids(self, organization_id: str, instance_slug: str, entitlement_slug: str) -> tuple[str, str]:
        """The ids of an instance and an entitlement, licensed or not; of the grant where one is kept.

        Raises `ResourceNotFound`.
        """
        if known := self.cached(organization_id, instance_slug, entitlement_slug):
            return known.instance_id, known.entitlement_id
        async with self._database.session() as session:
            instance, _ = await _licensed(session, organization_id, instance_slug)
            named = and_(Entitlement.organization_id == organization_id, Entitlement.slug == entitlement_slug)
            found = await session.scalar(select(Entitlement.id).where(named)) if is_slug(entitlement_slug) else None
        if found is None:
            raise ResourceNotFound("Entitlement", entitlement_slug)
        return instance.id, found

    async def lately_licensed(self, entitlement: Entitlement, now: datetime) -> list[Grant]:
        """The meters of the entitlement on instances whose right to it may have ended `LATELY`, by whatever edit."""
        async with self._database.session() as session:
            edited = set(await session.scalars(select(Change.subject).where(Change.at > now - LATELY)))
            licensed = select(Instance, License).join(License, License.id == Instance.license_id)
            rows = await session.execute(licensed.where(Instance.organization_id == entitlement.organization_id))
            touched = [row for row in rows if not edited.isdisjoint((row[0].id, row[1].id))]
        return [_grant(instance, license_, entitlement, UNLIMITED, ZERO) for instance, license_ in touched]

    async def existing_instances(self, organization_id: str, ids: Iterable[str]) -> set[str]:
        """Those of the ids that are an instance's still."""
        named = and_(Instance.organization_id == organization_id, Instance.id.in_([*ids]))
        async with self._database.session() as session:
            return set(await session.scalars(select(Instance.id).where(named)))

    def evict(self, subject: str) -> None:
        """Forget what was made from the instance, license or entitlement with this id."""
        self._cache.evict(subject)
        self._instance_ids.evict(subject)

    def clear(self) -> None:
        self._cache.clear()
        self._instance_ids.clear()


async def _resolve(session: AsyncSession, organization_id: str, instance_slug: str, entitlement_slug: str) -> Entitled:
    instance, license_ = await _licensed(session, organization_id, instance_slug)
    if not is_slug(entitlement_slug):
        raise ResourceNotFound("Entitlement", entitlement_slug)
    named = and_(Entitlement.organization_id == organization_id, Entitlement.slug == entitlement_slug)
    of_license = and_(Link.entitlement_id == Entitlement.id, Link.license_id == license_.id)
    found = select(Entitlement, Link).outerjoin(Link, of_license).where(named)
    row = (await session.execute(found)).one_or_none()
    if row is None:
        raise ResourceNotFound("Entitlement", entitlement_slug)
    if row[1] is None:
        raise EntitlementNotLicensed(
            f"The license {license_.slug!r} of instance {instance_slug!r} does not grant {entitlement_slug!r}.",
            licenseSlug=license_.slug,
        )
    return _entitled(instance, license_, row[0], row[1])


async def _licensed(session: AsyncSession, organization_id: str, instance_slug: str) -> tuple[Instance, License]:
    named = and_(Instance.organization_id == organization_id, Instance.slug == instance_slug)
    found = select(Instance, License).join(License, License.id == Instance.license_id).where(named)
    row = (await session.execute(found)).one_or_none() if is_slug(instance_slug) else None
    if row is None:
        raise ResourceNotFound("Instance", instance_slug)
    return row[0], row[1]


async def entitled_to(session: AsyncSession, instance: Instance, license_: License) -> list[Entitled]:
    """Everything that the instance's license grants, of every type."""
    rows = await session.execute(_granted(license_.id).order_by(Entitlement.slug))
    return [_entitled(instance, license_, entitlement, link) for entitlement, link in rows]


def _granted(license_id: str) -> Select[Entitlement, Link]:
    joined = select(Entitlement, Link).join(Link, Link.entitlement_id == Entitlement.id)
    return joined.where(Link.license_id == license_id)


async def _group_id(session: AsyncSession, organization_id: str, slug: str) -> str:
    named = and_(Group.organization_id == organization_id, Group.slug == slug)
    found = await session.scalar(select(Group.id).where(named)) if is_slug(slug) else None
    if found is None:
        raise ResourceNotFound(Group.noun, slug)
    return found


def _members(group_id: str, license_id: str) -> Select[Entitlement, Link | None]:
    of_license = and_(Link.entitlement_id == Entitlement.id, Link.license_id == license_id)
    joined = select(Entitlement, Link).join(Member, Member.entitlement_id == Entitlement.id).outerjoin(Link, of_license)
    return joined.where(Member.group_id == group_id).order_by(Entitlement.display_order, Entitlement.slug)


def _entitled(instance: Instance, license_: License, entitlement: Entitlement, link: Link) -> Entitled:
    kind = EntitlementType(entitlement.type)
    counted = kind is EntitlementType.NUMBER
    grant = _grant(
        instance, license_, entitlement, Decimal(link.value["value"]) if counted else UNLIMITED, link.overage_percent
    )
    return Entitled(
        kind,
        link.value,
        grant if counted else None,
        grant,
        instance.organization_id,
        instance.id,
        instance.slug,
        entitlement.id,
        entitlement.slug,
        license_.id,
        license_.slug,
        license_.is_active,
        instance.start_license_date,
        instance.end_license_date,
    )


def _grant(instance: Instance, license_: License, entitlement: Entitlement, limit: Decimal, overage: Decimal) -> Grant:
    from_license = entitlement.reset_anchor == ResetAnchor.LICENSE_START
    return Grant(
        organization_id=instance.organization_id,
        instance_id=instance.id,
        instance_slug=instance.slug,
        entitlement_id=entitlement.id,
        entitlement_slug=entitlement.slug,
        license_id=license_.id,
        license_slug=license_.slug,
        license_version=str(license_.version),
        license_active=license_.is_active,
        aggregation=effective(MeterType(entitlement.meter_type), Aggregation(entitlement.aggregation_method)),
        limit=limit,
        overage_percent=overage,
        warning_percent=entitlement.warning_threshold_percent or None,  # 0 switches the warning off
        reset_period=ResetPeriod(entitlement.reset_period) if entitlement.reset_period else None,
        anchor=(instance.start_license_date or instance.created_at) if from_license else None,
        starts_at=instance.start_license_date,
        ends_at=instance.end_license_date,
    )
