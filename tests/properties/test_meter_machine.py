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

transactions = st.sampled_from(["one", "two", "three"])


@dataclass(frozen=True)
class Logged:
    """A command in the log with its grant, and the answer that it was given when it was decided first."""

    command: Command
    grant: Grant
    answer: Answer


@dataclass(frozen=True)
class State:
    """What a checkpoint holds."""

    balance: Balance = NEW_BALANCE
    receipts: dict[str, Receipt] = field(default_factory=dict)


@dataclass(frozen=True)
class Transaction:
    value: Decimal
    behavior: Behavior
    decision: Decision
    expires_at: datetime


class OneMeter(RuleBasedStateMachine):
    """`log` is what stands in the log, `states` what the worker held before each of its commands and holds now.

    `naive` and `known` are the model's.
    """

    sent = Bundle("sent")

    @initialize(grant=grants())
    def begin(self, grant: Grant) -> None:
        self.grant, self.now, self.log = grant, NOW, list[Logged]()
        self.states = [State()]
        self.naive, self.known = NaiveMeter(), dict[str, Transaction]()

    # The caller

    @rule(target=sent, value=values, behavior=behaviors, late=lateness, transaction=st.none() | transactions)
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

    @rule(active=st.booleans(), start=st.none() | pauses, end=st.none() | pauses)
    def edit_the_license(self, active: bool, start: timedelta | None, end: timedelta | None) -> None:
        starts_at = None if start is None else self.now - start
        self.edit(license_active=active, starts_at=starts_at, ends_at=None if end is None else self.now + end)

    @rule()
    def reinstate_the_license(self) -> None:
        self.edit(license_active=True, starts_at=None, ends_at=None)

    @rule(pause=pauses)
    def time_passes(self, pause: timedelta) -> None:
        self.now += pause

    @rule()
    def transactions_are_forgotten(self) -> None:
        self.now += REMEMBER_FOR

    # The worker

    @precondition(lambda self: self.log)
    @rule(data=st.data(), balance_saved=st.booleans(), receipts_saved=st.sets(transactions))
    def crash_within_a_checkpoint(self, data: st.DataObject, balance_saved: bool, receipts_saved: set[str]) -> None:
        """Between two checkpoints, any of the newer one's receipts may be saved; its balance only after all of them.

        Two checkpoints are never as far apart in the log's time as transactions are remembered.
        """
        recent = sum(logged.command.received_at <= self.now - REMEMBER_FOR for logged in self.log)
        offset = data.draw(st.integers(recent, len(self.log)))
        older, newer = self.states[offset], self.states[data.draw(st.integers(offset, len(self.log)))]
        written = {key: receipt for key, receipt in newer.receipts.items() if balance_saved or key in receipts_saved}
        self.replay(State((newer if balance_saved else older).balance, {**older.receipts, **written}), offset)

    def replay(self, state: State, offset: int) -> None:
        """Whatever was saved, the log gives every answer again that it gave before."""
        for place, logged in enumerate(self.log[offset:], offset):
            if not state.balance.has_folded(Place(place, 0)):
                state, answer = decided(state, logged.command, logged.grant, Place(place, 0))
                assert answer == logged.answer
        assert state == self.states[-1]

    # What the rules are made of

    def edit(self, **fields: Any) -> None:
        self.grant = msgspec.structs.replace(self.grant, **fields)

    def send(self, report: Report) -> None:
        if passes_the_edge(self.grant, report.timestamp, self.now):
            expected = self.expected(report)
            answer = self.submit(report)
            assert expected(answer)

    def submit(self, command: Command) -> Answer:
        state, answer = decided(self.states[-1], command, self.grant, Place(len(self.log), 0))
        self.states.append(state)
        self.log.append(Logged(command, self.grant, answer))
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
            if report.transaction_id and accepted(answer):
                expires_at = self.now + REMEMBER_FOR
                self.known[report.transaction_id] = Transaction(report.value, report.behavior, answer, expires_at)
            return Outcome.of(answer) == outcome

        return holds

    @invariant()
    def the_sequence_has_no_gap(self) -> None:
        decisions = [logged.answer for logged in self.log if isinstance(logged.answer, Decision)]
        assert [decision.sequence for decision in decisions] == list(range(1, self.naive.sequence + 1))


def decided(state: State, command: Command, grant: Grant, place: Place) -> tuple[State, Answer]:
    """As a worker does it: look up the receipt, decide, keep what came of it."""
    transaction = command.transaction_id if isinstance(command, Report) else None
    balance, answer = decide(state.balance, command, grant, place, state.receipts.get(transaction or ""))
    if transaction and isinstance(command, Report) and isinstance(answer, Decision) and accepted(answer):
        receipt = remember(command, grant, answer, place, REMEMBER_FOR)
        return State(balance, {**state.receipts, transaction: receipt}), answer
    return State(balance, state.receipts), answer


def accepted(answer: Answer) -> bool:
    return isinstance(answer, Decision) and answer.status is Status.ACCEPTED


TestOneMeter = OneMeter.TestCase
TestOneMeter.settings = settings(stateful_step_count=40)
