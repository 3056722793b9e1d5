"""What the recover bench writes is what a worker restores."""

from __future__ import annotations

from bench.recover import RESTORED, checkpoint_of, witness
from bench.work import PARTITIONS
from stream.state import PartitionState, restore
from stream.store import MemoryStore
from stream.topics import partition_of


def test_its_changelog_gives_each_meter_the_balance_that_is_looked_for() -> None:
    meters, store = [witness(partition).key for partition in range(PARTITIONS)], MemoryStore()
    assert [partition_of(meter, PARTITIONS) for meter in meters] == [*range(PARTITIONS)]
    restore(store, checkpoint_of(meters).items(), 0)
    state = PartitionState(store)
    assert {state.balance(meter).counters[0].shown for meter in meters} == {RESTORED}
    assert state.next_offset == 0
