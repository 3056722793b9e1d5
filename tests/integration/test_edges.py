"""The edges as other programs find them: parsers, upgrades, methods, encoded paths, both spellings of every path."""

from __future__ import annotations

import json
import socket
from typing import Any

import httpx
import pytest

from tests.pipeline import TOKEN, Pipeline
from tests.shop import Sold, sell

pytestmark = pytest.mark.integration

BODY = b'{"value": {"type": "number", "value": 1}}'


@pytest.fixture(scope="module")
def sold(client: httpx.Client) -> Sold:
    return sell(client, limit=100)


def exchange(pipeline: Pipeline, *pieces: bytes) -> tuple[bytes, dict[str, Any]]:
    """Send the bytes as they are; the head of the answer, and its body once it is closed."""
    with socket.create_connection(("127.0.0.1", pipeline.port), timeout=10) as connection:
        for piece in pieces:
            connection.sendall(piece)
        received = b""
        while more := connection.recv(65_536):
            received += more
    head, _, body = received.partition(b"\r\n\r\n")
    return head, json.loads(body)


def request(sold: Sold, *headers: str, body: bytes = BODY) -> bytes:
    head = (
        f"POST {sold.usage_path} HTTP/1.1",
        "Host: tidemark",
        f"Authorization: Bearer {TOKEN}",
        *headers,
    )
    return "\r\n".join((*head, "", "")).encode() + body


LENGTH = f"Content-Length: {len(BODY)}"
H2C = ("Connection: Upgrade, HTTP2-Settings, close", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAA")


@pytest.mark.parametrize("protocol", ["h2c", "websocket", "TLS/1.0"])
def test_an_upgrade_that_is_asked_for_is_ignored_and_the_report_counts(
    pipeline: Pipeline, sold: Sold, protocol: str
) -> None:
    asked = (header.replace("h2c", protocol) for header in H2C)
    head, answered = exchange(pipeline, request(sold, *asked, LENGTH))
    assert head.startswith(b"HTTP/1.1 200")
    assert answered["value"]["type"] == "number"


def test_the_body_of_an_upgrade_may_come_later_and_in_chunks(pipeline: Pipeline, sold: Sold) -> None:
    whole = request(sold, *H2C, "Transfer-Encoding: chunked", body=b"")
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
    head, _ = exchange(pipeline, whole[:40], whole[40:], chunks[:10], chunks[10:])
    assert head.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_no_http_is_told_as_a_problem(pipeline: Pipeline, sent: bytes) -> None:
    head, problem = exchange(pipeline, sent)
    assert head.startswith(b"HTTP/1.1 400")
    assert b"content-type: application/problem+json" in head
    assert (problem["status"], problem["code"]) == (400, "BadRequest")


def test_a_head_without_end_is_431(pipeline: Pipeline) -> None:
    head, problem = exchange(pipeline, b"GET /livez HTTP/1.1\r\nHost: x\r\n", *[b"X: " + b"x" * 20_000] * 4)
    assert head.startswith(b"HTTP/1.1 431")
    assert problem["code"] == "HeadersTooLarge"


def test_a_wrong_method_is_told_every_right_one(client: httpx.Client, sold: Sold) -> None:
    for path, methods in (
        (sold.usage_path, "GET, POST"),
        (f"/api{sold.usage_path}", "GET, POST"),
        ("/customers", "GET, POST"),
        ("/instances/prod", "DELETE, GET, PATCH, PUT"),
    ):
        answer = client.request("PROPFIND", path)
        assert (answer.status_code, answer.headers["allow"]) == (405, methods)


@pytest.mark.parametrize("path", ["/health", "/livez", "/readyz", "/metrics", "/openapi.json", "/docs"])
def test_every_path_answers_under_api_too(client: httpx.Client, path: str) -> None:
    for prefix in ("", "/api"):
        answer = client.get(prefix + path)
        assert answer.status_code == 200
        assert len(answer.content) > 10


def test_an_encoded_slash_separates_nothing(client: httpx.Client, sold: Sold) -> None:
    hidden = sold.usage_path.replace("/entitlements/", "%2Fentitlements%2f")
    for path in (hidden, f"/api{hidden}", "/customers%2Facme"):
        answer = client.post(path, content=BODY)
        assert (answer.status_code, answer.json()["code"]) == (404, "RouteNotFound")
    named = client.post(f"/instances/a%2Fb/entitlements/{sold.entitlement}/usage", content=BODY)
    assert named.json()["code"] == "ReportEntitlementUsageMetric.InstanceNotFound"
    escaped = sold.usage_path.replace("/instances/p", "/instances/%70")
    assert client.post(escaped, content=BODY).status_code == 200


def test_a_slash_at_the_end_is_another_path_and_no_redirect(client: httpx.Client) -> None:
    assert client.get("/customers/").status_code == 404


def test_a_report_may_leave_its_body_undeclared(sold: Sold) -> None:
    answer = sold.client.post(sold.usage_path, content=BODY)
    assert "content-type" not in answer.request.headers
    assert answer.status_code == 200


def test_a_name_that_stands_twice_is_400(sold: Sold) -> None:
    body = BODY.replace(b"}}", b'}, "behavior": "set", "behavior": "append"}')
    answer = sold.client.post(sold.usage_path, content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "ReportEntitlementUsageMetric.MalformedJson")
    assert "'behavior' twice" in answer.json()["detail"]


def test_a_timestamp_is_cut_off_at_the_microsecond(sold: Sold) -> None:
    answer = sold.report(1, timestamp="2026-01-31T23:59:59.9999999Z")
    assert answer.json()["timestamp"] == "2026-01-31T23:59:59.999999Z"
    assert sold.report(1, timestamp="2026-01-31 23:59:59Z").status_code == 422
