"""What the tests of the rules start from: a grant, a report, and a meter that remembers what it decided."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from metering.balance import NEW_BALANCE, Balance, Place
from metering.command import Command, Peek, Read, Report
from metering.decision import Answer, Decision, Receipt, Standing, Status, decide, remember
from metering.grant import Grant
from metering.meter import Aggregation, Behavior

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
REMEMBER_FOR = timedelta(days=35)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NAMES: dict[str, Any] = {
    "organization_id": "acme",
    "instance_id": "prod-id",
    "instance_slug": "prod",
    "entitlement_id": "calls-id",
    "entitlement_slug": "calls",
    "license_id": "license-id",
    "license_slug": "enterprise",
    "license_version": "1",
    "license_active": True,
}


def grant(limit: str = "-1", aggregation: Aggregation = Aggregation.SUM, **others: Any) -> Grant:
    for percent in others.keys() & {"overage_percent", "warning_percent"}:
        others[percent] = Decimal(others[percent])
    return Grant(**{**NAMES, **others}, limit=Decimal(limit), aggregation=aggregation)


def report(
    value: str = "1",
    timestamp: datetime = NOW,
    behavior: Behavior = Behavior.APPEND,
    received_at: datetime | None = None,
    transaction_id: str | None = None,
) -> Report:
    return Report(Decimal(value), behavior, timestamp, received_at or timestamp, "token", transaction_id)


class Meter:
    """One meter under `grant`, which a test may edit: decides command after command and keeps its receipts."""

    def __init__(self, held_against: Grant | None = None) -> None:
        self.grant = held_against or grant()
        self.balance: Balance = NEW_BALANCE
        self.receipts: dict[str, Receipt] = {}
        self.place = Place(0, 0)

    def edit(self, **fields: Any) -> None:
        self.grant = msgspec.structs.replace(self.grant, **fields)

    def append(self, value: str = "1", timestamp: datetime = NOW, **others: Any) -> Decision:
        return self.decision_on(report(value, timestamp, **others))

    def set(self, value: str, timestamp: datetime = NOW, **others: Any) -> Decision:
        return self.decision_on(report(value, timestamp, Behavior.SET, **others))

    def read(self, now: datetime = NOW) -> Decision:
        return self.decision_on(Read(now, "token"))

    def peek(self, now: datetime = NOW) -> Standing:
        answer = self.answer_to(Peek(now))
        assert isinstance(answer, Standing)
        return answer

    def decision_on(self, command: Report | Read) -> Decision:
        answer = self.answer_to(command)
        assert isinstance(answer, Decision)
        return answer

    def answer_to(self, command: Command) -> Answer:
        self.place = Place(self.place.offset + 1, 0)
        transaction = command.transaction_id if isinstance(command, Report) else None
        receipt = self.receipts.get(transaction) if transaction else None
        self.balance, answer = decide(self.balance, command, self.grant, self.place, receipt)
        if transaction and isinstance(answer, Decision) and answer.status is Status.ACCEPTED:
            assert isinstance(command, Report)
            self.receipts[transaction] = remember(command, self.grant, answer, self.place, REMEMBER_FOR)
        return answer
