"""A partition's state: the balances and receipts that its next command is decided with.

What changed since the last checkpoint is held here; the rest is read from the store. Keys, in the changelog and on
disk: `b` + meter → Balance; `t` + meter + NUL + transaction id → Receipt; `r`, `g` as `kept` says; `o` → the offset in
`usage` of the first record that is not part of the state. On disk only, derived from the receipts: `x` + expiry
(seconds, 8 bytes) + receipt key → nothing, which finds what may be forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final, TypeVar, cast

import msgspec

from metering.balance import NEW_BALANCE, Balance
from metering.decision import Receipt
from stream.kept import (
    ITSELF,
    Kept,
    ids_before,
    index_of,
    index_of_receipt,
    is_index_key,
    key_and_position,
    receipt_in,
    receipt_key_of,
    records_before,
)
from stream.store import Changes, Range, Store

_FORGET_AT_LEAST: Final = 5_000
_SAVED_KEPT: Final = 4_096
_OFFSET: Final = b"o"
#: Of an index key, without the last two digits of its seconds: these change every four minutes.
_FORGET_BY: Final = 7

T = TypeVar("T")

_encode: Final = msgspec.msgpack.Encoder().encode
_decode_balance: Final = msgspec.msgpack.Decoder(Balance).decode
_decode_kept: Final = msgspec.msgpack.Decoder(Kept).decode
_decode_receipt: Final = msgspec.msgpack.Decoder(Receipt).decode


class StateUnreadable(Exception):
    """The store holds what this release can't read: it is damaged, or was written by a later release."""


@dataclass(slots=True)
class Pending:
    """What a record changed, or all records since a checkpoint: balances by meter, the others by their keys."""

    balances: dict[bytes, Balance] = field(default_factory=dict)
    receipts: dict[bytes, Receipt] = field(default_factory=dict)
    records: dict[bytes, Kept] = field(default_factory=dict)
    index: dict[bytes, bytes] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.balances) + len(self.receipts) + len(self.index)

    def add(self, other: Pending) -> None:
        self.balances.update(other.balances)
        self.receipts.update(other.receipts)
        self.records.update(other.records)
        self.index.update(other.index)


