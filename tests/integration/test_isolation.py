"""Two organizations: neither can see, guess or touch anything of the other, by whatever route.

Made from the OpenAPI document, which has every route of the app (`test_routes` holds that): a new one that this does
not know how to try fails here.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from tests.pipeline import Pipeline
from tests.tenants import (
    NAMED_IN_QUERY,
    NO_REFERENCES,
    REFERENCES,
    Operation,
    Tenant,
    ask,
    body_fields,
    furnish,
    operations,
)

#: What can't be changed is refused whatever it is to become.
FIXED = {("UpdateLicense", "familyId"), ("UpdateLicense", "familySlug")}

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def tenants(pipeline: Pipeline) -> Iterator[tuple[Tenant, Tenant]]:
    with ExitStack() as stack:
        tokens = [pipeline.new_organization(name) for name in ("Owner of the isolated", "Stranger to the isolated")]
        owner, stranger = (furnish(stack.enter_context(pipeline.client(token))) for token in tokens)
        yield owner, stranger


@pytest.fixture(scope="module")
def owner(tenants: tuple[Tenant, Tenant]) -> Tenant:
    return tenants[0]


@pytest.fixture(scope="module")
def stranger(tenants: tuple[Tenant, Tenant]) -> Tenant:
    return tenants[1]


@pytest.fixture(scope="module")
def document(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


@pytest.fixture(scope="module")
def every(document: dict[str, Any]) -> list[Operation]:
    found = list(operations(document))
    assert len(found) > 40
    return found


@pytest.fixture(scope="module", autouse=True)
def _nothing_of_the_owner_changes(owner: Tenant, every: list[Operation]) -> Iterator[None]:
    before = seen_by(owner, every)
    yield
    assert seen_by(owner, every) == before
    assert owner.secret in str(before)


def seen_by(tenant: Tenant, every: list[Operation]) -> dict[str, Any]:
    """Everything that can be read without leaving a trace."""
    read = (
        one for one in every if one.method == "GET" and one.name != "GetEntitlementUsageMetric" and not one.never_ends
    )
    answers = {one.name: ask_for(tenant, one, one.path_for(tenant.path_value)) for one in read}
    return {name: stable(answer) for name, answer in answers.items()}


def stable(answer: httpx.Response) -> Any:
    """The answer, without what is as of now."""
    return answer.status_code, re.sub(r'"timestamp":"[^"]*"|"instance":"urn[^"]*"', "", answer.text)


def ask_for(tenant: Tenant, operation: Operation, path: str, **rest: Any) -> httpx.Response:
    """The operation at `path`; what the rest leaves open leads to the tenant's own."""
    body = {"json": operation.body_for(tenant)} if "requestBody" in operation.described else {}
    return ask(tenant.client, operation, path, **{"params": operation.query_for(tenant), **body, **rest})


def assert_not_found(answer: httpx.Response, operation: Operation, owner: Tenant) -> None:
    told = (operation.name, str(answer.request.url), answer.text)
    assert answer.status_code == (400 if operation.name == "EvaluateFlag" else 404), told  # OFREP
    assert answer.json()["code"].rpartition(".")[2].endswith("NotFound"), told
    assert owner.secret not in answer.text, told


def test_a_route_with_names_of_the_other_finds_nothing(owner: Tenant, stranger: Tenant, every: list[Operation]) -> None:
    named = [operation for operation in every if operation.path_parameters]
    for operation in named:
        assert_not_found(ask_for(stranger, operation, operation.path_for(owner.path_value)), operation, owner)
    assert len(named) > 30


def test_a_route_with_one_name_of_the_other_among_ones_own_finds_nothing(
    owner: Tenant, stranger: Tenant, every: list[Operation]
) -> None:
    tried = 0
    for operation in every:
        for theirs in operation.path_parameters if len(operation.path_parameters) > 1 else ():
            path = operation.path_for(
                lambda name, theirs=theirs: (owner if name == theirs else stranger).path_value(name)
            )
            assert_not_found(ask_for(stranger, operation, path), operation, owner)
            tried += 1
    assert tried > 10


