"""The HTTP process, served and ended."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import uvicorn
from fastapi import FastAPI

from tidemark.http import Server, serve
from tidemark.parts import Parts
from tidemark.settings import Settings


async def test_streams_end_before_requests_under_way_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    app, happened = FastAPI(), list[str]()
    app.state.broadcast = SimpleNamespace(close=lambda: happened.append("streams end"))

    async def waited(*_: object) -> None:
        happened.append("requests are waited for")

    monkeypatch.setattr(uvicorn.Server, "shutdown", waited)
    await Server(uvicorn.Config(app), app).shutdown()
    assert happened == ["streams end", "requests are waited for"]


def test_idle_connections_are_kept_longer_than_clients_and_load_balancers_keep_theirs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept: list[int] = []

    def served(config: uvicorn.Config, _: FastAPI) -> SimpleNamespace:
        return SimpleNamespace(run=lambda: kept.append(config.timeout_keep_alive))

    monkeypatch.setattr("tidemark.http.Server", served)
    serve(Settings(kafka="127.0.0.1:9092"), Parts(ingest=True, api=False, sink=False))
    assert kept
    assert kept[0] > 60
