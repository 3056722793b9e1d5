"""Organizations with one of everything, and the ways from one of them to what belongs to another."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from api.examples import REQUESTS
from tests.pipeline import wait_until
from tests.shop import post

#: The fields of request bodies that name another resource, and the kind of resource that they name.
REFERENCES: Final = {
    "customerId": "customer.id",
    "licenseId": "license.id",
    "licenseSlug": "license.slug",
    "familyId": "family.id",
    "familySlug": "family.slug",
    "deploymentZoneId": "zone.id",
    "entitlementSlug": "entitlement.slug",
    "groupSlugs": "group.slug",
}
#: The query parameters that name another resource.
NAMED_IN_QUERY: Final = {
    "instance": "instance.slug",
    "entitlement": "entitlement.slug",
    "token": "token.slug",
    "after_decision": "decision.id",
}
#: Fields that are spelled like references, and are none.
NO_REFERENCES: Final = {"externalCustomerId", "transactionId"}
#: The parameters of paths, and what they name.
IN_PATH: Final = {
    "serviceAccountSlug": "account.slug",
    "tokenSlug": "token.slug",
    "customerSlug": "customer.slug",
    "deploymentZoneSlug": "zone.slug",
    "entitlementSlug": "entitlement.slug",
    "licenseSlug": "license.slug",
    "familySlug": "family.slug",
    "instanceSlug": "instance.slug",
    "entitlementGroupSlug": "group.slug",
    "featureFlagSlug": "flag.slug",
    "key": "flag.slug",
    "decisionId": "decision.id",
}


@dataclass(frozen=True)
class Tenant:
    """An organization; `secret` stands in the name of all that it has, and in nothing that others would ask for."""

    client: httpx.Client
    secret: str
    known: Mapping[str, str]

    def path_value(self, parameter: str) -> str:
        return self.known[IN_PATH[parameter]]

    def reference(self, field: str) -> str | list[str]:
        """What leads to the tenant's own resource in this field of a body."""
        value = self.known[REFERENCES[field]]
        return [value] if field.endswith("s") else value


def furnish(client: httpx.Client) -> Tenant:
    """One of everything, related as in a shop."""
    secret, mark = f"Secret{uuid.uuid4().hex[:8]}", uuid.uuid4().hex[:8]

    def make(path: str, **body: Any) -> dict[str, Any]:
        return post(client, path, name=f"{secret} {path}", slug=f"own-{mark}", **body)

    made = {
        "customer": make("/customers"),
        "zone": make("/deployment-zones", type="production"),
        "entitlement": make("/entitlements", type="NUMBER", meterType="RAW_EVENT"),
        "license": make("/licenses", type="PAID"),
        "account": make("/service-accounts"),
    }
    made["family"] = {"id": made["license"]["familyId"], "slug": made["license"]["slug"]}
    made["token"] = make(f"/service-accounts/own-{mark}/tokens", scopes=["read:customers"])
    made["group"] = make("/entitlement-groups")
    post(client, f"/entitlement-groups/own-{mark}/entitlements", entitlementSlug=f"own-{mark}")
    flag = {key: value for key, value in REQUESTS["CreateFeatureFlag"].items() if key not in ("name", "slug")}
    made["flag"] = make("/feature-flags", **flag)
    granted = {"entitlementSlug": f"own-{mark}", "value": {"type": "number", "value": 1000}}
    post(client, f"/licenses/own-{mark}/entitlements", **granted)
    references = {f"{field}Id": made[kind]["id"] for field, kind in _INSTANCE_REFERENCES.items()}
    made["instance"] = make("/instances", **references)
    made["decision"] = _decided(client, mark, secret)
    known = {f"{kind}.{key}": one[key] for kind, one in made.items() for key in ("id", "slug") if key in one}
    return Tenant(client, secret, known)


_INSTANCE_REFERENCES: Final = {"customer": "customer", "license": "license", "deploymentZone": "zone"}


def _decided(client: httpx.Client, mark: str, secret: str) -> dict[str, str]:
    body = {"value": {"type": "number", "value": 1}, "metadata": {"note": secret}}
    report = post(client, f"/instances/own-{mark}/entitlements/own-{mark}/usage", **body)
    event = f"/instances/own-{mark}/audit-trails/{report['decisionId']}"
    wait_until(lambda: client.get(event).is_success, 10, "the decision is in the audit trail")
    return {"id": report["decisionId"]}


@dataclass(frozen=True)
class Operation:
    """One operation of the OpenAPI document."""

    method: str
    path: str
    described: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.described["operationId"])

    @property
    def path_parameters(self) -> list[str]:
        return [piece[1:-1] for piece in self.path.split("/") if piece.startswith("{")]

    @property
    def query_parameters(self) -> list[str]:
        return [one["name"] for one in self.described.get("parameters", ()) if one["in"] == "query"]

    def body_for(self, tenant: Tenant) -> Any:
        """The documented example, with the references that it has leading to what is the tenant's own."""
        if "requestBody" not in self.described:
            return None
        example = self.described["requestBody"]["content"]["application/json"]["example"]
        if not isinstance(example, dict):
            return example
        return {key: tenant.reference(key) if key in REFERENCES else value for key, value in example.items()}

    def query_for(self, tenant: Tenant) -> dict[str, str]:
        """The parameters that can't be left out, leading to what is the tenant's own."""
        required = (
            one["name"] for one in self.described.get("parameters", ()) if one["in"] == "query" and one["required"]
        )
        return {name: tenant.known[NAMED_IN_QUERY[name]] for name in required}

    @property
    def never_ends(self) -> bool:
        return "text/event-stream" in self.described["responses"]["200"]["content"] if self.method == "GET" else False

    def path_for(self, value_of: Callable[[str], str]) -> str:
        return self.path.format(**{name: value_of(name) for name in self.path_parameters})


def operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            yield Operation(method.upper(), path, described)


def body_fields(document: Mapping[str, Any], operation: Operation) -> set[str]:
    """The names of all fields that the operation's body may have, at its top."""
    if "requestBody" not in operation.described:
        return set()
    schema = operation.described["requestBody"]["content"]["application/json"]["schema"]
    if reference := schema.get("$ref"):
        schema = document["components"]["schemas"][reference.rpartition("/")[2]]
    return set(schema.get("properties", ()))


def ask(client: httpx.Client, operation: Operation, path: str, **rest: Any) -> httpx.Response:
    """The answer, read whole; of a stream that goes on for ever, its head alone."""
    with client.stream(operation.method, path, **rest) as answer:
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            return httpx.Response(answer.status_code, headers=answer.headers, request=answer.request)
        answer.read()
        return answer
