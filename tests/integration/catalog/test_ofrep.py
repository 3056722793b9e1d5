"""The OpenFeature Remote Evaluation Protocol, over a log that tells what a test says was used."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api import ofrep
from catalog.catalog import Catalog
from metering.balance import Place
from metering.command import Command, Peek
from metering.decision import Standing
from metering.grant import Grant
from metering.problems import Unavailable
from stream.gateway import Answered
from tests.integration.catalog.conftest import Clients

ONE = "/ofrep/v1/evaluate/flags"
DEFAULT = {"type": "basic", "variant": "off"}
JSON = {"Content-Type": "application/json"}

MakeFlag = Callable[..., Awaitable[str]]
Ask = Callable[..., Awaitable[httpx.Response]]


@dataclass
class FakeLog:
    used: Decimal = Decimal(0)
    away: bool = False
    asked: list[str] = field(default_factory=list)

    async def submit(self, grant: Grant, command: Command) -> Answered:
        assert isinstance(command, Peek)
        self.asked.append(grant.entitlement_slug)
        if self.away:
            raise Unavailable("The log is away.", headers={"Retry-After": "1"})
        return Answered(0, Place(0, 0), Standing(self.used, 1, grant.period_at(command.received_at)))


@pytest.fixture
def url(migrated: Path, tmp_path: Path) -> str:
    """SQLite only: nothing here is the database's doing, and edits of flags are tested on both."""
    return f"sqlite:///{shutil.copy(migrated, tmp_path / 'catalog.db')}"


@pytest.fixture(autouse=True)
def log(app: FastAPI) -> FakeLog:
    app.include_router(ofrep.router)
    app.state.gateway = FakeLog()
    return app.state.gateway  # type: ignore[no-any-return]


@pytest.fixture
def make(client: httpx.AsyncClient) -> MakeFlag:
    """Makes a boolean flag of the given rules, `on` where one matches; returns its key."""

    async def make_flag(*rules: str, name: str = "Checkout", **change: Any) -> str:
        body = {
            "name": name,
            "type": "boolean",
            "enabled": True,
            "variants": [{"name": "on", "value": True}, {"name": "off", "value": False}],
            "default_variant": DEFAULT,
            "targetings": [
                {"type": "basic", "name": f"Rule {number}", "rule": rule, "variant": "on"}
                for number, rule in enumerate(rules, start=1)
            ],
            **change,
        }
        answer = await client.post("/feature-flags", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["slug"])

    return make_flag


@pytest.fixture
def ask(client: httpx.AsyncClient) -> Ask:
    async def evaluate(key: str, **context: Any) -> httpx.Response:
        return await client.post(f"{ONE}/{key}", json={"context": context})

    return evaluate


async def test_the_first_rule_that_matches_decides(make: MakeFlag, ask: Ask) -> None:
    key = await make("region == 'us'", "region == 'eu'", metadata={"team": "shop", "nested": {}})
    assert (await ask(key, region="eu")).json() == {
        "key": "checkout",
        "value": True,
        "variant": "on",
        "reason": "TARGETING_MATCH",
        "metadata": {"team": "shop", "matched_rule_name": "Rule 2"},
    }
    found = (await ask(key, region="ap")).json()
    assert (found["value"], found["variant"], found["reason"]) == (False, "off", "DEFAULT")


async def test_a_rule_that_fails_is_skipped_and_named(make: MakeFlag, ask: Ask) -> None:
    found = (await ask(await make("missing == 1", "1 / 0 == 1", "true"))).json()
    assert found["value"] is True
    assert found["metadata"] == {"matched_rule_name": "Rule 3", "failed_rules": "Rule 1, Rule 2"}


async def test_a_disabled_flag_serves_its_default_to_everyone(make: MakeFlag, ask: Ask) -> None:
    found = (await ask(await make("true", enabled=False))).json()
    assert (found["value"], found["variant"], found["reason"]) == (False, "off", "DISABLED")


async def test_an_edit_is_in_force_at_once(make: MakeFlag, ask: Ask, client: httpx.AsyncClient) -> None:
    key = await make()
    assert (await ask(key)).json()["value"] is False
    flag = (await client.get(f"/feature-flags/{key}")).json()
    names = ("name", "type", "enabled", "variants", "targetings")
    body = {**{name: flag[name] for name in names}, "default_variant": {"type": "basic", "value": "on"}}
    await client.put(f"/feature-flags/{key}", json=body)
    assert (await ask(key)).json()["value"] is True
    await client.delete(f"/feature-flags/{key}")
    assert (await ask(key)).status_code == 400


async def test_an_edit_is_in_force_on_the_other_replica(
    make: MakeFlag, other_replica: Catalog, catalog: Catalog, token: str
) -> None:
    admin = await catalog.authenticator.authenticate(f"Bearer {token}")
    assert await other_replica.flags.all(admin.organization_id) == ()
    await make()
    await other_replica.feed.poll()
    assert [flag.key for flag in await other_replica.flags.all(admin.organization_id)] == ["checkout"]


