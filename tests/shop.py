"""A small shop for tests: customers with instances, licenses with limits, each under names of its own."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx
import msgspec

UNLIMITED = -1

_exactly = msgspec.json.Decoder(float_hook=Decimal).decode


@dataclass
class Sold:
    """One instance that may use one entitlement, and the ways to its usage and trail."""

    client: httpx.Client
    instance: str
    entitlement: str
    license: str
    customer_id: str

    @property
    def usage_path(self) -> str:
        return f"/instances/{self.instance}/entitlements/{self.entitlement}/usage"

    def report(self, value: object, **rest: Any) -> httpx.Response:
        body = {"value": {"type": "number", "value": value}, **rest}
        return self.client.post(self.usage_path, json=body)

    def rename(self, slug: str) -> None:
        """Call the instance so; `instance` stays what it was called when it was sold."""
        self.client.patch(f"/instances/{self.instance}", json={"slug": slug}).raise_for_status()

    def usage(self) -> dict[str, Any]:
        response = self.client.get(self.usage_path)
        assert response.status_code == httpx.codes.OK, response.text
        found: dict[str, Any] = response.json()
        return found

    def trail(self, **query: Any) -> list[dict[str, Any]]:
        """Every audit event that the query finds, newest first, over all its pages."""
        items: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            found = self.client.get(
                f"/instances/{self.instance}/audit-trails", params={"limit": 200, **query, **cursor}
            ).raise_for_status()
            page = found.json()
            items += page["items"]
            if not page["hasMore"]:
                return items
            cursor = {"cursor": page["nextCursor"]}


def exact(response: httpx.Response) -> Any:
    """The body with its numbers as the text says, not as a float would have them."""
    return _exactly(response.content)


def value_of(sold: Sold) -> tuple[Decimal, int]:
    """The current value, exactly, and in how many events."""
    found = exact(sold.client.get(sold.usage_path))["value"]
    return Decimal(found["value"]), found["event_count"]


def post(client: httpx.Client, path: str, **body: Any) -> dict[str, Any]:
    """What was created; empty for a link, which answers with no body."""
    response = client.post(path, json=body)
    assert response.is_success, response.text
    created: dict[str, Any] = response.json() if response.content else {}
    return created


def sell(
    client: httpx.Client,
    *,
    limit: object = UNLIMITED,
    overage: object = 0,
    licensed: dict[str, Any] | None = None,
    instance: dict[str, Any] | None = None,
    **entitlement: Any,
) -> Sold:
    """Sell an instance a license with one NUMBER entitlement under `limit`; the rest are fields of each resource."""
    mark = uuid.uuid4().hex[:12]
    ent = {"name": f"Calls {mark}", "slug": f"calls-{mark}", "type": "NUMBER", "meterType": "RAW_EVENT", **entitlement}
    post(client, "/entitlements", **ent)
    post(
        client,
        "/licenses",
        name=f"Paid {mark}",
        slug=f"paid-{mark}",
        **{"type": "PAID", "isActive": True, **(licensed or {})},
    )
    granted = {"type": "number", "value": limit}
    post(
        client,
        f"/licenses/paid-{mark}/entitlements",
        entitlementSlug=ent["slug"],
        value=granted,
        limitCapExceededOveragePercent=overage,
    )
    customer = post(client, "/customers", name=f"Customer {mark}", slug=f"customer-{mark}")
    names = {
        "name": f"Prod {mark}",
        "slug": f"prod-{mark}",
        "customerId": customer["id"],
        "licenseSlug": f"paid-{mark}",
    }
    post(client, "/instances", **{**names, **(instance or {})})
    return Sold(client, f"prod-{mark}", ent["slug"], f"paid-{mark}", customer["id"])