def test_a_body_that_refers_to_the_other_finds_nothing(
    owner: Tenant, stranger: Tenant, every: list[Operation], document: dict[str, Any]
) -> None:
    tried = set()
    for operation in every:
        for field in body_fields(document, operation) & REFERENCES.keys():
            theirs = ask_with(stranger, operation, field, owner.reference(field))
            nobody = [str(uuid.uuid4())] if field.endswith("s") else str(uuid.uuid4())
            nobodys = ask_with(stranger, operation, field, nobody)
            assert said(theirs) == said(nobodys), operation.name
            assert theirs.status_code == (409 if (operation.name, field) in FIXED else 404), operation.name
            assert owner.secret not in theirs.text
            tried.add(field)
    assert tried == REFERENCES.keys()


def ask_with(stranger: Tenant, operation: Operation, field: str, value: str | list[str]) -> httpx.Response:
    """The operation on what is the stranger's own, but for the one reference."""
    noun = re.sub("Id$|Slug$", "", field)  # by id or by slug, not both
    body = {key: one for key, one in operation.body_for(stranger).items() if key not in (f"{noun}Id", f"{noun}Slug")}
    renamed = {"slug": f"new-{uuid.uuid4()}"} if "slug" in body else {}
    path = operation.path_for(stranger.path_value)
    return ask_for(stranger, operation, path, json={**body, **renamed, field: value})


def said(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_a_query_that_refers_to_the_other_shows_nothing(
    owner: Tenant, stranger: Tenant, every: list[Operation]
) -> None:
    tried = set()
    for operation in every:
        for parameter in set(operation.query_parameters) & NAMED_IN_QUERY.keys():
            query = {**operation.query_for(stranger), parameter: owner.known[NAMED_IN_QUERY[parameter]]}
            answer = ask_for(stranger, operation, operation.path_for(stranger.path_value), params=query)
            assert answer.status_code in (200, 404), (operation.name, answer.text)
            assert owner.secret not in answer.text
            tried.add(parameter)
    assert tried == NAMED_IN_QUERY.keys()


def test_a_context_that_names_an_instance_of_the_other_gets_none_of_its_facts(owner: Tenant, stranger: Tenant) -> None:
    def evaluated(instance: str) -> httpx.Response:
        context = {"targetingKey": "user", "tenantSlug": instance, "kaiten": {"instanceSlug": instance}}
        flag = stranger.known["flag.slug"]
        return stranger.client.post(f"/ofrep/v1/evaluate/flags/{flag}", json={"context": context})

    theirs, nobodys = evaluated(owner.known["instance.slug"]), evaluated("nobody")
    assert said(theirs) == said(nobodys) == (400, "EvaluateFlag.InvalidContext")


def test_what_one_reads_is_ones_own(owner: Tenant, stranger: Tenant, every: list[Operation]) -> None:
    seen = str(seen_by(stranger, every))
    assert stranger.secret in seen
    assert owner.secret not in seen
    assert not [value for name, value in owner.known.items() if name != "decision.id" and value in seen]


def test_every_field_that_looks_like_a_reference_is_known_as_one(
    every: list[Operation], document: dict[str, Any]
) -> None:
    fields = {field for operation in every for field in body_fields(document, operation)}
    looks = {field for field in fields if re.search(r"(Id|Ids|Slug|Slugs|_id|_slug)$", field)}
    assert looks - NO_REFERENCES == REFERENCES.keys()


def test_the_same_slugs_may_be_used_by_both(owner: Tenant, stranger: Tenant) -> None:
    slug = owner.known["customer.slug"]
    assert stranger.client.post("/customers", json={"name": "Mine", "slug": slug}).status_code == 201
    assert stranger.client.delete(f"/customers/{slug}").status_code == 204
