"""How long a synchronous report takes, and how many are answered a second, beside what bounds them.

The floor of one answer is a bare produce → consume ping-pong over the same broker; the peer of many is a plain FastAPI
route that validates the same body with pydantic and answers at once, deciding nothing.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from bench.load import Outcome, load
from bench.report import Figure
from stream.topics import REPLIES
from tests.pipeline import ROOT, TOKEN, Pipeline, running_pipeline, wait_until
from tests.shop import post
from tidemark.ports import free_port

INSTANCES, ENTITLEMENTS = 100, 20


def run() -> Sequence[Figure]:
    with tempfile.TemporaryDirectory() as folder, running_pipeline(Path(folder) / "data") as pipeline:
        meters = make_meters(pipeline)
        asyncio.run(load(meters, TOKEN, clients=32, reports=4_000))  # every cache filled, every page touched
        ping = asyncio.run(ping_pong(kafka_of(pipeline), 300))
        one = asyncio.run(load(meters, TOKEN, clients=1, reports=500))
        many = asyncio.run(load(meters, TOKEN, clients=64, reports=20_000))
        most = asyncio.run(load(meters, TOKEN, clients=128, reports=20_000))
    with plain_route() as url:
        asyncio.run(load([url], TOKEN, clients=32, reports=2_000))
        plain = asyncio.run(load([url], TOKEN, clients=128, reports=20_000))
    return figures(ping, one, many, most, plain)


def figures(ping: float, one: Outcome, many: Outcome, most: Outcome, plain: Outcome) -> list[Figure]:
    median = one.quantile(0.5)
    errors = sum(count for outcome in (one, many, most) for status, count in outcome.statuses.items() if status != 200)
    return [
        Figure("one client, median", median * 1e3, "ms", "median_ms", at_most=15),
        Figure("one client, 99 %", one.quantile(0.99) * 1e3, "ms", "p99_ms"),
        Figure("bare produce → consume, median", ping * 1e3, "ms"),
        Figure("one client against it", median / ping, "×", "vs_ping_pong", at_most=2),
        Figure("64 clients, 2,000 meters", many.rate, "reports/s", "rate_64", at_least=1_000),
        Figure("64 clients, 99 %", many.quantile(0.99) * 1e3, "ms"),
        Figure("128 clients, 2,000 meters", most.rate, "reports/s", "rate_128"),
        Figure("a plain FastAPI route, 128 clients", plain.rate, "requests/s"),
        Figure("128 clients against it", most.rate / plain.rate, "×", "vs_fastapi", at_least=1.5),
        Figure("answers other than 200", errors, "", "errors", at_most=0),
    ]


def make_meters(pipeline: Pipeline) -> list[str]:
    """2,000 meters without a limit; returns where each is reported on."""
    with pipeline.client() as client:
        post(client, "/licenses", name="Bench", slug="bench", type="PAID", isActive=True)
        customer = post(client, "/customers", name="Bench", slug="bench")
        for number in range(ENTITLEMENTS):
            slug = f"meter-{number}"
            post(client, "/entitlements", name=slug, slug=slug, type="NUMBER", meterType="RAW_EVENT")
            link = {"entitlementSlug": slug, "value": {"type": "number", "value": -1}}
            post(client, "/licenses/bench/entitlements", limitCapExceededOveragePercent=0, **link)
        for number in range(INSTANCES):
            names = {"name": f"Instance {number}", "slug": f"instance-{number}"}
            post(client, "/instances", customerId=customer["id"], licenseSlug="bench", **names)
    return [
        f"{pipeline.url}/instances/instance-{instance}/entitlements/meter-{entitlement}/usage"
        for entitlement in range(ENTITLEMENTS)
        for instance in range(INSTANCES)
    ]


def kafka_of(pipeline: Pipeline) -> str:
    ports = json.loads((pipeline.data / "kafka" / "ports.json").read_text())
    return f"127.0.0.1:{ports[0]}"


async def ping_pong(bootstrap_servers: str, rounds: int) -> float:
    """The median time from producing a record to holding it, one at a time, seconds."""
    tp = TopicPartition(REPLIES, 0)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, acks="all", enable_idempotence=True)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers)
    await producer.start()
    await consumer.start()
    try:
        consumer.assign([tp])
        await consumer.seek_to_end(tp)
        times = []
        for _ in range(rounds):
            begun = time.perf_counter()
            await producer.send(REPLIES, b"ping", key=b"benchmark-of-ping", partition=0)
            await consumer.getone(tp)
            times.append(time.perf_counter() - begun)
        return statistics.median(times)
    finally:
        await consumer.stop()
        await producer.stop()


@contextmanager
def plain_route() -> Iterator[str]:
    """A FastAPI app of one route in a process of its own, served as Tidemark is; gives the route's address."""
    port = free_port("127.0.0.1")
    command = [sys.executable, "-m", "uvicorn", "bench.plain:app", "--port", str(port), "--no-access-log"]
    with subprocess.Popen([*command, "--log-level", "warning"], cwd=ROOT) as server:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: _answers(url), 20, "the plain route answers")
            yield f"{url}/instances/i/entitlements/e/usage"
        finally:
            server.terminate()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/openapi.json").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
