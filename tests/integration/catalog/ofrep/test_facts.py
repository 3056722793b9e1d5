"""What a rule may know of an instance, its license and its usage."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx

from tests.integration.catalog.ofrep.conftest import Ask, FakeLog, MakeFlag


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


async def test_whatever_metadata_an_instance_may_have_its_flags_are_evaluated(
    client: httpx.AsyncClient, instance: str, make: MakeFlag, ask: Ask
) -> None:
    key = await make("__kaiten.license.slug == 'team'")
    answers = [await client.patch(f"/instances/{instance}", json={"metadata": _nested(depth)}) for depth in (24, 25)]
    assert [answer.status_code for answer in answers] == [204, 422]
    assert (await ask(key, tenantSlug=instance)).json()["reason"] == "TARGETING_MATCH"


def _nested(depth: int) -> dict[str, Any]:
    return {"a": _nested(depth - 1)} if depth > 1 else {"a": 1}
