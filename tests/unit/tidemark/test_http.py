"""The HTTP process, served and ended."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import uvicorn
from fastapi import FastAPI

from tidemark.http import Server


async def test_streams_end_before_requests_under_way_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    app, happened = FastAPI(), list[str]()
    app.state.broadcast = SimpleNamespace(close=lambda: happened.append("streams end"))

    async def waited(*_: object) -> None:
        happened.append("requests are waited for")

    monkeypatch.setattr(uvicorn.Server, "shutdown", waited)
    await Server(uvicorn.Config(app), app).shutdown()
    assert happened == ["streams end", "requests are waited for"]
