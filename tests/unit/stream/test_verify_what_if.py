"""The log under other limits: what would have been refused, from where on."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from metering.command import Read
from stream.verify.log import Watch
from stream.verify.what_if import Outcome, Refusal, Supposition, WhatIf
from tests.unit.stream.fakes import NOON, grant, report
from tests.unit.stream.history import History, is_empty

LIMITED = grant("10")
UNTOUCHED = grant("10", entitlement="e-2")


async def supposed(history: History, scratch: Path, *texts: str) -> list[Outcome]:
    what_if = WhatIf(history, [Supposition.parse(text) for text in texts], scratch, Watch())
    await what_if.run()
    assert is_empty(scratch)
    return [*what_if.outcomes.values()]


@pytest.fixture
def history() -> History:
    made = History()
    made.record(report("4"), Read(NOON, "token"), report("3"), held_against=LIMITED)
    made.record(report("4"), report("3", "retried"), held_against=LIMITED)
    made.record(report("3", "retried"), held_against=LIMITED)
    return made


async def test_a_lower_limit_tells_what_it_would_have_refused_and_when_first(history: History, tmp_path: Path) -> None:
    (found,) = await supposed(history, tmp_path, "entitlement=calls,limit=5")
    assert (found.accepted, found.refused) == (3, 1)
    assert (found.would_be_accepted, found.would_be_refused) == (1, 4)
    assert found.first == Refusal(NOON, 3, Decimal(3), Decimal(4))


async def test_no_limit_would_have_refused_nothing(history: History, tmp_path: Path) -> None:
    (found,) = await supposed(history, tmp_path, "entitlement=calls,limit=-1")
    assert (found.would_be_accepted, found.would_be_refused, found.first) == (4, 0, None)


async def test_the_limit_as_it_was_changes_nothing(history: History, tmp_path: Path) -> None:
    (found,) = await supposed(history, tmp_path, "entitlement=calls,limit=10")
    assert (found.would_be_accepted, found.would_be_refused) == (found.accepted, found.refused)


async def test_entitlements_that_are_not_named_are_left_out(history: History, tmp_path: Path) -> None:
    assert await supposed(history, tmp_path, "entitlement=seats,limit=1") == []


async def test_records_that_cannot_be_decided_count_for_nothing(history: History, tmp_path: Path) -> None:
    history.bury(b"garbage")
    (found,) = await supposed(history, tmp_path, "entitlement=calls,limit=10")
    assert (found.accepted, found.refused) == (3, 1)


@pytest.mark.parametrize("text", ["", "calls=5", "entitlement=calls", "entitlement=calls,limit=many", "limit=5"])
def test_a_supposition_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        Supposition.parse(text)
