"""What the edges stand on: opened before the first request, run beside the app, and closed with it."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any, Final

from fastapi import FastAPI

import ingest.openapi
import ingest.report
from api.broadcast import Broadcast
from api.missed import Missed
from api.seats import Seats
from api.stream import MOST_OF_ONE, MOST_STREAMS
from catalog.catalog import Catalog, open_catalog
from catalog.database import open_database
from catalog.rate import RateLimit
from sql.clickhouse import ClickHouse, open_clickhouse
from sql.socket import answering
from stream.feed import DecisionsFeed, DecisionsLost
from stream.gateway import KafkaGateway
from stream.group import Group
from stream.live import Live
from stream.records import Rules
from stream.share import Alone, Shared
from stream.sink import Sink
from tidemark.metrics import Metrics
from tidemark.parts import Parts
from tidemark.probe import probe
from tidemark.retention import keep_to_retention
from tidemark.settings import Settings

log: Final = logging.getLogger(__name__)


@asynccontextmanager
async def lifespan(app: FastAPI, settings: Settings, parts: Parts) -> AsyncIterator[None]:
    """Everything that these parts stand on is open, on `app.state`, for the length of the block."""
    async with AsyncExitStack() as stack:
        if parts.ingest or parts.api:
            await _open_edges(app, settings, stack)
        if parts.api or parts.sink:
            await _open_trail(app, settings, parts, stack)
        _leave_to_stay()
        yield


def _leave_to_stay() -> None:
    """What was made up to here stays: each look of the collector at it would stop every answer, for some 80 ms."""
    gc.collect()
    gc.freeze()


async def _open_edges(app: FastAPI, settings: Settings, stack: AsyncExitStack) -> None:
    catalog = _open_catalog(app, settings, stack)
    gateway = await _open_gateway(app, settings, stack)
    app.state.ingest = ingest.report.Ingest(catalog, gateway, timedelta(hours=settings.most_late_hours))


def _open_catalog(app: FastAPI, settings: Settings, stack: AsyncExitStack) -> Catalog:
    rate_limit = RateLimit(settings.rate_limit) if settings.rate_limit else None
    catalog = app.state.catalog = open_catalog(settings.catalog_url, rate_limit=rate_limit)
    stack.push_async_callback(catalog.close)
    _run(stack, catalog.feed.run(), "change feed")
    app.state.health.watch("catalog", lambda: catalog.feed.is_current)
    age = "Seconds since the edits of other replicas were known here."
    app.state.metrics.watch("tidemark_catalog_feed_age_seconds", age, lambda: catalog.feed.age)
    return catalog


async def _open_gateway(app: FastAPI, settings: Settings, stack: AsyncExitStack) -> KafkaGateway:
    rules = Rules(remember_for=timedelta(days=settings.transaction_days))
    answer_timeout = timedelta(seconds=settings.answer_timeout)
    gateway = KafkaGateway(settings.kafka_servers, settings.partitions, answer_timeout=answer_timeout, rules=rules)
    app.state.gateway = gateway
    await gateway.open()
    stack.push_async_callback(gateway.close)
    group = Group(settings.kafka_servers, settings.partitions)
    _run(stack, probe(gateway), "probe")
    _run(stack, group.run(), "watch over the workers")
    app.state.health.watch("log", lambda: gateway.connected)
    app.state.health.watch("worker", lambda: group.is_whole and not gateway.unheard)
    app.state.metrics.watch("tidemark_commands_waiting", "Commands without an answer yet.", lambda: gateway.waiting)
    return gateway


async def _open_trail(app: FastAPI, settings: Settings, parts: Parts, stack: AsyncExitStack) -> None:
    clickhouse = app.state.clickhouse = open_clickhouse(settings.clickhouse_dsn)
    stack.push_async_callback(clickhouse.close)
    await clickhouse.migrate()
    if settings.clickhouse is None:
        await stack.enter_async_context(answering(clickhouse, settings.trail_socket))
    if parts.api:
        _open_live(app, settings, clickhouse, stack)
    if parts.sink:
        open_sink(app, _sink(settings, clickhouse), stack)
        database = open_database(settings.catalog_url)
        stack.push_async_callback(database.close)
        _run(stack, keep_to_retention(database, clickhouse), "retention")


def _sink(settings: Settings, clickhouse: ClickHouse) -> Sink:
    """An embedded table has one sink; those of a server share the work."""
    servers = settings.kafka_servers
    share = Alone(servers) if settings.clickhouse is None else Shared(servers)
    return Sink(share, clickhouse, partial(DecisionsFeed, servers), skips_lost=settings.skip_lost_decisions)


def _open_live(app: FastAPI, settings: Settings, clickhouse: ClickHouse, stack: AsyncExitStack) -> None:
    live = Live(settings.kafka_servers, clickhouse)
    app.state.broadcast = Broadcast(live)
    streams = app.state.streams = Seats("streams", MOST_STREAMS, MOST_OF_ONE)
    app.state.missed = Missed(clickhouse)
    _run(stack, live.run(), "live feed")
    told = "Streams of audit events that are open."
    app.state.metrics.watch("tidemark_streams", told, lambda: streams.taken)


def open_sink(app: FastAPI, sink: Sink, stack: AsyncExitStack) -> None:
    """Keep the sink copying beside the app, watched by its health and its metrics."""
    app.state.sink = sink
    _run(stack, _copy(sink), "sink")
    app.state.health.watch("sink", lambda: sink.is_copying)
    metrics: Metrics = app.state.metrics
    metrics.count("tidemark_sink_rows", "Rows written since the start.", lambda: sink.rows_written)
    metrics.watch("tidemark_sink_lag_records", "Records of decisions that are not rows yet.", lambda: sink.lag)


async def _copy(sink: Sink) -> None:
    """Copy while nothing is lost. Then a person has to look: health is red until then, and all else serves on."""
    try:
        await sink.run()
    except DecisionsLost as lost:
        log.critical("the sink stopped: %s", lost)


def _run(stack: AsyncExitStack, work: Coroutine[Any, Any, None], name: str) -> None:
    """Keep `work` running beside the app; when it fails the process ends, and is started again from its rows."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_end_process_on_failure)

    async def stop() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(stop)


def _end_process_on_failure(task: asyncio.Task[None]) -> None:
    if task.cancelled() or task.exception() is None:
        return
    log.critical("the %s stopped, and with it this process", task.get_name(), exc_info=task.exception())
    os.kill(os.getpid(), signal.SIGTERM)
