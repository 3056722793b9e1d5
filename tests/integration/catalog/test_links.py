"""License links: values that fit their entitlement, kept to the digit."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

JSON = {"Content-Type": "application/json"}
LINK = "/licenses/team/entitlements/calls"


@pytest.fixture(autouse=True)
async def _a_license_and_entitlements(client: httpx.AsyncClient) -> None:
    await client.post("/licenses", json={"name": "Team", "type": "PAID"})
    for name, kind in (("Calls", "NUMBER"), ("SSO", "BOOLEAN"), ("Theme", "CONFIG")):
        await client.post("/entitlements", json={"name": name, "type": kind})


async def _link(client: httpx.AsyncClient, slug: str, value: dict[str, Any], **more: Any) -> httpx.Response:
    return await client.post("/licenses/team/entitlements", json={"entitlementSlug": slug, "value": value, **more})


async def _link_exactly(client: httpx.AsyncClient, number: str) -> httpx.Response:
    body = f'{{"entitlementSlug": "calls", "value": {{"type": "number", "value": {number}}}}}'
    return await client.post("/licenses/team/entitlements", content=body, headers=JSON)


VALUES: list[Any] = [
    ("calls", {"type": "number", "value": 1000}),
    ("calls", {"type": "number", "value": -1}),
    ("sso", {"type": "boolean", "value": True}),
    ("theme", {"type": "object", "value": {"maxUsers": 50, "nested": [None, {"a": 1.5}]}}),
]


async def test_a_value_of_each_type_is_linked_and_read_back(client: httpx.AsyncClient) -> None:
    for slug, value in VALUES:
        assert (await _link(client, slug, value)).status_code == 204
        read = (await client.get(f"/licenses/team/entitlements/{slug}")).json()
        assert read["value"] == value
        assert (read["entitlementSlug"], read["licenseSlug"]) == (slug, "team")
        assert read["licenseId"] == read["licenseID"]
        assert read["limitCapExceededOveragePercent"] == 0
        await client.delete(f"/licenses/team/entitlements/{slug}")


async def test_a_link_is_replaced_and_deleted(client: httpx.AsyncClient) -> None:
    await _link(client, "calls", {"type": "number", "value": 1000}, limitCapExceededOveragePercent=10)
    assert (await client.put(LINK, json={"value": {"type": "number", "value": 5}})).status_code == 204
    read = (await client.get(LINK)).json()
    assert (read["value"]["value"], read["limitCapExceededOveragePercent"]) == (5, 0)
    assert (await client.delete(LINK)).status_code == 204
    answer = await client.get(LINK)
    assert (answer.status_code, answer.json()["code"]) == (404, "GetLicenseEntitlement.LicenseEntitlementNotFound")


LIMITS = ["0.1", "12345678901234567890.123456789012", "0.000000000001", "1.10", "1e3"]


async def test_a_limit_is_kept_to_the_digit(client: httpx.AsyncClient) -> None:
    for number in LIMITS:
        assert (await _link_exactly(client, number)).status_code == 204
        shown = {"1.10": "1.1", "1e3": "1000", "0.000000000001": "1E-12"}.get(number, number)
        assert f'"value":{{"type":"number","value":{shown}}}' in (await client.get(LINK)).text
        await client.delete(LINK)


NO_LIMITS = ["1e20", "1e-13", "1" * 40, "1e999999999999999999", "-2", '"5"', "true", "null"]


async def test_a_limit_that_no_report_could_meet_is_refused(client: httpx.AsyncClient) -> None:
    for number in NO_LIMITS:
        answer = await _link_exactly(client, number)
        assert (answer.status_code, answer.json()["errors"][0]["location"]) == (422, "body.value.value"), number


async def test_a_value_that_does_not_fit_the_entitlement_is_refused(client: httpx.AsyncClient) -> None:
    for slug, value in (("calls", True), ("sso", 5), ("theme", 5)):
        kind = "boolean" if value is True else "number"
        answer = await _link(client, slug, {"type": kind, "value": value})
        assert (answer.status_code, answer.json()["errors"][0]["location"]) == (422, "body.value.type")


async def test_one_entitlement_is_linked_once(client: httpx.AsyncClient) -> None:
    await _link(client, "calls", {"type": "number", "value": 1})
    answer = await _link(client, "calls", {"type": "number", "value": 2})
    assert (answer.status_code, answer.json()["code"]) == (409, "AssociateLicenseEntitlement.Conflict")


async def test_links_to_what_does_not_exist_are_not_found(client: httpx.AsyncClient) -> None:
    answer = await _link(client, "nothing", {"type": "number", "value": 1})
    assert (answer.status_code, answer.json()["code"]) == (404, "AssociateLicenseEntitlement.EntitlementNotFound")
    assert answer.json()["errors"][0]["location"] == "body.entitlementSlug"
    assert (await client.get("/licenses/nothing/entitlements")).json()["code"] == (
        "ListLicenseEntitlements.LicenseNotFound"
    )


async def test_links_are_paged_by_their_entitlements(client: httpx.AsyncClient) -> None:
    await _link(client, "calls", {"type": "number", "value": 1})
    await _link(client, "sso", {"type": "boolean", "value": True})
    first = (await client.get("/licenses/team/entitlements", params={"limit": 1})).json()
    rest = (await client.get("/licenses/team/entitlements", params={"cursor": first["nextCursor"]})).json()
    assert [link["entitlementName"] for link in first["items"] + rest["items"]] == ["Calls", "SSO"]
    assert rest["hasMore"] is False
