"""The HTTP process: the edges composed into one app, and what they stand on opened and closed with it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import uvicorn
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

import api.audit
import api.problems
import api.routes
import api.usage
import ingest.openapi
import ingest.report
from catalog.catalog import open_catalog
from sql.clickhouse import open_clickhouse
from sql.socket import answering
from stream.gateway import KafkaGateway
from stream.records import Rules
from stream.sink import Sink
from tidemark.express import Express
from tidemark.settings import Settings

log: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parts:
    """Which parts of Tidemark this process is."""

    ingest: bool = True
    api: bool = True
    sink: bool = True


def serve(settings: Settings, *, ingest: bool, api: bool, sink: bool) -> None:
    """Serve until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        create_app(settings, Parts(ingest, api, sink)),
        host=settings.host,
        port=settings.port,
        access_log=False,
        proxy_headers=False,
        log_config=None,
        timeout_graceful_shutdown=10,
        backlog=2048,
    )
    uvicorn.Server(config).run()


def create_app(settings: Settings, parts: Parts) -> ASGIApp:
    """The app of these parts; what they need is opened when it starts."""
    app = _composed(settings, parts)
    if not parts.ingest:
        return app

    async def report(request: Request) -> Response:
        edge: ingest.report.Ingest = app.state.ingest
        return await edge.report_usage(request)

    return Express(app, report, settings.largest_body)


def _composed(settings: Settings, parts: Parts) -> FastAPI:
    app = FastAPI(
        title="Tidemark",
        description="Usage metering with synchronous decisions, exact under crashes, from the log.",
        version="0.1.0",
        lifespan=lambda app: _lifespan(app, settings, parts),
    )
    health = Health()
    app.state.health = health
    if parts.ingest:
        _document(app, ingest.report.PATH, "post", ingest.openapi.REPORT_USAGE)
    if parts.api:
        for router in (api.usage.router, api.audit.router, *api.routes.routers()):
            _include(app, router)
    app.router.routes.append(Route("/health", health.answer))
    api.problems.install(app, largest_body=settings.largest_body)
    return app


class Health:
    """What has to be well for this process to do its work: each check is named, and says whether it holds."""

    def __init__(self) -> None:
        self._checks: dict[str, Callable[[], bool]] = {}

    def watch(self, name: str, check: Callable[[], bool]) -> None:
        self._checks[name] = check

    async def answer(self, _: Request) -> Response:
        checks = {name: check() for name, check in self._checks.items()}
        well = bool(checks) and all(checks.values())
        return JSONResponse({"status": "ok" if well else "unavailable", "checks": checks}, 200 if well else 503)


def _document(app: FastAPI, path: str, method: str, operation: dict[str, Any]) -> None:
    """Put a bare route into the app's OpenAPI document."""
    described = app.openapi

    def with_operation() -> dict[str, Any]:
        document = described()
        document["paths"].setdefault(path, {})[method] = operation
        return document

    app.openapi = with_operation  # type: ignore[method-assign]  # FastAPI's own way to extend it


def _include(app: FastAPI, router: APIRouter) -> None:
    app.include_router(router)
    app.include_router(router, prefix="/api", include_in_schema=False)


@asynccontextmanager
async def _lifespan(app: FastAPI, settings: Settings, parts: Parts) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        if parts.ingest or parts.api:
            await _open_edges(app, settings, stack)
        if parts.api or parts.sink:
            await _open_trail(app, settings, parts, stack)
        yield


async def _open_edges(app: FastAPI, settings: Settings, stack: AsyncExitStack) -> None:
    catalog = app.state.catalog = open_catalog(settings.catalog_url)
    stack.push_async_callback(catalog.close)
    _run(stack, catalog.feed.run(), "change feed")
    app.state.health.watch("catalog", lambda: catalog.feed.is_current)
    rules = Rules(remember_for=timedelta(days=settings.transaction_days))
    answer_timeout = timedelta(seconds=settings.answer_timeout)
    gateway = KafkaGateway(settings.kafka_servers, settings.partitions, answer_timeout=answer_timeout, rules=rules)
    app.state.gateway = gateway
    await gateway.open()
    stack.push_async_callback(gateway.close)
    app.state.ingest = ingest.report.Ingest(catalog, gateway, timedelta(hours=settings.most_late_hours))
    app.state.health.watch("log", lambda: gateway.connected)


async def _open_trail(app: FastAPI, settings: Settings, parts: Parts, stack: AsyncExitStack) -> None:
    clickhouse = app.state.clickhouse = open_clickhouse(settings.clickhouse_dsn)
    stack.push_async_callback(clickhouse.close)
    await clickhouse.migrate()
    if settings.clickhouse is None:
        await stack.enter_async_context(answering(clickhouse, settings.trail_socket))
    if parts.sink:
        sink = app.state.sink = Sink(settings.kafka_servers, clickhouse)
        _run(stack, sink.run(), "sink")
        app.state.health.watch("sink", lambda: sink.is_copying)


def _run(stack: AsyncExitStack, work: Coroutine[Any, Any, None], name: str) -> None:
    """Keep `work` running beside the app; when it fails the process ends, and is started again from its rows."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_end_process_on_failure)

    async def stop() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(stop)


def _end_process_on_failure(task: asyncio.Task[None]) -> None:
    if task.cancelled():
        return
    log.critical("the %s stopped, and with it this process", task.get_name(), exc_info=task.exception())
    os.kill(os.getpid(), signal.SIGTERM)
