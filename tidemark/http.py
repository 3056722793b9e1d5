"""The HTTP process: the edges composed into one app, and served."""

from __future__ import annotations

import logging
from importlib.metadata import version
from socket import socket
from typing import Final

import uvicorn
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

import api.audit
import api.audit_counts
import api.audit_top
import api.export
import api.group_usage
import api.history
import api.ofrep
import api.problems
import api.routes
import api.stream
import api.usage
import ingest.openapi
import ingest.report
from api.paths import EncodedSlashes
from tidemark import lifespan, routes
from tidemark.express import Express
from tidemark.health import Health
from tidemark.metrics import Metrics
from tidemark.parts import Parts
from tidemark.protocol import HttpProtocol
from tidemark.settings import Settings

log: Final = logging.getLogger(__name__)

#: Seconds that an idle connection is kept: longer than clients and load balancers keep theirs (60 at most, as a rule),
#: so that none of them sends a report just when it is closed, and never knows what became of it.
_KEPT_IDLE: Final = 75


def serve(settings: Settings, parts: Parts) -> None:
    """Serve until SIGTERM or SIGINT. Raises `CannotRun` where nobody said where the log is."""
    log.info("serving %s:%d, over the log at %s", settings.host, settings.port, settings.kafka_servers)
    app = compose(settings, parts)
    config = uvicorn.Config(
        _expressed(app, settings, parts),
        host=settings.host,
        port=settings.port,
        access_log=False,
        http=HttpProtocol,
        ws="none",
        proxy_headers=False,
        log_config=None,
        timeout_keep_alive=_KEPT_IDLE,
        timeout_graceful_shutdown=10,
        backlog=2048,
    )
    Server(config, app).run()


class Server(uvicorn.Server):
    """Ends what would never end by itself before it waits for requests under way."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        if (broadcast := getattr(self._app.state, "broadcast", None)) is not None:
            broadcast.close()
        await super().shutdown(sockets)


def _expressed(app: FastAPI, settings: Settings, parts: Parts) -> ASGIApp:
    """With the short way for reports, where they are taken."""
    if not parts.ingest:
        return EncodedSlashes(app)
    return EncodedSlashes(Express(app, _report, settings.largest_body, app.state.metrics))


def compose(settings: Settings, parts: Parts) -> FastAPI:
    """Every route of these parts in one app, with its problems and its document."""
    app = FastAPI(
        title="Tidemark",
        description="Usage metering with synchronous decisions, exact under crashes, from the log.",
        version=version("tidemark"),
        lifespan=lambda app: lifespan.lifespan(app, settings, parts),
        redirect_slashes=False,  # a redirect would name the address as this process sees it, behind whatever proxy
    )
    app.state.health, app.state.metrics = Health(), Metrics()
    routes.repeat_under_api(app)
    if parts.ingest:
        routes.document(app, ingest.report.PATH, "post", ingest.openapi.REPORT_USAGE)
        routes.add(app, [Route(ingest.report.PATH, _report, methods=["POST"], name=ingest.report.OPERATION)])
    if parts.api:
        counts = api.history.router, api.audit_counts.router, api.audit_top.router
        # The last takes any name for an event's id.
        trail = api.stream.router, api.export.router, *counts, api.audit.router
        lookups = api.usage.router, api.group_usage.router, *trail, api.ofrep.router
        for router in (*lookups, *api.routes.routers()):
            routes.include(app, router)
    routes.add(app, [*app.state.health.routes(), *app.state.metrics.routes()])
    api.problems.install(app, largest_body=settings.largest_body)
    return app


async def _report(request: Request) -> Response:
    edge: ingest.report.Ingest = request.app.state.ingest
    return await edge.report_usage(request)
