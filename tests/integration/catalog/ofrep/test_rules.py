"""What a flag's rules, its default and its rollout make of a context."""

from __future__ import annotations

import httpx

from catalog.catalog import Catalog
from tests.integration.catalog.ofrep.conftest import Ask, MakeFlag


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
