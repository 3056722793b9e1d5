"""The manifest that OpenFeature's command line writes typed accessors from."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

BASIC = {"type": "basic", "variant": "first"}
SPLIT = {"type": "rollout_percentage", "distribution": {"first": 20, "second": 80}}
STEP = {"percentage": 100, "date": "2026-01-01T00:00:00Z"}
SCHEDULE = {
    "type": "rollout_date",
    "start": {"variant": "second", **STEP},
    "end": {"variant": "first", **STEP, "date": "2026-02-01T00:00:00Z"},
}


def flag(name: str, kind: str, first: Any, second: Any, default: dict[str, Any]) -> dict[str, Any]:
    variants = [{"name": "first", "value": first}, {"name": "second", "value": second}]
    rest = {"enabled": True, "targetings": [], "description": f"What {name} is for"}
    return {"name": name, "type": kind, "variants": variants, "default_variant": default, **rest}


@pytest.mark.parametrize(
    ("sent", "told", "default"),
    [
        (flag("On", "boolean", True, False, BASIC), "boolean", True),
        (flag("Text", "string", "a", "b", SPLIT), "string", "b"),
        (flag("Rows", "number", 10, 20, SCHEDULE), "integer", 20),
        (flag("Ratio", "number", 1, 0.5, BASIC), "float", 1),
        (flag("Theme", "object", {"dark": True}, {}, BASIC), "object", {"dark": True}),
    ],
    ids=lambda value: value["name"] if isinstance(value, dict) and "name" in value else "",
)
async def test_a_flag_is_told_with_its_type_and_what_to_fall_back_to(
    client: httpx.AsyncClient, sent: dict[str, Any], told: str, default: Any
) -> None:
    assert (await client.post("/feature-flags", json=sent)).status_code == 201
    answer = await client.get("/openfeature/v0/manifest")
    assert answer.headers["x-manifest-capabilities"] == "read"
    shown = {"key": sent["name"].lower(), "name": sent["name"], "type": told, "description": sent["description"]}
    assert answer.json() == {"flags": [{**shown, "defaultValue": default}]}


async def test_every_flag_is_in_the_manifest_in_the_order_of_keys(client: httpx.AsyncClient) -> None:
    for number in range(60):
        sent = flag(f"Flag {99 - number}", "boolean", True, False, BASIC)
        assert (await client.post("/feature-flags", json=sent)).status_code == 201
    flags = (await client.get("/openfeature/v0/manifest")).json()["flags"]
    assert [one["key"] for one in flags] == [f"flag-{number}" for number in range(40, 100)]


async def test_an_organization_without_flags_has_an_empty_manifest(client: httpx.AsyncClient) -> None:
    assert (await client.get("/openfeature/v0/manifest")).json() == {"flags": []}
