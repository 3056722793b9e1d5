"""The protocol's own words: its answers, its errors, and who may ask."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from api.flag_evaluation import evaluate_all
from tests.integration.catalog.conftest import Clients
from tests.integration.catalog.ofrep.conftest import JSON, ONE, Ask, MakeFlag


async def test_an_unknown_flag_is_400_in_the_words_of_both_protocols(ask: Ask) -> None:
    answer = await ask("nowhere")
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    found = answer.json()
    assert (found["key"], found["errorCode"], found["code"]) == (
        "nowhere",
        "FLAG_NOT_FOUND",
        "EvaluateFlag.FlagNotFound",
    )
    assert "nowhere" in found["errorDetails"]


UNEVALUABLE = [
    (b"{", "PARSE_ERROR"),
    (b'{"context": {"n": NaN}}', "PARSE_ERROR"),
    (b'{"context": []}', "INVALID_CONTEXT"),
    (b'{"context": null}', "INVALID_CONTEXT"),
    (b"[]", "INVALID_CONTEXT"),
    (b"1.5", "INVALID_CONTEXT"),
    (b'{"context": {"targetingKey": 7}}', "INVALID_CONTEXT"),
    (b'{"context": {"kaiten": {"instanceSlug": []}}}', "INVALID_CONTEXT"),
    (b'{"context": {"kaiten": {"instanceSlug": "nowhere"}}}', "INVALID_CONTEXT"),
    (b'{"context": {"deep": ' + b"[" * 40 + b"]" * 40 + b"}}", "INVALID_CONTEXT"),
    (b'{"context": {"text": "' + b"x" * 70_000 + b'"}}', "INVALID_CONTEXT"),
]


async def test_what_cannot_be_evaluated_is_400_with_the_protocols_code(
    make: MakeFlag, client: httpx.AsyncClient
) -> None:
    key = await make()
    for body, code in UNEVALUABLE:
        for path in (f"{ONE}/{key}", ONE):
            answer = await client.post(path, content=body, headers=JSON)
            assert (answer.status_code, answer.json()["errorCode"]) == (400, code), body[:40]
            assert answer.json()["errorDetails"]


async def test_without_a_context_there_is_an_empty_one(make: MakeFlag, client: httpx.AsyncClient) -> None:
    key = await make()
    for answer in (
        await client.post(f"{ONE}/{key}"),
        await client.post(f"{ONE}/{key}", json={}),
        await client.post(f"{ONE}/{key}", json={"context": {}, "a later version's": 1}),
    ):
        assert (answer.status_code, answer.json()["variant"]) == (200, "off")


async def test_bulk_answers_every_flag_and_says_which_failed(make: MakeFlag, client: httpx.AsyncClient) -> None:
    await make("region == 'eu'", name="Banner")
    await make(name="Checkout", default_variant={"type": "rollout_percentage", "distribution": {"on": 50, "off": 50}})
    answer = await client.post(ONE, json={"context": {"region": "eu"}})
    banner, checkout = answer.json()["flags"]
    assert (banner["key"], banner["value"], banner["reason"]) == ("banner", True, "TARGETING_MATCH")
    assert (checkout["key"], checkout["errorCode"]) == ("checkout", "TARGETING_KEY_MISSING")


async def test_bulk_is_304_until_an_answer_would_differ(make: MakeFlag, client: httpx.AsyncClient) -> None:
    await make("region == 'eu'")
    first = await client.post(ONE, json={"context": {"region": "eu"}})
    tag = first.headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await client.post(ONE, json={"context": {"region": "eu"}}, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = await client.post(ONE, json={"context": {"region": "us"}}, headers={"If-None-Match": tag})
    assert other.status_code == 200
    await make(name="Banner")
    edited = await client.post(ONE, json={"context": {"region": "eu"}}, headers={"If-None-Match": tag})
    assert (edited.status_code, len(edited.json()["flags"])) == (200, 2)


async def test_an_instances_flags_are_what_the_protocol_answers_for_it(
    make: MakeFlag, client: httpx.AsyncClient, instance: str
) -> None:
    await make("__kaiten.instance.slug == 'prod'", name="Banner")
    await make("tenantSlug == 'prod'", name="Checkout")
    await make(name="Split", default_variant={"type": "rollout_percentage", "distribution": {"on": 50, "off": 50}})
    path = f"/instances/{instance}/feature-flags"
    listed = (await client.get(path)).json()
    bulk = await client.post(ONE, json={"context": {"tenantSlug": "prod"}})
    assert listed == {"items": bulk.json()["flags"], "hasMore": False, "nextCursor": None}
    assert [flag["reason"] for flag in listed["items"]] == ["TARGETING_MATCH", "TARGETING_MATCH", "SPLIT"]
    page = (await client.get(path, params={"limit": 2})).json()
    assert page["hasMore"]
    rest = (await client.get(path, params={"limit": 2, "cursor": page["nextCursor"]})).json()
    assert page["items"] + rest["items"] == listed["items"]
    assert (await client.get("/instances/nowhere/feature-flags")).json()["code"].endswith("InstanceNotFound")


async def test_an_instance_that_is_renamed_amid_the_question_is_not_found(
    make: MakeFlag, client: httpx.AsyncClient, instance: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def rename_and_evaluate(*asked: Any) -> Any:
        await client.patch(f"/instances/{instance}", json={"slug": "production"})
        return await evaluate_all(*asked)

    await make("__kaiten.instance.slug == 'prod'")
    monkeypatch.setattr("api.ofrep.evaluate_all", rename_and_evaluate)
    answer = await client.get(f"/instances/{instance}/feature-flags")
    assert (answer.status_code, answer.json()["errors"][0]["location"]) == (404, "path.instanceSlug")


async def test_another_organizations_flags_and_instances_are_not_there(
    make: MakeFlag, stranger: httpx.AsyncClient, instance: str
) -> None:
    key = await make()
    assert (await stranger.post(f"{ONE}/{key}", json={})).json()["errorCode"] == "FLAG_NOT_FOUND"
    assert (await stranger.post(ONE, json={})).json() == {"flags": []}
    context = {"context": {"kaiten": {"instanceSlug": instance}}}
    assert (await stranger.post(ONE, json=context)).json()["errorCode"] == "INVALID_CONTEXT"
    assert (await stranger.get(f"/instances/{instance}/feature-flags")).status_code == 404


async def test_evaluating_needs_the_scope_to_read_flags(
    make: MakeFlag, client: httpx.AsyncClient, client_of: Clients, anyone: httpx.AsyncClient
) -> None:
    key = await make()
    await client.post("/service-accounts", json={"name": "Web"})
    for scope, status in (("read:feature_flags", 200), ("read:instances", 403)):
        issued = await client.post("/service-accounts/web/tokens", json={"name": scope, "scopes": [scope]})
        own = await client_of({"Authorization": f"Bearer {issued.json()['token']}"})
        for path in (f"{ONE}/{key}", ONE):
            assert (await own.post(path, json={})).status_code == status
    refused = await anyone.post(ONE, json={})
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
