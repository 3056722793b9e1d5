"""OpenFeature's own SDK and OFREP provider, unchanged, against the running pipeline."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason

from tests.pipeline import TOKEN, Pipeline
from tests.shop import post, sell

pytestmark = pytest.mark.integration

VALUES: dict[str, Any] = {
    "boolean": True,
    "string": "blue",
    "number": 42,
    "object": {"theme": "dark", "sizes": [1, 2]},
}


@pytest.fixture(scope="module")
def organization(pipeline: Pipeline) -> Iterator[httpx.Client]:
    with pipeline.client(pipeline.new_organization("OpenFeature")) as client:
        yield client


@pytest.fixture(scope="module")
def flags(pipeline: Pipeline, organization: httpx.Client) -> Iterator[OpenFeatureClient]:
    yield from connected(pipeline, organization.headers["Authorization"])


def connected(pipeline: Pipeline, authorization: str) -> Iterator[OpenFeatureClient]:
    provider = OFREPProvider(pipeline.url, headers_factory=lambda: {"Authorization": authorization})
    domain = uuid.uuid4().hex
    api.set_provider(provider, domain)
    yield api.get_client(domain)
    provider.session.close()


def make(client: httpx.Client, **change: Any) -> str:
    """A boolean flag, `off` unless `change` says otherwise."""
    body = {
        "name": f"Flag {uuid.uuid4().hex[:8]}",
        "type": "boolean",
        "enabled": True,
        "variants": [{"name": "on", "value": True}, {"name": "off", "value": False}],
        "default_variant": {"type": "basic", "variant": "off"},
        "targetings": [],
        **change,
    }
    return str(post(client, "/feature-flags", **body)["slug"])


def on_where(rule: str) -> list[dict[str, str]]:
    return [{"type": "basic", "name": "The rule", "rule": rule, "variant": "on"}]


@pytest.mark.parametrize("kind", VALUES)
def test_a_value_of_every_type_arrives(organization: httpx.Client, flags: OpenFeatureClient, kind: str) -> None:
    variants = [{"name": "only", "value": VALUES[kind]}]
    key = make(organization, type=kind, variants=variants, default_variant={"type": "basic", "variant": "only"})
    get = {
        "boolean": lambda: flags.get_boolean_details(key, False),
        "string": lambda: flags.get_string_details(key, "red"),
        "number": lambda: flags.get_integer_details(key, 0),
        "object": lambda: flags.get_object_details(key, {}),
    }[kind]
    details = get()
    assert (details.value, details.variant, details.reason) == (VALUES[kind], "only", Reason.DEFAULT)


def test_the_context_decides_and_the_rule_is_named(organization: httpx.Client, flags: OpenFeatureClient) -> None:
    key = make(organization, targetings=on_where("region == 'eu' && orderCount > 10.5"), metadata={"team": "shop"})
    details = flags.get_boolean_details(key, False, EvaluationContext("user-1", {"region": "eu", "orderCount": 11}))
    assert (details.value, details.reason) == (True, Reason.TARGETING_MATCH)
    assert details.flag_metadata == {"team": "shop", "matched_rule_name": "The rule"}
    assert flags.get_boolean_value(key, True, EvaluationContext("user-1", {"region": "us", "orderCount": 11})) is False


def test_rules_see_usage_as_soon_as_it_is_decided(organization: httpx.Client, flags: OpenFeatureClient) -> None:
    sold = sell(organization, limit=10)
    key = make(organization, targetings=on_where(f"__kaiten.entitlements['{sold.entitlement}'].remaining < 3"))
    for used, expected in ((7, False), (0.5, True)):
        assert sold.report(used).status_code == 200
        assert (
            flags.get_boolean_value(key, not expected, EvaluationContext(attributes={"tenantSlug": sold.instance}))
            is expected
        )


def test_a_rollout_sticks_to_the_targeting_key(organization: httpx.Client, flags: OpenFeatureClient) -> None:
    key = make(organization, default_variant={"type": "rollout_percentage", "distribution": {"on": 50, "off": 50}})
    rounds = [
        [flags.get_boolean_details(key, False, EvaluationContext(f"user-{number}")).variant for number in range(12)]
        for _ in range(2)
    ]
    assert rounds[0] == rounds[1]
    assert set(rounds[0]) == {"on", "off"}
    missing = flags.get_boolean_details(key, True)
    assert (missing.value, missing.error_code) == (True, ErrorCode.TARGETING_KEY_MISSING)


def test_a_failed_evaluation_gives_the_default_and_its_code(
    pipeline: Pipeline, organization: httpx.Client, flags: OpenFeatureClient
) -> None:
    unknown = flags.get_boolean_details("nowhere", True)
    assert (unknown.value, unknown.error_code) == (True, ErrorCode.FLAG_NOT_FOUND)
    context = EvaluationContext(attributes={"kaiten": {"instanceSlug": "nowhere"}})
    invalid = flags.get_boolean_details(make(organization), True, context)
    assert (invalid.value, invalid.error_code) == (True, ErrorCode.INVALID_CONTEXT)
    (refused,) = connected(pipeline, f"Bearer {TOKEN}x")
    details = refused.get_boolean_details(make(organization), True)
    assert (details.value, details.error_message) == (True, "unauthorized")