class PartitionState:
    """The balances and receipts of one partition's meters, as of the last command decided.

    A record that was decided whole adds what it changed (`adopt`). A checkpoint takes the changes (`take`), makes them
    durable in the changelog, and then saves them (`save`); until then they are read from memory. One checkpoint at a
    time.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._changed = Pending()
        self._taken = Pending()
        #: What the last checkpoint saved, in case that it is wanted again: the busy meters are.
        self._saved: dict[bytes, Balance] = {}
        self._local: Changes = {}
        self._forgetting: Range | None = None
        self._forgotten = b""
        #: Of receipts that were looked up: when the stored one expires, for the index to forget if it is replaced.
        self._stored_expiries: dict[bytes, datetime] = {}

    @property
    def changes(self) -> int:
        """How many keys changed since the last `take`."""
        return len(self._changed)

    def balance(self, meter: bytes) -> Balance:
        return self.balances([meter])[meter]

    def balances(self, meters: Iterable[bytes]) -> dict[bytes, Balance]:
        """The balance of each meter; what memory does not hold is read in one look-up."""
        changed, taken, saved = self._changed.balances, self._taken.balances, self._saved
        held = {meter: changed.get(meter) or taken.get(meter) or saved.get(meter) for meter in meters}
        missing = [meter for meter, balance in held.items() if balance is None]
        for meter, stored in zip(missing, self._store.find([b"b" + meter for meter in missing]), strict=True):
            held[meter] = NEW_BALANCE if stored is None else _read(_decode_balance, meter, stored)
        return cast("dict[bytes, Balance]", held)

    def receipts(self, keys: Sequence[bytes]) -> dict[bytes, Receipt]:
        """Those of the receipts under these keys (receipt keys, and index keys of kept records) that there are."""
        changed, taken = self._changed, self._taken
        held = (changed.index, taken.index, changed.receipts, taken.receipts)
        stored = dict(zip(keys, self._store.find(keys), strict=True))
        known = [key for key, value in stored.items() if value is not None]
        known += [key for of in held if of for key in keys if key in of]  # hardly ever any: no call for each key
        receipts = {
            key: self._indexed(key, stored[key]) if is_index_key(key) else self._receipt(key, stored[key])
            for key in known
        }
        return {key: receipt for key, receipt in receipts.items() if receipt is not None}

    def _receipt(self, key: bytes, stored: bytes | None) -> Receipt | None:
        held = self._changed.receipts.get(key) or self._taken.receipts.get(key)
        if held is not None or stored is None:
            return held
        receipt = _read(_decode_receipt, key, stored)
        self._stored_expiries[key] = receipt.expires_at
        return receipt

    def _indexed(self, key: bytes, stored: bytes | None) -> Receipt | None:
        entry = self._changed.index.get(key, self._taken.index.get(key, stored))
        if entry is None:
            return None
        if not entry:
            receipt_key = receipt_key_of(key)
            return self._receipt(receipt_key, self._store.get(receipt_key))
        record, position = key_and_position(entry)
        kept = self._changed.records.get(record) or self._taken.records.get(record)
        if kept is None and (value := self._store.get(record)) is not None:
            kept = _read(_decode_kept, record, value)
        return None if kept is None else receipt_in(kept, record, position)

    def adopt(self, changes: Pending) -> None:
        """Go on from what a record changed."""
        self._changed.add(changes)

    @property
    def next_offset(self) -> int | None:
        """The offset in `usage` that the stored state goes on from; None when nothing was stored yet."""
        stored = self._store.get(_OFFSET)
        return None if stored is None else int(stored)

    def take(self, next_offset: int, forget_before: datetime) -> Changes:
        """What the changelog has to hold next, for the state to go on from `next_offset`.

        What expired before `forget_before` (log time) is deleted, at least as fast as new comes.
        """
        self._taken, self._changed = self._changed, Pending()
        taken = self._taken
        most = max(_FORGET_AT_LEAST, 2 * len(taken.receipts))
        expired = [*islice(self._store.keys(b"x", b"x" + _seconds(forget_before)), most)]
        changes: dict[bytes, bytes | None] = {index[9:]: None for index in expired}
        changes.update(dict.fromkeys(islice(self._store.keys(b"r", records_before(forget_before)), most)))
        changes.update([(b"b" + meter, _encode(balance)) for meter, balance in taken.balances.items()])
        changes.update([(key, _encode(receipt)) for key, receipt in taken.receipts.items()])
        changes.update([(key, _encode(kept)) for key, kept in taken.records.items()])
        changes[_OFFSET] = b"%d" % next_offset
        self._local = taken.index | self._expiries_of(expired)
        self._forgetting = self._ids_to_forget(ids_before(forget_before))
        return changes

    def save(self, changes: Changes, offset: int) -> None:
        """Store what `take` gave, now that the changelog holds it up to `offset`."""
        self._store.write({**changes, **self._local}, offset, self._forgetting)
        self._saved = self._taken.balances if len(self._taken.balances) <= _SAVED_KEPT else {}
        self._taken, self._local = Pending(), {}

    def _ids_to_forget(self, before: bytes) -> Range | None:
        """Seldom, since a store remembers every range that was deleted."""
        if before[:_FORGET_BY] <= self._forgotten[:_FORGET_BY]:
            return None
        self._forgotten = before
        return b"g", before

    def _expiries_of(self, expired: Iterable[bytes]) -> dict[bytes, bytes | None]:
        """What becomes of the expiry index: entries go with the receipts that are forgotten or replaced."""
        index: dict[bytes, bytes | None] = dict.fromkeys(expired)
        for key, kept in self._taken.receipts.items():
            if replaced := self._stored_expiries.pop(key, None):
                index[_expiry_key(key, replaced)] = None
            index[_expiry_key(key, kept.expires_at)] = b""
        self._stored_expiries.clear()
        return index


def restore(store: Store, changes: Iterable[tuple[bytes, bytes | None]], offset: int) -> None:
    """Write changelog entries to the store, with the local indices that go with them."""
    local: dict[bytes, bytes | None] = {}
    restored = dict(changes)
    for key, value in restored.items():
        if key[:1] == b"t":
            local.update(_restored_receipt(key, store.get(key), value))
        elif key[:1] == b"r" and value is not None:
            local.update(index_of(key, _decode_kept(value)))
    store.write({**restored, **local}, offset)


def _restored_receipt(key: bytes, before: bytes | None, after: bytes | None) -> dict[bytes, bytes | None]:
    local: dict[bytes, bytes | None] = {}
    if before is not None:
        local[_expiry_key(key, _decode_receipt(before).expires_at)] = None
    if after is not None:
        local[_expiry_key(key, _decode_receipt(after).expires_at)] = b""
        if (indexed := index_of_receipt(key)) is not None:
            local[indexed] = ITSELF
    return local


def receipt_key(meter: bytes, transaction_id: str) -> bytes:
    """Where the receipt of this meter's transaction is."""
    return b"t" + meter + b"\0" + transaction_id.encode()


def _expiry_key(key: bytes, expires_at: datetime) -> bytes:
    return b"x" + _seconds(expires_at) + key


def _read(decode: Callable[[bytes], T], key: bytes, stored: bytes) -> T:
    try:
        return decode(stored)
    except (msgspec.MsgspecError, ValueError) as error:
        raise StateUnreadable(f"the local state of {key!r} cannot be read: {error}") from error


def _seconds(moment: datetime) -> bytes:
    return max(0, int(moment.timestamp())).to_bytes(8, "big")
