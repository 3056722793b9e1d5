"""Facts: what rules may know of an instance and what it bought, from the catalog and no one else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from catalog.customers import Customer, Customers
from catalog.entitlements import EntitlementType
from catalog.flag_context import Context
from catalog.grants import Entitled, entitled_to
from catalog.instances import Instance, Instances
from catalog.licenses import License, Licenses
from catalog.work import Work
from metering import instant
from metering.grant import Grant, covers
from metering.problems import InvalidContext, ResourceNotFound
from metering.quantity import UNLIMITED, ZERO

_ENDLESS: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Facts:
    """`document` is what rules see as `__kaiten`; `grants` are those whose usage can be added to it, by slug."""

    document: Mapping[str, Any] = field(default_factory=dict)
    grants: Mapping[str, Grant] = field(default_factory=dict)

    def with_usage(self, used: Mapping[str, Decimal]) -> dict[str, Any]:
        """The document with what was `used` of each entitlement, and what is `remaining`: endless when unlimited."""
        if not used:
            return dict(self.document)
        known = {slug: _usage(self.grants[slug].limit, value) for slug, value in used.items()}
        entitlements = {slug: {**fact, **known.get(slug, {})} for slug, fact in self.document["entitlements"].items()}
        return {**self.document, "entitlements": entitlements}


async def facts_of(work: Work, context: Context, now: datetime) -> Facts:
    """Of the instance that the context names. Raises `InvalidContext` when it names one that there is not.

    A hint may be the slug of an instance, or of a customer: then it is their only instance, or them alone.
    """
    if context.instance is not None:
        return await _of_instance(work, await _named(work, context.instance), now)
    for hint in context.hints:
        if (facts := await _hinted(work, hint, now)) is not None:
            return facts
    return Facts()


async def _named(work: Work, slug: str) -> Instance:
    try:
        return await Instances(work).get(slug)
    except ResourceNotFound as error:
        raise InvalidContext(error.detail) from error


async def _hinted(work: Work, slug: str, now: datetime) -> Facts | None:
    try:
        return await _of_instance(work, await Instances(work).get(slug), now)
    except ResourceNotFound:
        pass  # a hint need not be anything
    try:
        customer = await Customers(work).get(slug)
    except ResourceNotFound:
        return None
    instances = await Instances(work).page_of_customer(customer, 1, None)
    if instances.rows and not instances.has_more:
        return await _of_instance(work, instances.rows[0], now)
    return Facts({"customer": _customer(customer)})


async def _of_instance(work: Work, instance: Instance, now: datetime) -> Facts:
    license_ = await Licenses(work).with_id(instance.license_id, location="path.instanceSlug")
    entitled = await entitled_to(work.session, instance, license_)
    document = {
        "license": _license(license_, instance, now),
        "instance": _instance(instance),
        "customer": _customer(instance.customer),
        "deploymentZone": _zone(instance),
        "entitlements": {one.entitlement_slug: _entitlement(one) for one in entitled},
    }
    return Facts(document, {one.entitlement_slug: one.grant for one in entitled if one.grant is not None})


def _license(license_: License, instance: Instance, now: datetime) -> dict[str, Any]:
    same = {name: getattr(license_, name) for name in ("id", "slug", "name", "type")}
    covered = covers(instance.start_license_date, instance.end_license_date, now)
    return {
        **same,
        "familySlug": license_.family_slug,
        "version": str(license_.version),
        "versionName": license_.version_name,
        "isActive": license_.is_active,
        "isValid": license_.is_active and covered,
    }


def _instance(instance: Instance) -> dict[str, Any]:
    same = {name: getattr(instance, name) for name in ("id", "slug", "name", "status")}
    return {
        **same,
        "lifecycleStage": instance.lifecycle_stage,
        "metadata": instance.document or {},
        "startLicenseDate": _moment(instance.start_license_date),
        "endLicenseDate": _moment(instance.end_license_date),
    }


def _customer(customer: Customer) -> dict[str, Any]:
    same = {name: getattr(customer, name) for name in ("id", "slug", "name", "domain")}
    return {**same, "externalCustomerId": customer.external_customer_id}


def _zone(instance: Instance) -> dict[str, Any] | None:
    if (zone := instance.zone) is None:
        return None
    return {"id": zone.id, "slug": zone.slug, "name": zone.name, "type": zone.type, "metadata": zone.document or {}}


def _entitlement(entitled: Entitled) -> dict[str, Any]:
    fact = {"type": entitled.entitlement_type, "value": entitled.value["value"]}
    if entitled.entitlement_type is EntitlementType.NUMBER:
        fact["value"] = fact["limit"] = float(entitled.value["value"])
    return fact


def _usage(limit: Decimal, used: Decimal) -> dict[str, float]:
    """Always doubles, so that a rule that divides them does so whatever the numbers are."""
    remaining = _ENDLESS if limit == UNLIMITED else float(max(ZERO, limit - used))
    return {"used": float(used), "remaining": remaining}


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else instant.written(moment)
