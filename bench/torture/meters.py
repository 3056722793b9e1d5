"""What is reported on: one hard-limited meter after the other for all writers at once, and thousands beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import httpx

from tests.shop import UNLIMITED, post

HOT: Final = "hot"
#: So many reports of 1 to 3 fill a hot meter that a fault has time to fall into it.
HOT_LIMIT: Final = 4_000

_AGGREGATIONS: Final = ("SUM", "COUNT", "AVERAGE", "MAX", "MIN", "LATEST")
_LIMITS: Final = {
    "SUM": (300, 0),
    "COUNT": (30, 10),
    "AVERAGE": (10, 5),
    "MAX": (15, 0),
    "MIN": (15, 20),
    "LATEST": (15, 0),
}
_LICENSE: Final = "torture"


@dataclass(frozen=True)
class Meter:
    instance: str
    entitlement: str

    @property
    def path(self) -> str:
        return f"/instances/{self.instance}/entitlements/{self.entitlement}/usage"


@dataclass(frozen=True)
class Meters:
    """`hot` are filled one after the other, `beside` all the time."""

    hot: list[Meter]
    beside: list[Meter]

    @property
    def instances(self) -> list[str]:
        return sorted({meter.instance for meter in (*self.hot, *self.beside)})


def sell_meters(client: httpx.Client, *, hot: int, instances: int) -> Meters:
    """Every aggregation with a limit and without, and one meter of calculated usage, for each of so many instances."""
    post(client, "/licenses", name=_LICENSE, slug=_LICENSE, type="PAID", isActive=True)
    customer = post(client, "/customers", name=_LICENSE, slug=_LICENSE)
    _grant(client, HOT, HOT_LIMIT)
    entitlements = [*_sell_aggregations(client), _grant(client, "calculated", UNLIMITED, meterType="CALCULATED_USAGE")]
    hots, others = [f"hot-{number}" for number in range(hot)], [f"beside-{number}" for number in range(instances)]
    for slug in (*hots, *others):
        post(client, "/instances", name=slug, slug=slug, customerId=customer["id"], licenseSlug=_LICENSE)
    return Meters([Meter(slug, HOT) for slug in hots], [Meter(slug, ent) for slug in others for ent in entitlements])


def _sell_aggregations(client: httpx.Client) -> list[str]:
    free = [_grant(client, f"{it.lower()}-free", UNLIMITED, aggregationMethod=it) for it in _AGGREGATIONS]
    held = [_grant(client, f"{it.lower()}-held", *_LIMITS[it], aggregationMethod=it) for it in _AGGREGATIONS]
    return [*free, *held]


def _grant(client: httpx.Client, slug: str, limit: int, overage: int = 0, **fields: str) -> str:
    post(client, "/entitlements", **{"name": slug, "slug": slug, "type": "NUMBER", "meterType": "RAW_EVENT", **fields})
    link = {"entitlementSlug": slug, "value": {"type": "number", "value": limit}}
    post(client, f"/licenses/{_LICENSE}/entitlements", limitCapExceededOveragePercent=overage, **link)
    return slug
