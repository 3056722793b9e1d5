"""The OpenFeature Remote Evaluation Protocol, over a log that tells what a test says was used."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api import ofrep
from metering.balance import Place
from metering.command import Command, Peek
from metering.decision import Standing
from metering.grant import Grant
from metering.problems import Unavailable
from stream.gateway import Answered

ONE = "/ofrep/v1/evaluate/flags"
DEFAULT = {"type": "basic", "variant": "off"}
JSON = {"Content-Type": "application/json"}

MakeFlag = Callable[..., Awaitable[str]]
Ask = Callable[..., Awaitable[httpx.Response]]


@dataclass
class FakeLog:
    used: Decimal = Decimal(0)
    away: bool = False
    asked: list[str] = field(default_factory=list)

    async def submit(self, grant: Grant, command: Command) -> Answered:
        assert isinstance(command, Peek)
        self.asked.append(grant.entitlement_slug)
        if self.away:
            raise Unavailable("The log is away.", headers={"Retry-After": "1"})
        return Answered(0, Place(0, 0), Standing(self.used, 1, grant.period_at(command.received_at)))


@pytest.fixture
def url(migrated: Path, tmp_path: Path) -> str:
    """SQLite only: nothing here is the database's doing, and edits of flags are tested on both."""
    return f"sqlite:///{shutil.copy(migrated, tmp_path / 'catalog.db')}"


@pytest.fixture(autouse=True)
def log(app: FastAPI) -> FakeLog:
    app.include_router(ofrep.router)
    app.state.gateway = FakeLog()
    return app.state.gateway  # type: ignore[no-any-return]


@pytest.fixture
def make(client: httpx.AsyncClient) -> MakeFlag:
    """Makes a boolean flag of the given rules, `on` where one matches; returns its key."""

    async def make_flag(*rules: str, name: str = "Checkout", **change: Any) -> str:
        body = {
            "name": name,
            "type": "boolean",
            "enabled": True,
            "variants": [{"name": "on", "value": True}, {"name": "off", "value": False}],
            "default_variant": DEFAULT,
            "targetings": [
                {"type": "basic", "name": f"Rule {number}", "rule": rule, "variant": "on"}
                for number, rule in enumerate(rules, start=1)
            ],
            **change,
        }
        answer = await client.post("/feature-flags", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["slug"])

    return make_flag


@pytest.fixture
def ask(client: httpx.AsyncClient) -> Ask:
    async def evaluate(key: str, **context: Any) -> httpx.Response:
        return await client.post(f"{ONE}/{key}", json={"context": context})

    return evaluate
