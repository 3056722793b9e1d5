"""The torture's checks themselves: a sound history passes them all, and each notices the fault that it is there for."""

from __future__ import annotations

from decimal import Decimal
from http import HTTPStatus

import msgspec
import pytest

from bench.torture import checks, rows
from bench.torture.answers import Answers, Told
from bench.torture.meters import HOT_LIMIT, Meter
from bench.torture.topic import Topic
from metering.balance import Place
from metering.decision import Decision, Status
from stream.decide import decide_batch
from stream.records import VERSION, Decided, audit_events, decode_batch
from stream.rows import rows_of
from stream.state import PartitionState
from stream.store import MemoryStore
from tests.unit.stream.fakes import NOON, batch, grant, report

METER = Meter("prod", "calls")
BATCHES = (batch(report("3", "a"), report("2500", "b")), batch(report("2", "c"), held_against=grant(limit="10")))
ACCEPTED = Told(METER, "b", HTTPStatus.OK, 1, "0-0-1", 2, Decimal(2503))
REFUSED = Told(METER, "c", HTTPStatus.CONFLICT, 1, None, None, Decimal(2503))


def history() -> list[Decided]:
    """Two accepted reports, and one that is refused under another limit."""
    state = PartitionState(MemoryStore())
    return [
        Decided(VERSION, 0, offset, decide_batch(decode_batch(value), offset, NOON, state, value), value)
        for offset, value in enumerate(BATCHES)
    ]


def topic_of(*records: Decided) -> Topic:
    topic = Topic()
    for record in records:
        topic.take(record)
    return topic


def changed(record: Decided, position: int, **fields: object) -> Decided:
    """The same record with another answer."""
    answers = [*record.answers]
    answers[position] = msgspec.structs.replace(answers[position], **fields)  # type: ignore[type-var]
    return msgspec.structs.replace(record, answers=answers)


def answers_of(*told: Told) -> Answers:
    answers = Answers()
    for it in told:
        answers.tell(it)
    return answers


class Trail:
    """ClickHouse with these rows."""

    def __init__(self, *records: Decided) -> None:
        self.rows = [row for record in records for row in rows_of(record, record.offset, Place(-1, -1))]

    async def query(self, name: str, **parameters: object) -> list[tuple[object, ...]]:
        assert name == "partition_rows"
        return self.rows


async def test_a_sound_history_passes_every_check() -> None:
    topic = topic_of(*history(), *history())
    assert topic.differing == []
    assert topic.repeated == len(topic.entries) == 3
    assert checks.every_sequence_is_gapless(topic) == []
    assert checks.no_transaction_is_accepted_twice(topic) == []
    assert checks.nothing_accepted_passes_its_cap(topic) == []
    assert checks.every_meter_equals_its_recount(topic, {METER: (Decimal(2503), 2)}) == []
    assert checks.every_answer_is_in_the_trail(topic, answers_of(ACCEPTED, REFUSED)) == []
    assert await rows.compare(Trail(*history()), topic) == []


def test_a_record_decided_two_ways_is_noticed() -> None:
    first, second = history()
    assert topic_of(first, changed(first, 1, after=Decimal(1)), second).differing


def test_a_record_that_was_never_decided_is_noticed() -> None:
    assert topic_of(history()[1]).differing


def test_a_gap_in_a_sequence_is_noticed() -> None:
    first, second = history()
    assert checks.every_sequence_is_gapless(topic_of(first, changed(second, 0, sequence=4)))


def test_a_transaction_accepted_twice_is_noticed() -> None:
    first = history()[0]
    again = msgspec.structs.replace(first, offset=1)
    assert checks.no_transaction_is_accepted_twice(topic_of(first, again))


def test_an_accepted_report_past_its_cap_is_noticed() -> None:
    first, second = history()
    passed = changed(second, 0, status=Status.ACCEPTED, after=Decimal(2505), reason=None)
    assert checks.nothing_accepted_passes_its_cap(topic_of(first, passed))


def test_a_filled_meter_off_its_limit_is_noticed() -> None:
    answers = answers_of()
    answers.filled.add(METER)
    assert HOT_LIMIT != 2503
    assert checks.every_filled_meter_is_at_its_limit(topic_of(*history()), answers)


@pytest.mark.parametrize("shown", [{METER: (Decimal(2503), 3)}, {METER: (Decimal(2502), 2)}, {}])
def test_a_meter_that_is_not_its_recount_is_noticed(shown: checks.Usage) -> None:
    assert checks.every_meter_equals_its_recount(topic_of(*history()), shown)


@pytest.mark.parametrize(
    "told",
    [
        ACCEPTED._replace(decision_id="0-7-0"),
        ACCEPTED._replace(decision_id="0-0-0"),
        ACCEPTED._replace(sequence=3),
        ACCEPTED._replace(total=Decimal(2502)),
        REFUSED._replace(mark="b"),
        REFUSED._replace(total=Decimal(0)),
        REFUSED._replace(mark="unknown"),
        REFUSED._replace(status=HTTPStatus.INTERNAL_SERVER_ERROR),
        ACCEPTED._replace(status=HTTPStatus.ACCEPTED, decision_id="0-7-0"),
    ],
)
def test_an_answer_that_the_trail_has_not_is_noticed(told: Told) -> None:
    assert checks.every_answer_is_in_the_trail(topic_of(*history()), answers_of(told))


async def test_a_row_that_is_missing_doubled_or_changed_is_noticed() -> None:
    first, second = history()
    topic = topic_of(first, second)
    assert await rows.compare(Trail(first), topic)
    assert await rows.compare(Trail(first, second, second), topic)
    assert await rows.compare(Trail(first, changed(second, 0, before=Decimal(7))), topic)


def test_every_decision_of_the_history_is_known_by_its_report() -> None:
    events = [event for record in history() for event in audit_events(record)]
    assert all(isinstance(event.decision, Decision) for event in events)
    assert [entry.mark for entry in topic_of(*history()).entries.values()] == ["a", "b", "c"]
