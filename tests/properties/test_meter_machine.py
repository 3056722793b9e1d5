"""One meter's life against the naive model: reports, retries, reads, edits, time, and crashes at any moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from metering.balance import NEW_BALANCE, Balance, Place
from metering.command import Command, Peek, Read, Report
from metering.decision import Answer, Decision, Receipt, Standing, Status, decide, remember
from metering.grant import Grant
from metering.meter import Behavior
from tests.properties.naive import NaiveMeter, Outcome
from tests.properties.strategies import behaviors, grants, lateness, limits, passes_the_edge, pauses, small, values
from tests.unit.metering.given import NOW, REMEMBER_FOR

transactions = st.none() | st.sampled_from(["one", "two", "three"])


@dataclass(frozen=True)
class Logged:
    """A command in the log with its grant, and the answer that it was given when it was decided first."""

    command: Command
    grant: Grant
    answer: Answer


@dataclass(frozen=True)
class Checkpoint:
    """The state as it was saved, and the offset of the log to go on from."""

    offset: int = 0
    balance: Balance = NEW_BALANCE
    receipts: dict[str, Receipt] = field(default_factory=dict)


@dataclass(frozen=True)
class Transaction:
    value: Decimal
    behavior: Behavior
    decision: Decision
    expires_at: datetime


class OneMeter(RuleBasedStateMachine):
    """`log` is what stands in the log; `balance` and `receipts` are the worker's; `naive` and `known` the model's."""

    sent = Bundle("sent")

    @initialize(grant=grants())
    def begin(self, grant: Grant) -> None:
        self.grant, self.now, self.log = grant, NOW, list[Logged]()
        self.balance, self.receipts = NEW_BALANCE, dict[str, Receipt]()
        self.checkpoints = [Checkpoint(), Checkpoint()]
        self.naive, self.known = NaiveMeter(), dict[str, Transaction]()

    # The caller

    @rule(target=sent, value=values, behavior=behaviors, late=lateness, transaction=transactions)
    def report(self, value: Decimal, behavior: Behavior, late: timedelta, transaction: str | None) -> Report:
        report = Report(value, behavior, self.now - late, self.now, "token", transaction)
        self.send(report)
        return report

    @rule(report=sent)
    def retry(self, report: Report) -> None:
        self.send(msgspec.structs.replace(report, received_at=self.now))

    @rule(report=sent, value=small, behavior=behaviors)
    def reuse_its_transaction_id(self, report: Report, value: Decimal, behavior: Behavior) -> None:
        self.send(msgspec.structs.replace(report, value=value, behavior=behavior, received_at=self.now))

    @rule()
    def read(self) -> None:
        decision = self.submit(Read(self.now, "token"))
        assert isinstance(decision, Decision)
        assert Outcome.of(decision) == self.naive.read(self.now, self.grant)

    @rule()
    def peek(self) -> None:
        standing = self.submit(Peek(self.now))
        assert isinstance(standing, Standing)
        assert (Fraction(standing.value), standing.events) == self.naive.value(self.now, self.grant)

    # The vendor, and time

    @rule(limit=limits)
    def edit_the_limit(self, limit: str) -> None:
        self.edit(limit=Decimal(limit))

    @rule(active=st.booleans())
    def switch_the_license(self, active: bool) -> None:
        self.edit(license_active=active)

    @rule(start=st.none() | pauses, end=st.none() | pauses)
    def edit_the_dates(self, start: timedelta | None, end: timedelta | None) -> None:
        self.edit(
            starts_at=None if start is None else self.now - start,
            ends_at=None if end is None else self.now + end,
        )

    @rule(pause=pauses)
    def time_passes(self, pause: timedelta) -> None:
        self.now += pause

    @rule()
    def transactions_are_forgotten(self) -> None:
        self.now += REMEMBER_FOR
        self.save()
        self.save()

    # The worker

    @rule()
    def save(self) -> None:
        self.checkpoints = [self.checkpoints[-1], Checkpoint(len(self.log), self.balance, dict(self.receipts))]

    @precondition(lambda self: self.log)
    @rule(balance_saved=st.booleans(), receipts_saved=st.lists(st.booleans(), min_size=3, max_size=3))
    def crash_within_a_checkpoint(self, balance_saved: bool, receipts_saved: list[bool]) -> None:
        """Receipts are saved before the balance, so a balance never stands before its receipts."""
        older, newer = self.checkpoints
        saved = [balance_saved or receipt for receipt in receipts_saved]
        written = {key: newer.receipts[key] for key, done in zip(sorted(newer.receipts), saved, strict=False) if done}
        self.balance = newer.balance if balance_saved else older.balance
        self.receipts = {**older.receipts, **written}
        self.replay_from(older.offset)

    def replay_from(self, offset: int) -> None:
        """Whatever was saved, the log gives every answer again that it gave before."""
        for place, logged in enumerate(self.log[offset:], offset):
            if not self.balance.has_folded(Place(place, 0)):
                assert self.decide(logged.command, logged.grant, Place(place, 0)) == logged.answer

    # What the rules are made of

    def edit(self, **fields: Any) -> None:
        self.grant = msgspec.structs.replace(self.grant, **fields)

    def send(self, report: Report) -> None:
        if passes_the_edge(self.grant, report.timestamp, self.now):
            expected = self.expected(report)
            answer = self.submit(report)
            assert expected(answer)

    def submit(self, command: Command) -> Answer:
        place = Place(len(self.log), 0)
        answer = self.decide(command, self.grant, place)
        self.log.append(Logged(command, self.grant, answer))
        return answer

    def decide(self, command: Command, grant: Grant, place: Place) -> Answer:
        """As a worker does it: look up the receipt, decide, keep what came of it."""
        transaction = command.transaction_id if isinstance(command, Report) else None
        receipt = self.receipts.get(transaction) if transaction else None
        self.balance, answer = decide(self.balance, command, grant, place, receipt)
        if isinstance(command, Report) and transaction and _accepted(answer):
            assert isinstance(answer, Decision)
            self.receipts[transaction] = remember(command, grant, answer, place, REMEMBER_FOR)
        return answer

    def expected(self, report: Report) -> Callable[[Answer], bool]:
        """What the model says of the answer to `report`."""
        known = self.known.get(report.transaction_id or "")
        if known is None or known.expires_at <= self.now:
            return self.is_decided_as(report, refusal=None)
        if (known.value, known.behavior) == (report.value, report.behavior):
            return lambda answer: isinstance(answer, Receipt) and answer.decision == known.decision
        return self.is_decided_as(report, refusal="TRANSACTION_ID_REUSED")

    def is_decided_as(self, report: Report, refusal: str | None) -> Callable[[Answer], bool]:
        outcome = self.naive.report(report, self.grant, refusal)

        def holds(answer: Answer) -> bool:
            assert isinstance(answer, Decision)
            if report.transaction_id and _accepted(answer):
                expires_at = self.now + REMEMBER_FOR
                self.known[report.transaction_id] = Transaction(report.value, report.behavior, answer, expires_at)
            return Outcome.of(answer) == outcome

        return holds

    @invariant()
    def the_sequence_has_no_gap(self) -> None:
        decisions = [logged.answer for logged in self.log if isinstance(logged.answer, Decision)]
        assert [decision.sequence for decision in decisions] == list(range(1, self.naive.sequence + 1))


def _accepted(answer: Answer) -> bool:
    return isinstance(answer, Decision) and answer.status is Status.ACCEPTED


TestOneMeter = OneMeter.TestCase
TestOneMeter.settings = settings(stateful_step_count=40)
