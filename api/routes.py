"""Every router of the catalog."""

from __future__ import annotations

from fastapi import APIRouter

from api import (
    accounts,
    customers,
    entitlements,
    families,
    feature_flags,
    groups,
    instances,
    licenses,
    links,
    manifest,
    zones,
)


def routers() -> list[APIRouter]:
    bought = customers, zones, entitlements, groups, families, licenses, links, instances
    return [module.router for module in (accounts, *bought, feature_flags, manifest)]
