"""A catalog of the size that benches are held to, put into a database at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from catalog.catalog import Catalog
from catalog.customers import Customer
from catalog.entitlements import Entitlement, EntitlementType
from catalog.families import Family
from catalog.instances import Instance
from catalog.licenses import License, LicenseType
from catalog.links import Link
from catalog.model import Resource, Stamped, new_id
from catalog.principal import Principal
from catalog.work import Work

INSTANCES: Final = 10_000
LICENSES: Final = 1_000
CUSTOMERS: Final = 1_000
ENTITLEMENTS: Final = 20
#: How many entitlements each license grants.
LINKS: Final = 10

R = TypeVar("R", bound=Resource)
S = TypeVar("S", bound=Stamped)


@dataclass(frozen=True)
class Stock:
    """What calls refer to by id."""

    organization_id: str
    customer_ids: list[str]


async def fill(catalog: Catalog, principal: Principal) -> Stock:
    """10,000 instances of 1,000 customers under 1,000 licenses, which grant ten entitlements each."""
    async with catalog.edit(principal) as work:
        customers = await _put(work, _named(work, Customer, CUSTOMERS))
        entitlements = await _put(work, _named(work, Entitlement, ENTITLEMENTS, type=EntitlementType.NUMBER))
        families = await _put(work, _named(work, Family, LICENSES, newest_version=1))
        licenses = _named(work, License, LICENSES, type=LicenseType.PAID, version=1)
        for license_, family in zip(licenses, families, strict=True):
            license_.family_id = family.id
        await _put(work, licenses)
        await _put(work, list(_links(licenses, entitlements)))
        instances = _named(work, Instance, INSTANCES)
        for number, instance in enumerate(instances):
            instance.customer_id = customers[number % CUSTOMERS].id
            instance.license_id = licenses[number % LICENSES].id
        await _put(work, instances)
    return Stock(principal.organization_id, [customer.id for customer in customers])


def _named(work: Work, model: type[R], count: int, **values: Any) -> list[R]:
    noun = model.noun.lower()
    common = {"organization_id": work.organization_id, **values}
    return [model(id=new_id(), slug=f"{noun}-{n}", name=f"{model.noun} {n}", **common) for n in range(count)]


def _links(licenses: list[License], entitlements: list[Entitlement]) -> Iterator[Link]:
    for number, license_ in enumerate(licenses):
        for place in range(LINKS):
            granted = entitlements[(number + place) % ENTITLEMENTS]
            value = {"type": "number", "value": 1_000}
            yield Link(license_id=license_.id, entitlement_id=granted.id, value=value, overage_percent=0)


async def _put(work: Work, rows: list[S]) -> list[S]:
    for row in rows:
        work.stamp_created(row)
    work.session.add_all(rows)
    await work.session.flush()
    return rows
