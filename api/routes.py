"""Every router of the catalog."""

from __future__ import annotations

from fastapi import APIRouter

from api import accounts, customers, entitlements, families, feature_flags, groups, instances, licenses, links, zones


def routers() -> list[APIRouter]:
    modules = (accounts, customers, zones, entitlements, groups, families, licenses, links, instances, feature_flags)
    return [module.router for module in modules]
