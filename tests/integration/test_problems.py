"""Bad input at the running pipeline: each gets a problem document that says where and why, and changes nothing."""

from __future__ import annotations

import gzip
from typing import Any

import httpx
import pytest

from tests.pipeline import Pipeline
from tests.shop import Sold, post, sell

pytestmark = pytest.mark.integration

REPORT = {"value": {"type": "number", "value": 1}}


@pytest.fixture(scope="module")
def sold(client: httpx.Client) -> Sold:
    return sell(client, limit=100)


def assert_problem(response: httpx.Response, status: int, code: str | None = None) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["status"] == status
    assert {"type", "title", "status", "detail", "instance", "errors", "code"} <= problem.keys()
    if code is not None:
        assert problem["code"].rpartition(".")[2] == code
    return problem


def raw(sold: Sold, content: bytes, kind: str = "application/json") -> httpx.Response:
    return sold.client.post(sold.usage_path, content=content, headers={"Content-Type": kind})


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"a" * 1000])
def test_malformed_json_is_400(sold: Sold, content: bytes) -> None:
    assert_problem(raw(sold, content), 400, "MalformedJson")


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1e30", "1" * 40, "0." + "1" * 13, '"5"', "null", "[]"])
def test_an_impossible_value_is_422_at_its_place(sold: Sold, value: str) -> None:
    problem = assert_problem(raw(sold, f'{{"value": {{"type": "number", "value": {value}}}}}'.encode()), 422)
    assert problem["errors"][0]["location"] in ("body", "body.value.value")


def test_an_unknown_key_is_422(sold: Sold) -> None:
    assert_problem(raw(sold, b'{"value": {"type": "number", "value": 1}, "valeu": 2}'), 422)


def test_a_body_of_five_megabytes_is_413(sold: Sold) -> None:
    assert_problem(raw(sold, b'{"metadata": "' + b"x" * 5_000_000 + b'"}'), 413)


def test_a_body_that_is_not_json_by_its_own_word_is_415(sold: Sold) -> None:
    assert_problem(raw(sold, b"value=1", "application/x-www-form-urlencoded"), 415)


def test_a_compressed_body_is_415_and_not_taken_for_nonsense(sold: Sold, client: httpx.Client) -> None:
    for path in (sold.usage_path, "/customers"):
        coded = client.post(path, content=gzip.compress(b"{}"), headers={"Content-Encoding": "gzip"})
        assert_problem(coded, 415, "UnsupportedMediaType")
        assert coded.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("slug", ["%2e%2e%2f%2e%2e%2fetc", "a%00b", "..", "UPPER", "x" * 500, "%F0%9F%92%A5"])
def test_a_hostile_slug_in_a_path_is_404(sold: Sold, slug: str) -> None:
    path = f"/instances/{slug}/entitlements/{sold.entitlement}/usage"
    assert_problem(sold.client.post(path, json=REPORT), 404)


@pytest.mark.parametrize("slug", ["../etc", "a\0b", "Upper", "-a", "a-", "a", "", "x" * 101, "a b"])
def test_a_hostile_slug_in_a_body_is_422(client: httpx.Client, slug: str) -> None:
    problem = assert_problem(client.post("/customers", json={"name": "Acme", "slug": slug}), 422)
    assert problem["errors"][0]["location"] == "body.slug"


def test_no_token_is_401_and_says_how(sold: Sold) -> None:
    response = httpx.post(str(sold.client.base_url) + sold.usage_path, json=REPORT)
    assert_problem(response, 401, "Unauthenticated")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer tdm_unknown", "Basic abc", "Bearer", "bearer"])
def test_a_wrong_token_is_401(sold: Sold, header: str) -> None:
    response = sold.client.post(sold.usage_path, json=REPORT, headers={"Authorization": header})
    assert_problem(response, 401, "Unauthenticated")


def test_a_token_without_the_scope_is_403_and_names_it(pipeline: Pipeline, sold: Sold) -> None:
    account = post(sold.client, "/service-accounts", name="Reader")
    token = post(sold.client, f"/service-accounts/{account['slug']}/tokens", name="read", scopes=["read:instances"])
    with pipeline.client(token["token"]) as reader:
        problem = assert_problem(reader.post(sold.usage_path, json=REPORT), 403, "MissingScope")
        assert "write:instances" in problem["detail"]
        assert reader.get(sold.usage_path).status_code == 200


def test_a_revoked_token_is_401_on_its_next_call(pipeline: Pipeline, client: httpx.Client) -> None:
    account = post(client, "/service-accounts", name="Brief")
    tokens = f"/service-accounts/{account['slug']}/tokens"
    token = post(client, tokens, name="brief", scopes=["read:*"])
    with pipeline.client(token["token"]) as brief:
        assert brief.get("/customers").status_code == 200
        client.delete(f"{tokens}/{token['slug']}").raise_for_status()
        assert_problem(brief.get("/customers"), 401, "Unauthenticated")


def test_another_organizations_instance_does_not_show(pipeline: Pipeline, sold: Sold) -> None:
    with pipeline.client(pipeline.new_organization("Other")) as theirs:
        assert_problem(theirs.post(sold.usage_path, json=REPORT), 404, "InstanceNotFound")
        assert_problem(theirs.get(f"/instances/{sold.instance}/audit-trails"), 404, "InstanceNotFound")


def test_an_unknown_route_is_404_and_a_wrong_method_405(client: httpx.Client) -> None:
    assert_problem(client.get("/nothing/here"), 404, "RouteNotFound")
    assert_problem(client.delete("/customers"), 405, "MethodNotAllowed")


def test_nothing_of_all_this_was_counted(sold: Sold) -> None:
    assert sold.usage()["value"]["event_count"] == 0
