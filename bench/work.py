"""The work that everyone in the decide bench is given: the same reports, as batch records or one by one."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final, overload

from metering.command import Report
from metering.grant import Grant
from metering.meter import Aggregation, Behavior
from metering.period import ResetPeriod
from metering.transaction import generate
from stream.records import VERSION, Batch, Rules, encode
from stream.topics import partition_of

PARTITIONS: Final = 8  # the default of TIDEMARK_PARTITIONS
BATCH: Final = 200

RESETS: Final = ResetPeriod.MONTH
BEGUN: Final = datetime.now(UTC) - timedelta(minutes=5)
_BETWEEN: Final = timedelta(microseconds=10)
_SPREAD: Final = 0x9E3779B97F4A7C15F39CC0605CEDC835  # 2^128 over the golden ratio
_ORGANIZATION: Final = str(uuid.UUID(int=1))
_LICENSE: Final = str(uuid.UUID(int=2))
_HIGHEST: Final = 400
_LOWEST_LIMIT: Final = Decimal(1_000)
_MEAN: Final = Decimal(1 + _HIGHEST) / 8


@dataclass(frozen=True)
class Work:
    """Report i is of `values[i]` and stands against `grants[meter_of[i]]`.

    `named`: each has a transaction id as ingest makes one for a report without. `batch` of them come in a record.
    """

    grants: Grants
    meter_of: Sequence[int]
    values: Sequence[Decimal]
    named: bool = False
    batch: int = BATCH
    partitions: int = PARTITIONS

    def __len__(self) -> int:
        return len(self.values)

    def report(self, index: int) -> Report:
        at = BEGUN + index * _BETWEEN
        name = generate(at, f"{index:032x}") if self.named else None
        return Report(self.values[index], Behavior.APPEND, at, at, "bench", name)

    def partition(self, index: int) -> int:
        return partition_of(self.grants[self.meter_of[index]].key, self.partitions)

    def head(self, reports: int) -> Work:
        """The first of the reports."""
        return replace(self, meter_of=self.meter_of[:reports], values=self.values[:reports])


def make_work(reports: int, meters: int, partitions: int = PARTITIONS, *, named: bool = False) -> Work:
    """Reports in even use of the meters.

    About half of the meters are granted a little less than is asked of them, where each is asked often.
    """
    chance = random.Random(7)
    return Work(
        Grants(meters, max(_LOWEST_LIMIT, (_MEAN * reports / meters).quantize(Decimal(1)))),
        [chance.randrange(meters) for _ in range(reports)],
        [Decimal(chance.randint(1, _HIGHEST)) / 4 for _ in range(reports)],
        named,
        BATCH,
        partitions,
    )


def batches(work: Work) -> Iterator[tuple[int, list[int]]]:
    """The reports as ingest would pack them under a flood: each partition's in order, `work.batch` to a record."""
    filling: list[list[int]] = [[] for _ in range(work.partitions)]
    for index, meter in enumerate(work.meter_of):
        partition = partition_of(work.grants.meter(meter), work.partitions)
        filling[partition].append(index)
        if len(filling[partition]) == work.batch:
            yield partition, filling[partition]
            filling[partition] = []
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


class Grants(Sequence[Grant]):
    """The grants of so many meters, each made when it is wanted: ten million would not fit into memory."""

    def __init__(self, meters: int, limit: Decimal) -> None:
        self._meters = meters
        self._limit = limit
        self._grant = lru_cache(100_000)(self._make)

    def __len__(self) -> int:
        return self._meters

    @overload
    def __getitem__(self, index: int) -> Grant: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Grant]: ...
    def __getitem__(self, index: int | slice) -> Grant | Sequence[Grant]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(self._meters))]
        if not 0 <= index < self._meters:
            raise IndexError(index)
        return self._grant(index)

    def meter(self, number: int) -> bytes:
        """The key of a meter, as its grant has it."""
        instance, entitlement = _ids(number)
        return f"{_ORGANIZATION}/{instance}/{entitlement}".encode()

    def _make(self, number: int) -> Grant:
        instance, entitlement = _ids(number)
        return Grant(
            organization_id=_ORGANIZATION,
            instance_id=instance,
            instance_slug=f"instance-{number // 20}",
            entitlement_id=entitlement,
            entitlement_slug=f"meter-{number % 20}",
            license_id=_LICENSE,
            license_slug="bench",
            license_version="1",
            license_active=True,
            aggregation=Aggregation.SUM,
            limit=self._limit,
            warning_percent=Decimal(80),
            reset_period=RESETS,
        )


def _ids(number: int) -> tuple[str, str]:
    """The ids of a meter's instance and entitlement, spread over all ids as random ones are."""
    return _id((number + 1) * _SPREAD), _id((number + 1) * _SPREAD * _SPREAD)


def _id(number: int) -> str:
    digits = f"{number % (1 << 128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
