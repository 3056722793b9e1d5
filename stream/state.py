"""A partition's state: the balances and receipts that its next command is decided with.

What changed since the last checkpoint is held here; the rest is read from the store. Keys, in the changelog and on
disk: `b` + meter → Balance; `t` + meter + NUL + transaction id → Receipt. On disk only, derived from the receipts:
`x` + expiry (seconds, 8 bytes) + receipt key → nothing, which finds what may be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import Final

import msgspec

from metering.balance import NEW_BALANCE, Balance
from metering.decision import Receipt
from stream.store import Changes, Store

_FORGET_AT_MOST: Final = 5_000

_encode: Final = msgspec.msgpack.Encoder().encode
_decode_balance: Final = msgspec.msgpack.Decoder(Balance).decode
_decode_receipt: Final = msgspec.msgpack.Decoder(Receipt).decode


class PartitionState:
    """The balances and receipts of one partition's meters, as of the last command decided.

    What a record changes is a draft until it is decided whole (`adopt`), so that a record that can't be leaves no
    trace (`discard`). A checkpoint takes the changes (`take`), makes them durable in the changelog, and then saves
    them (`save`); until then they are read from memory. One checkpoint at a time.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._draft: dict[bytes, Balance | Receipt] = {}
        self._changed: dict[bytes, Balance | Receipt] = {}
        self._taken: dict[bytes, Balance | Receipt] = {}

    @property
    def changes(self) -> int:
        """How many keys changed since the last `take`."""
        return len(self._changed)

    def balance(self, meter: bytes) -> Balance:
        key = b"b" + meter
        held = self._draft.get(key) or self._changed.get(key) or self._taken.get(key)
        if held is not None:
            return held  # type: ignore[return-value]  # a `b` key holds a balance
        stored = self._store.get(key)
        return NEW_BALANCE if stored is None else _decode_balance(stored)

    def receipt(self, meter: bytes, transaction_id: str) -> Receipt | None:
        key = _receipt_key(meter, transaction_id)
        held = self._draft.get(key) or self._changed.get(key) or self._taken.get(key)
        if held is not None:
            return held  # type: ignore[return-value]  # a `t` key holds a receipt
        stored = self._store.get(key)
        return None if stored is None else _decode_receipt(stored)

    def keep_balance(self, meter: bytes, balance: Balance) -> None:
        self._draft[b"b" + meter] = balance

    def keep_receipt(self, meter: bytes, transaction_id: str, receipt: Receipt) -> None:
        self._draft[_receipt_key(meter, transaction_id)] = receipt

    def adopt(self) -> None:
        self._changed.update(self._draft)
        self._draft.clear()

    def discard(self) -> None:
        self._draft.clear()

    def take(self, forget_before: datetime | None) -> Changes:
        """What the changelog has to hold next: receipts before balances, so that a prefix of it is never a balance
        that counted a transaction without the receipt for it. Receipts that expired before `forget_before` (log
        time) are deleted, some at a time.
        """
        self._taken, self._changed = self._changed, {}
        receipts = {key: value for key, value in self._taken.items() if key[:1] == b"t"}
        forgotten = dict.fromkeys(self._expired(forget_before)) if forget_before else {}
        encoded: dict[bytes, bytes | None] = {key: None for key in forgotten if key not in receipts}
        encoded.update((key, _encode(value)) for key, value in receipts.items())
        encoded.update((key, _encode(value)) for key, value in self._taken.items() if key[:1] == b"b")
        return encoded

    def save(self, changes: Changes, offset: int) -> None:
        """Store what `take` gave, now that the changelog holds it up to `offset`."""
        restore(self._store, changes.items(), offset)
        self._taken = {}

    def _expired(self, moment: datetime) -> Iterable[bytes]:
        due = self._store.keys(b"x", b"x" + _seconds(moment))
        return (index[9:] for index in islice(due, _FORGET_AT_MOST))


def restore(store: Store, changes: Iterable[tuple[bytes, bytes | None]], offset: int) -> None:
    """Write changelog entries to the store, with the expiry index that goes with them."""
    with_index: dict[bytes, bytes | None] = {}
    for key, value in changes:
        if key[:1] == b"t":
            before = store.get(key)
            if before is not None:
                with_index[_index_key(key, before)] = None
            if value is not None:
                with_index[_index_key(key, value)] = b""
        with_index[key] = value
    store.write(with_index, offset)


def _receipt_key(meter: bytes, transaction_id: str) -> bytes:
    return b"t" + meter + b"\0" + transaction_id.encode()


def _index_key(key: bytes, receipt: bytes) -> bytes:
    return b"x" + _seconds(_decode_receipt(receipt).expires_at) + key


def _seconds(moment: datetime) -> bytes:
    return max(0, int(moment.timestamp())).to_bytes(8, "big")
