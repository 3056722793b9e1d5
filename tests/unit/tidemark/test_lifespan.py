"""What runs beside the app: what of the process ends when a part of it can't go on."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest
from fastapi import FastAPI

from stream.records import VERSION, Decided, encode
from tests.decisions_log import DecisionsLog, Table, eventually, report, sink_of
from tidemark import lifespan
from tidemark.health import Health
from tidemark.metrics import Metrics


@pytest.fixture
def app() -> FastAPI:
    app = FastAPI()
    app.state.health, app.state.metrics = Health(), Metrics()
    app.router.routes += [*app.state.health.routes(), *app.state.metrics.routes()]
    return app


async def told_by(app: FastAPI) -> str:
    return bytes((await app.state.metrics.told(None)).body).decode()


async def test_a_sink_that_lacks_decisions_stops_and_says_so_while_all_else_serves_on(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    killed: list[int] = []
    monkeypatch.setattr(lifespan.os, "kill", lambda pid, _: killed.append(pid))
    log = DecisionsLog()
    for offset in (0, 2):
        log.append(encode(Decided(VERSION, 0, offset, [], b"")))
    async with AsyncExitStack() as stack:
        lifespan.open_sink(app, sink_of(log, Table()), stack)
        await eventually(lambda: "the sink stopped" in caplog.text)
        assert (await app.state.health.ready(None)).status_code == 503
    assert "TIDEMARK_SKIP_LOST_DECISIONS=true" in caplog.text
    assert killed == []


async def test_what_the_sink_wrote_and_how_far_it_is_behind_is_told(app: FastAPI) -> None:
    log = DecisionsLog()
    log.decide(report(), report())
    sink = sink_of(log, Table())
    async with AsyncExitStack() as stack:
        lifespan.open_sink(app, sink, stack)
        await eventually(lambda: sink.lag == 0)
        told = await told_by(app)
    assert "tidemark_sink_rows_total 2.0" in told
    assert "tidemark_sink_lag_records 0.0" in told
    assert "tidemark_sink_lag_records 0.0" not in await told_by(app)