async def test_facts_are_those_of_the_instance_that_the_context_names(make: MakeFlag, ask: Ask, instance: str) -> None:
    key = await make(
        "__kaiten.license.familySlug == 'team' && __kaiten.license.isActive && __kaiten.license.isValid"
        " && __kaiten.instance.slug == 'prod' && __kaiten.customer.slug == 'acme'"
        " && __kaiten.deploymentZone == null && __kaiten.entitlements.calls.limit == 1000"
    )
    naming: list[dict[str, Any]] = [
        {"tenantSlug": "prod"},
        {"kaiten": {"instanceSlug": "prod"}},
        {"targetingKey": "prod"},
        {"targetingKey": "acme"},
        {"targetingKey": "user-1", "tenantSlug": "prod"},
    ]
    for context in naming:
        assert (await ask(key, **context)).json()["reason"] == "TARGETING_MATCH", context
    assert (await ask(key, targetingKey="user-1")).json()["metadata"] == {"failed_rules": "Rule 1"}


async def test_usage_facts_come_from_the_log_and_only_where_a_rule_may_look(
    make: MakeFlag, ask: Ask, instance: str, log: FakeLog
) -> None:
    log.used = Decimal("900.5")
    near = await make("__kaiten.entitlements['calls'].remaining < 100 && __kaiten.entitlements.calls.used == 900.5")
    assert (await ask(near, tenantSlug="prod")).json()["value"] is True
    assert log.asked == ["calls"]
    await ask(await make("__kaiten.license.slug == 'team'", name="Other"), tenantSlug="prod")
    assert log.asked == ["calls"]


async def test_an_unlimited_entitlement_has_endless_remaining(
    make: MakeFlag, ask: Ask, instance: str, client: httpx.AsyncClient
) -> None:
    await client.put("/licenses/team/entitlements/calls", json={"value": {"type": "number", "value": -1}})
    key = await make("__kaiten.entitlements.calls.remaining > 1000000 && __kaiten.entitlements.calls.limit == -1")
    assert (await ask(key, tenantSlug="prod")).json()["value"] is True


async def test_while_the_log_is_away_flags_that_need_it_are_503(
    make: MakeFlag, ask: Ask, instance: str, log: FakeLog
) -> None:
    log.away = True
    needing, free = await make("__kaiten.entitlements.calls.used > 1"), await make("true", name="Free")
    answer = await ask(needing, tenantSlug="prod")
    assert (answer.status_code, answer.json()["errorCode"]) == (503, "GENERAL")
    assert (await ask(free, tenantSlug="prod")).json()["value"] is True


async def test_nobody_can_say_facts_of_their_own(make: MakeFlag, ask: Ask, instance: str) -> None:
    key = await make("__kaiten.license.slug == 'enterprise'")
    mine = {"license": {"slug": "enterprise"}}
    for context in (
        {"__kaiten": mine},
        {"__kaiten": mine, "tenantSlug": "prod"},
        {"__kaiten.license.slug": "enterprise"},
        {"__kaiten.license": mine["license"], "tenantSlug": "prod"},
    ):
        assert (await ask(key, **context)).json()["value"] is False


async def test_an_attribute_with_dots_is_a_field(make: MakeFlag, ask: Ask) -> None:
    key = await make("user.plan == 'enterprise'")
    assert (await ask(key, **{"user.plan": "enterprise"})).json()["value"] is True
    assert (await ask(key, user={"plan": "free"}, **{"user.plan": "enterprise"})).json()["value"] is False


async def test_a_rollout_needs_a_targeting_key_and_sticks_to_it(make: MakeFlag, ask: Ask) -> None:
    half = {"type": "rollout_percentage", "distribution": {"on": 50, "off": 50}}
    key = await make(default_variant=half)
    answers = [(await ask(key, targetingKey=f"user-{number % 20}")).json() for number in range(40)]
    assert answers[:20] == answers[20:]
    assert {answer["variant"] for answer in answers} == {"on", "off"}
    assert {answer["reason"] for answer in answers} == {"SPLIT"}
    answer = await ask(key)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "TARGETING_KEY_MISSING")


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


async def test_whatever_metadata_an_instance_may_have_its_flags_are_evaluated(
    client: httpx.AsyncClient, instance: str, make: MakeFlag, ask: Ask
) -> None:
    key = await make("__kaiten.license.slug == 'team'")
    answers = [await client.patch(f"/instances/{instance}", json={"metadata": _nested(depth)}) for depth in (24, 25)]
    assert [answer.status_code for answer in answers] == [204, 422]
    assert (await ask(key, tenantSlug=instance)).json()["reason"] == "TARGETING_MATCH"


def _nested(depth: int) -> dict[str, Any]:
    return {"a": _nested(depth - 1)} if depth > 1 else {"a": 1}
