from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.balance import NEW_BALANCE, Balance, Counter, Place
from metering.command import Report
from metering.decision import Decision, Status, decide, remember
from metering.grant import Grant
from metering.meter import Aggregation
from tests.properties.naive import NaiveMeter, Outcome
from tests.properties.strategies import metered
from tests.unit.metering.given import REMEMBER_FOR

Metered = tuple[Grant, list[Report]]


def folded(
    reports: Iterable[Report], grant: Grant, balance: Balance = NEW_BALANCE
) -> tuple[list[Balance], list[Decision]]:
    """What deciding the reports gives, one per log record from offset 0; those that `balance` holds are skipped."""
    balances, decisions = [balance], []
    for offset, report in enumerate(reports):
        if not balance.has_folded(Place(offset, 0)):
            balance, answer = decide(balance, report, grant, Place(offset, 0))
            assert isinstance(answer, Decision)
            balances.append(balance)
            decisions.append(answer)
    return balances, decisions


@pytest.mark.parametrize("aggregation", Aggregation)
@given(data=st.data())
def test_every_decision_is_what_a_naive_recount_says(aggregation: Aggregation, data: st.DataObject) -> None:
    grant, reports = data.draw(metered(st.just(aggregation)))
    naive = NaiveMeter()
    _, decisions = folded(reports, grant)
    assert [Outcome.of(decision) for decision in decisions] == [naive.report(report, grant) for report in reports]


@given(metered(), st.data())
def test_replay_from_any_checkpoint_equals_live(history: Metered, data: st.DataObject) -> None:
    grant, reports = history
    balances, decisions = folded(reports, grant)
    checkpoint = data.draw(st.integers(0, len(reports)))
    replayed_balances, replayed = folded(reports, grant, balances[checkpoint])
    assert replayed == decisions[checkpoint:]
    assert replayed_balances == balances[checkpoint:]


@given(metered())
def test_nothing_accepted_passes_the_cap(history: Metered) -> None:
    grant, reports = history
    balances, decisions = folded(reports, grant)
    for balance, decision in zip(balances[1:], decisions, strict=True):
        counted = next((c for c in balance.counters if c.period == decision.period), Counter())
        assert decision.status is Status.REJECTED or grant.allows(counted)


@given(metered())
def test_the_sequence_has_no_gap(history: Metered) -> None:
    grant, reports = history
    _, decisions = folded(reports, grant)
    assert [decision.sequence for decision in decisions] == list(range(1, len(reports) + 1))


@given(metered())
def test_a_refused_report_changes_no_value(history: Metered) -> None:
    grant, reports = history
    _, decisions = folded(reports, grant)
    for decision in decisions:
        assert decision.status is Status.ACCEPTED or decision.before == decision.after


@given(metered())
def test_no_report_that_the_edge_lets_through_finds_its_period_closed(history: Metered) -> None:
    grant, reports = history
    _, decisions = folded(reports, grant)
    assert {decision.reason for decision in decisions} <= {None, "THRESHOLD_EXCEEDED"}


@given(metered())
def test_a_duplicate_changes_nothing_and_gets_the_first_answer(history: Metered) -> None:
    grant, reports = history
    balance = NEW_BALANCE
    for offset, report in enumerate(reports):
        balance, first = decide(balance, report, grant, Place(offset, 0))
        assert isinstance(first, Decision)
        receipt = remember(report, grant, first, Place(offset, 0), REMEMBER_FOR)
        assert decide(balance, report, grant, Place(offset, 1), receipt) == (balance, receipt)


@given(metered())
def test_the_thread_s_own_decimal_context_does_not_matter(history: Metered) -> None:
    grant, reports = history
    expected = folded(reports, grant)
    with localcontext(Context(prec=2)):
        assert folded(reports, grant) == expected
