"""Feature flags."""

from __future__ import annotations

import json
from typing import Any

import httpx

from api.json import encode

ON, OFF = {"name": "on", "value": True}, {"name": "off", "value": False}
FLAG: dict[str, Any] = {
    "name": "New checkout",
    "type": "boolean",
    "enabled": True,
    "description": "The checkout in one page",
    "event_name": "checkout_seen",
    "metadata": {"team": "shop"},
    "variants": [{**ON, "description": "One page"}, OFF],
    "default_variant": {"type": "basic", "variant": "off"},
    "targetings": [
        {"type": "basic", "name": "Growth", "rule": "__kaiten.license.familySlug == 'growth'", "variant": "on"},
        {"type": "rollout_percentage", "name": "EU", "rule": "region == 'eu'", "distribution": {"on": 20, "off": 80}},
        {
            "type": "rollout_date",
            "name": "Everyone",
            "rule": "true",
            "start": {"variant": "off", "percentage": 100, "date": "2026-01-01T00:00:00Z"},
            "end": {"variant": "on", "percentage": 100, "date": "2026-02-01T00:00:00Z"},
        },
    ],
}
JSON = {"Content-Type": "application/json"}


async def test_a_flag_is_created_read_replaced_and_deleted(client: httpx.AsyncClient) -> None:
    created = await client.post("/feature-flags", json=FLAG)
    assert created.status_code == 201, created.text
    read = (await client.get("/feature-flags/new-checkout")).json()
    assert read == created.json()
    assert read["default_variant"] == {"type": "basic", "variant": "off", "value": "off"}
    assert {key: read[key] for key in FLAG if key not in ("default_variant", "variants")} == {
        key: value for key, value in FLAG.items() if key not in ("default_variant", "variants")
    }
    assert read["variants"] == [{**ON, "description": "One page"}, {**OFF, "description": ""}]
    assert {"id", "created_at", "created_by", "updated_at", "updated_by"} <= read.keys()
    changed = {**FLAG, "enabled": False, "description": None, "targetings": []}
    assert (await client.put("/feature-flags/new-checkout", json=changed)).status_code == 204
    read = (await client.get("/feature-flags/new-checkout")).json()
    assert (read["enabled"], read["description"], read["targetings"]) == (False, None, [])
    assert (await client.delete("/feature-flags/new-checkout")).status_code == 204
    assert (await client.get("/feature-flags")).json() == {"items": [], "hasMore": False, "nextCursor": None}


async def test_what_is_read_can_be_sent_again(client: httpx.AsyncClient) -> None:
    read = (await client.post("/feature-flags", json=FLAG)).json()
    again = {key: value for key, value in read.items() if key in FLAG}
    assert (await client.put("/feature-flags/new-checkout", json=again)).status_code == 204
    found = (await client.get("/feature-flags/new-checkout")).json()
    assert {**found, "updated_at": read["updated_at"]} == read


async def test_the_default_may_be_named_as_published(client: httpx.AsyncClient) -> None:
    published = {**FLAG, "default_variant": {"type": "basic", "value": "on"}}
    assert (await client.post("/feature-flags", json=published)).json()["default_variant"]["variant"] == "on"
    for wrong in ({"type": "basic"}, {"type": "basic", "value": "on", "variant": "off"}):
        answer = await client.post("/feature-flags", json={**FLAG, "default_variant": wrong})
        assert (answer.status_code, answer.json()["errors"][0]["location"]) == (422, "body.default_variant.value")


