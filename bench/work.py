"""The work that everyone in the decide bench is given: the same reports, as batch records or one by one."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from metering.command import Report
from metering.grant import Grant
from metering.meter import Aggregation, Behavior
from metering.period import ResetPeriod
from metering.transaction import generate
from stream.records import VERSION, Batch, Rules, encode
from stream.topics import partition_of

PARTITIONS: Final = 8  # the default of TIDEMARK_PARTITIONS
BATCH: Final = 200

_BEGUN: Final = datetime.now(UTC) - timedelta(minutes=5)
_BETWEEN: Final = timedelta(microseconds=10)
_HIGHEST: Final = 400
_MEAN: Final = Decimal(1 + _HIGHEST) / 8


@dataclass(frozen=True)
class Work:
    """Report i is of `values[i]` and stands against `grants[meter_of[i]]`.

    `named`: each has a transaction id as ingest makes one for a report without. `batch` of them come in a record.
    """

    grants: Sequence[Grant]
    meter_of: Sequence[int]
    values: Sequence[Decimal]
    named: bool = False
    batch: int = BATCH
    partitions: int = PARTITIONS

    def __len__(self) -> int:
        return len(self.values)

    def report(self, index: int) -> Report:
        at = _BEGUN + index * _BETWEEN
        name = generate(at, f"{index:032x}") if self.named else None
        return Report(self.values[index], Behavior.APPEND, at, at, "bench", name)

    def partition(self, index: int) -> int:
        return partition_of(self.grants[self.meter_of[index]].key, self.partitions)

    def head(self, reports: int) -> Work:
        """The first of the reports."""
        return replace(self, meter_of=self.meter_of[:reports], values=self.values[:reports])


def make_work(reports: int, meters: int) -> Work:
    """Reports in even use of the meters; about half of the meters are granted a little less than is asked of them."""
    chance = random.Random(7)
    limit = (_MEAN * reports / meters).quantize(Decimal(1))
    return Work(
        [_grant(number, limit, chance) for number in range(meters)],
        [chance.randrange(meters) for _ in range(reports)],
        [Decimal(chance.randint(1, _HIGHEST)) / 4 for _ in range(reports)],
    )


def batches(work: Work) -> Iterator[tuple[int, list[int]]]:
    """The reports as ingest would pack them under a flood: each partition's in order, `work.batch` to a record."""
    filling: list[list[int]] = [[] for _ in range(work.partitions)]
    partitions = [partition_of(grant.key, work.partitions) for grant in work.grants]
    for index, meter in enumerate(work.meter_of):
        batch = filling[partitions[meter]]
        batch.append(index)
        if len(batch) == work.batch:
            yield partitions[meter], batch
            filling[partitions[meter]] = []
    yield from ((partition, batch) for partition, batch in enumerate(filling) if batch)


def record(work: Work, number: int, indices: Sequence[int]) -> bytes:
    """The usage record of these reports: each distinct grant once. Nobody waits for its answers."""
    distinct = {meter: place for place, meter in enumerate(dict.fromkeys(work.meter_of[index] for index in indices))}
    return encode(
        Batch(
            VERSION,
            b"benching",
            number,
            None,
            Rules(),
            [work.grants[meter] for meter in distinct],
            [distinct[work.meter_of[index]] for index in indices],
            [work.report(index) for index in indices],
        )
    )


def _grant(number: int, limit: Decimal, chance: random.Random) -> Grant:
    instance, entitlement = divmod(number, 20)
    return Grant(
        organization_id=str(uuid.UUID(int=1)),
        instance_id=str(uuid.UUID(int=chance.getrandbits(128))),
        instance_slug=f"instance-{instance}",
        entitlement_id=str(uuid.UUID(int=chance.getrandbits(128))),
        entitlement_slug=f"meter-{entitlement}",
        license_id=str(uuid.UUID(int=2)),
        license_slug="bench",
        license_version="1",
        license_active=True,
        aggregation=Aggregation.SUM,
        limit=limit,
        warning_percent=Decimal(80),
        reset_period=ResetPeriod.MONTH,
    )
