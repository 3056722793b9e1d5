"""Balances, held against the replay: what a recovery would start from, each at its own place in the log."""

from __future__ import annotations

from typing import Final

from metering.balance import NEW_BALANCE, Balance
from stream.state import PartitionState
from stream.store import Store
from stream.verify.findings import Findings, Subject, balances_apart, describe_balance, meter_name
from stream.verify.replay import Folded
from stream.verify.span import Span

_MET: Final = b"verified/"


class Balances:
    """Holds the balances in `store`, made from the changelog, against the replay's as it passes their places."""

    def __init__(self, span: Span, store: Store, replayed: PartitionState, findings: Findings) -> None:
        self._span = span
        self._store = store
        self._kept = PartitionState(store)
        self._replayed = replayed
        self._findings = findings

    def hold(self, folded: Folded) -> None:
        """Compare the balances that a checkpoint took right after this record."""
        for grant in folded.counted():
            kept, replayed = self._kept.balance(grant.key), self._replayed.balance(grant.key)
            if kept.place.offset == folded.offset:
                self._store.write({_MET + grant.key: b""}, 0)
                self._compare(grant.key, meter_name(grant), kept, replayed)
            elif kept.place < replayed.place and folded.offset < self._span.done:
                self._behind(grant.key, meter_name(grant), kept, replayed)

    def finish(self) -> None:
        """Compare the rest: balances at a place that the replay did not pass."""
        for key in [*self._store.keys(b"b", b"c")]:
            meter = key[1:]
            if self._store.get(_MET + meter) is None:
                kept, replayed = self._kept.balance(meter), self._replayed.balance(meter)
                if replayed == NEW_BALANCE and not self._span.whole:
                    self._span.unknown.add(meter)
                self._compare(meter, meter.decode(errors="replace"), kept, replayed)
        self._findings.unknown_meters += len(self._span.unknown)

    def _compare(self, meter: bytes, name: str, kept: Balance, replayed: Balance) -> None:
        if meter in self._span.unknown:
            return
        self._findings.balances += 1
        if kept != replayed:
            place = self._span.id_of(kept.place.offset, kept.place.position)
            self._findings.differ(Subject.BALANCE, place, name, *balances_apart(replayed, kept))

    def _behind(self, meter: bytes, name: str, kept: Balance, replayed: Balance) -> None:
        """The checkpoint is past this decision, so the balance should hold it: a restart would decide without."""
        if meter not in self._span.unknown:
            place = self._span.id_of(replayed.place.offset, replayed.place.position)
            found = f"{describe_balance(kept)}, from before it"
            self._findings.differ(Subject.BALANCE, place, name, describe_balance(replayed), found)
