"""The peer of a report's answer: plain FastAPI and pydantic, the same body validated, nothing decided."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

app = FastAPI()


class NumberValue(BaseModel):
    model_config = ConfigDict(extra="forbid")
    type: Literal["number"]
    value: Decimal = Field(max_digits=32, decimal_places=12)


class Report(BaseModel):
    model_config = ConfigDict(extra="forbid")
    value: NumberValue
    behavior: Literal["append", "set"] = "append"
    metadata: dict[str, Any] | None = None
    timestamp: datetime | None = None
    transactionId: str | None = Field(None, pattern=r"^[A-Za-z0-9._:-]{1,128}$")  # noqa: N815  # the contract's name


class UsageValue(BaseModel):
    event_count: int
    type: Literal["number"]
    value: float


class Usage(BaseModel):
    behavior: str
    entitlementSlug: str  # noqa: N815  # the contract's name
    instanceSlug: str  # noqa: N815  # the contract's name
    timestamp: datetime
    value: UsageValue


@app.post("/instances/{instance}/entitlements/{entitlement}/usage")
async def report_usage(instance: str, entitlement: str, report: Report) -> Usage:
    """Answer as Tidemark would, from nothing but the request."""
    value = UsageValue(event_count=1, type="number", value=float(report.value.value))
    now = report.timestamp or datetime.now(UTC)
    return Usage(
        behavior=report.behavior, instanceSlug=instance, entitlementSlug=entitlement, timestamp=now, value=value
    )
