"""Records of `decisions` as a worker writes them, made without one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.work import Work, batches, record
from metering.balance import NEW_BALANCE, Balance, Place
from metering.decision import Answer, decide
from stream.records import VERSION, Decided, decision_id, encode


@dataclass(frozen=True)
class Written:
    """A record of `decisions`: how many decisions it brings, and the id of its last."""

    partition: int
    value: bytes
    decisions: int
    last: str


def decided(work: Work) -> Iterator[Written]:
    """What a worker makes of the reports, record by record."""
    balances: dict[int, Balance] = defaultdict(lambda: NEW_BALANCE)
    offsets: Counter[int] = Counter()
    for number, (partition, indices) in enumerate(batches(work)):
        offset = offsets[partition]
        offsets[partition] += 1
        answers = _decide(work, balances, offset, indices)
        value = encode(Decided(VERSION, partition, offset, answers, record(work, number, indices)))
        yield Written(partition, value, len(indices), decision_id(partition, Place(offset, len(indices) - 1)))


def _decide(work: Work, balances: dict[int, Balance], offset: int, indices: Sequence[int]) -> list[Answer | None]:
    answers: list[Answer | None] = []
    for position, index in enumerate(indices):
        meter = work.meter_of[index]
        place = Place(offset, position)
        balances[meter], answer = decide(balances[meter], work.report(index), work.grants[meter], place)
        answers.append(answer)
    return answers