async def test_numbers_come_back_digit_by_digit(client: httpx.AsyncClient) -> None:
    body = encode({**FLAG, "type": "number", "variants": [{**ON, "value": 1}, {**OFF, "value": 2}]})
    exact = body.replace(b'"value":1', b'"value":0.1000000000000000000001')
    created = await client.post("/feature-flags", content=exact, headers=JSON)
    assert '"value":0.1000000000000000000001' in created.text


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"type": "date"}, "body.type"),
    ({"enabled": "yes"}, "body.enabled"),
    ({"enabled": None}, "body.enabled"),
    ({"event_name": None}, "body.event_name"),
    ({"eventName": "x"}, "body.eventName"),
    ({"variants": []}, "body.variants"),
    ({"variants": None}, "body.variants"),
    ({"variants": [ON]}, "body.default_variant.variant"),
    ({"variants": [ON, {**OFF, "value": "no"}]}, "body.variants.1.value"),
    ({"variants": [ON, OFF, OFF]}, "body.variants.2.name"),
    ({"variants": [ON, OFF, {"name": "a\0b", "value": True}]}, "body.variants.2.name"),
    ({"default_variant": {"type": "coin"}}, "body.default_variant"),
    ({"default_variant": {"type": "basic", "variant": "maybe"}}, "body.default_variant.variant"),
    ({"targetings": None}, "body.targetings"),
    ({"metadata": []}, "body.metadata"),
]


async def test_a_field_takes_only_what_it_says(client: httpx.AsyncClient) -> None:
    for change, location in WRONG:
        answer = await client.post("/feature-flags", json={**FLAG, "targetings": [], **change})
        assert (answer.status_code, answer.json()["errors"][0]["location"]) == (422, location)


async def test_percentages_are_whole_and_make_100(client: httpx.AsyncClient) -> None:
    at = "body.targetings.0.distribution"
    for distribution, location in (
        ({"on": 20, "off": 79}, at),
        ({"on": 20, "maybe": 80}, f"{at}.maybe"),
        ({"on": 20.5, "off": 79.5}, f"{at}.on"),
        ({"on": -20, "off": 120}, f"{at}.on"),
    ):
        targeting = {"type": "rollout_percentage", "name": "EU", "rule": "true", "distribution": distribution}
        answer = await client.post("/feature-flags", json={**FLAG, "targetings": [targeting]})
        assert (answer.status_code, answer.json()["errors"][0]["location"]) == (422, location)


async def test_a_rule_that_is_no_condition_is_told_where_and_why(client: httpx.AsyncClient) -> None:
    rules = ["true", "region ==", "1 + 1", "x" * 10_000 + "&"]
    targetings = [{"type": "basic", "name": rule[:10], "rule": rule, "variant": "on"} for rule in rules]
    answer = await client.post("/feature-flags", json={**FLAG, "targetings": targetings[:3]})
    assert answer.status_code == 422
    syntax, type_ = answer.json()["errors"]
    assert (syntax["location"], syntax["value"]) == ("body.targetings.1.rule", "region ==")
    assert syntax["message"].startswith("line 1, column 10: Syntax error")
    assert (type_["location"], "INT" in type_["message"]) == ("body.targetings.2.rule", True)
    answer = await client.post("/feature-flags", json={**FLAG, "targetings": targetings[3:]})
    assert (answer.status_code, answer.json()["errors"][0]["location"].endswith("rule")) == (422, True)


async def test_a_slug_is_taken_once(client: httpx.AsyncClient) -> None:
    await client.post("/feature-flags", json=FLAG)
    answer = await client.post("/feature-flags", json=FLAG)
    assert (answer.status_code, answer.json()["code"]) == (409, "CreateFeatureFlag.SlugTaken")


async def test_flags_are_listed_page_by_page(client: httpx.AsyncClient) -> None:
    for number in range(3):
        await client.post("/feature-flags", json={**FLAG, "name": f"Flag {number}"})
    first = (await client.get("/feature-flags", params={"limit": 2})).json()
    rest = (await client.get("/feature-flags", params={"limit": 2, "cursor": first["nextCursor"]})).json()
    assert [flag["slug"] for flag in first["items"] + rest["items"]] == ["flag-0", "flag-1", "flag-2"]
    assert json.dumps(rest["nextCursor"]) == "null"
