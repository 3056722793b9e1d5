from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from metering.command import Peek
from metering.decision import Decision, Receipt
from metering.transaction import generate
from stream.records import VERSION, Batch, Rules, encode
from stream.state import restore
from stream.store import MemoryStore, Store
from tests.unit.stream.fakes import NOON, Rig, batch, grant, report

ID = generate(NOON, "0" * 32)


def index(store: Store) -> list[bytes]:
    return [*store.keys(b"g", b"h")]


async def answer_to_a_retry(rig: Rig, at: datetime = NOON, offset: int = 9) -> object:
    for place in range(rig.partition._contiguity.expected, offset):
        await rig.take(place, batch(), at)
    await rig.take(offset, batch(report("2", ID, at)), at)
    return rig.log.decided()[-1].answers[0]


async def test_a_report_under_a_generated_id_has_no_entry_of_its_own_in_the_changelog() -> None:
    rig = Rig()
    await rig.take(0, batch(*(report("2", generate(NOON, f"{number:032x}")) for number in range(100))))
    await rig.checkpointer.checkpoint()
    assert len(rig.log.changelog) == 3  # the balance, the record, the place
    assert len(index(rig.store)) == 100


@pytest.mark.parametrize("checkpoints", [0, 1])
async def test_a_retry_gets_the_first_answer_before_a_checkpoint_and_behind_it(checkpoints: int) -> None:
    rig = Rig()
    await rig.take(0, batch(report("5"), report("2", ID)))
    for _ in range(checkpoints):
        await rig.checkpointer.checkpoint()
    answer = await answer_to_a_retry(rig)
    assert isinstance(answer, Receipt)
    assert (answer.decision.after, answer.place.offset, answer.place.position) == (7, 0, 1)


async def test_a_retry_in_the_same_record_gets_the_first_answer() -> None:
    rig = Rig()
    await rig.take(0, batch(report("2", ID), report("2", ID), Peek(NOON, ID)))
    first, again, seen = rig.log.decided()[-1].answers
    assert isinstance(first, Decision)
    assert isinstance(again, Receipt)
    assert seen == again
    assert again.decision == first


async def test_a_record_that_is_driven_again_late_finds_the_report_that_was_retried_meanwhile() -> None:
    rig = Rig()
    await rig.take(0, batch(report("2", ID)))
    await rig.checkpointer.checkpoint()
    await rig.take(1, batch(report("2", ID)), NOON + timedelta(minutes=45))
    assert isinstance(rig.log.decided()[-1].answers[0], Receipt)


async def test_a_store_that_is_rebuilt_finds_every_report_again() -> None:
    rig = Rig()
    await rig.take(0, batch(report("5"), report("2", ID)))
    await rig.checkpointer.checkpoint()
    rebuilt = MemoryStore()
    restore(rebuilt, rig.log.changelog, 0)
    assert index(rebuilt) == index(rig.store)
    assert isinstance(await answer_to_a_retry(Rig(rig.log, rebuilt, expected=1)), Receipt)


async def test_another_meters_report_under_the_same_id_is_another_report() -> None:
    rig = Rig()
    await rig.take(0, batch(report("2", ID)))
    await rig.take(1, batch(report("2", ID), held_against=grant(entitlement="e-2")))
    assert isinstance(rig.log.decided()[-1].answers[0], Decision)


async def test_a_refused_report_does_not_consume_its_id() -> None:
    rig = Rig()
    await rig.take(0, batch(report("2", ID), held_against=grant("1")))
    await rig.checkpointer.checkpoint()
    assert isinstance(await answer_to_a_retry(rig), Decision)
    assert not index(rig.store)


async def test_kept_records_and_their_index_are_forgotten_by_the_logs_time() -> None:
    rig = Rig()
    await rig.take(0, batch(report("2", ID)))
    await rig.checkpointer.checkpoint()
    await rig.take(1, batch(), NOON + timedelta(hours=1, minutes=15))
    await rig.checkpointer.checkpoint()
    assert index(rig.store)
    assert [*rig.store.keys(b"r", b"s")]
    await rig.take(2, batch(), NOON + timedelta(hours=1, minutes=50))
    await rig.checkpointer.checkpoint()
    assert not index(rig.store)
    assert not [*rig.store.keys(b"r", b"s")]
    assert [key[:1] for key, value in rig.log.changelog if value is None] == [b"r"]


STRANGE = {
    "an id that was made long before": (NOON - timedelta(minutes=30), Rules(), None),
    "rules that remember for long": (NOON, Rules(remember_generated_for=timedelta(days=1)), None),
    "a clock that runs ahead": (NOON - timedelta(minutes=5), Rules(), None),
    "a record too large for one entry": (NOON, Rules(), b'{"a":"' + b"x" * 600_000 + b'"}'),
}


@pytest.mark.parametrize("strange", STRANGE)
@pytest.mark.parametrize("rebuilt", [False, True])
async def test_a_strange_records_reports_have_receipts_of_their_own(strange: str, rebuilt: bool) -> None:  # a parameter
    taken_at, rules, metadata = STRANGE[strange]
    made_at, at = (taken_at, NOON) if strange == "an id that was made long before" else (NOON, taken_at)
    name = generate(made_at, "0" * 32)
    first = report("2", name, NOON)
    if metadata is not None:
        first = type(first)(first.value, first.behavior, NOON, NOON, "token", name, metadata)
    rig = Rig()
    await rig.take(0, encode(Batch(VERSION, b"origin__", 1, None, rules, [grant()], [0], [first])), at)
    await rig.checkpointer.checkpoint()
    assert not [*rig.store.keys(b"r", b"s")]
    if rebuilt:
        store = MemoryStore()
        restore(store, rig.log.changelog, 0)
        rig = Rig(rig.log, store, expected=1)
    await rig.take(1, batch(report("2", name)), NOON)
    answer = rig.log.decided()[-1].answers[0]
    assert isinstance(answer, Receipt)
    assert answer.value == Decimal(2)
