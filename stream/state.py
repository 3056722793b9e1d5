"""A partition's state: the balances and receipts that its next command is decided with.

What changed since the last checkpoint is held here; the rest is read from the store. Keys, in the changelog and on
disk: `b` + meter → Balance; `t` + meter + NUL + transaction id → Receipt; `o` → the offset in `usage` of the first
record that is not part of the state. On disk only, derived from the receipts: `x` + expiry (seconds, 8 bytes) +
receipt key → nothing, which finds what may be forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import islice
from typing import Final, TypeVar

import msgspec

from metering.balance import NEW_BALANCE, Balance
from metering.decision import Receipt
from stream.store import Changes, Store

_FORGET_AT_LEAST: Final = 5_000
_SAVED_KEPT: Final = 4_096
_OFFSET: Final = b"o"

T = TypeVar("T")

_encode: Final = msgspec.msgpack.Encoder().encode
_decode_balance: Final = msgspec.msgpack.Decoder(Balance).decode
_decode_receipt: Final = msgspec.msgpack.Decoder(Receipt).decode


class StateUnreadable(Exception):
    """The store holds what this release can't read: it is damaged, or was written by a later release."""


class PartitionState:
    """The balances and receipts of one partition's meters, as of the last command decided.

    A record that was decided whole adds what it changed (`adopt`). A checkpoint takes the changes (`take`), makes them
    durable in the changelog, and then saves them (`save`); until then they are read from memory. One checkpoint at a
    time. Balances by meter, receipts by `receipt_key`.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._balances: dict[bytes, Balance] = {}
        self._receipts: dict[bytes, Receipt] = {}
        self._taken_balances: dict[bytes, Balance] = {}
        self._taken_receipts: dict[bytes, Receipt] = {}
        #: What the last checkpoint saved, in case that it is wanted again: the busy meters are.
        self._saved_balances: dict[bytes, Balance] = {}
        self._index: Changes = {}
        #: Of receipts that were looked up: when the stored one expires, for the index to forget if it is replaced.
        self._stored_expiries: dict[bytes, datetime] = {}

    @property
    def changes(self) -> int:
        """How many keys changed since the last `take`."""
        return len(self._balances) + len(self._receipts)

    def balance(self, meter: bytes) -> Balance:
        held = self._balances.get(meter) or self._taken_balances.get(meter) or self._saved_balances.get(meter)
        if held is not None:
            return held
        key = b"b" + meter
        stored = self._store.get(key)
        return NEW_BALANCE if stored is None else _read(_decode_balance, key, stored)

    def receipt(self, key: bytes) -> Receipt | None:
        held = self._receipts.get(key) or self._taken_receipts.get(key)
        if held is not None:
            return held
        stored = self._store.get(key)
        if stored is None:
            return None
        receipt = _read(_decode_receipt, key, stored)
        self._stored_expiries[key] = receipt.expires_at
        return receipt

    def adopt(self, balances: Mapping[bytes, Balance], receipts: Mapping[bytes, Receipt]) -> None:
        """Go on from what a record changed."""
        self._balances.update(balances)
        self._receipts.update(receipts)

    @property
    def next_offset(self) -> int | None:
        """The offset in `usage` that the stored state goes on from; None when nothing was stored yet."""
        stored = self._store.get(_OFFSET)
        return None if stored is None else int(stored)

    def take(self, next_offset: int, forget_before: datetime) -> Changes:
        """What the changelog has to hold next, for the state to go on from `next_offset`.

        Receipts that expired before `forget_before` (log time) are deleted, at least as fast as new ones come.
        """
        self._taken_balances, self._balances = self._balances, {}
        self._taken_receipts, self._receipts = self._receipts, {}
        most = max(_FORGET_AT_LEAST, 2 * len(self._taken_receipts))
        expired = [*islice(self._store.keys(b"x", b"x" + _seconds(forget_before)), most)]
        changes: dict[bytes, bytes | None] = {index[9:]: None for index in expired}
        changes.update([(b"b" + meter, _encode(balance)) for meter, balance in self._taken_balances.items()])
        changes.update([(key, _encode(receipt)) for key, receipt in self._taken_receipts.items()])
        changes[_OFFSET] = b"%d" % next_offset
        self._index = self._index_of(expired)
        return changes

    def save(self, changes: Changes, offset: int) -> None:
        """Store what `take` gave, now that the changelog holds it up to `offset`."""
        self._store.write({**changes, **self._index}, offset)
        self._saved_balances = self._taken_balances if len(self._taken_balances) <= _SAVED_KEPT else {}
        self._taken_balances, self._taken_receipts, self._index = {}, {}, {}

    def _index_of(self, expired: Iterable[bytes]) -> Changes:
        """What becomes of the expiry index: entries go with the receipts that are forgotten or replaced."""
        index: dict[bytes, bytes | None] = dict.fromkeys(expired)
        for key, kept in self._taken_receipts.items():
            if replaced := self._stored_expiries.pop(key, None):
                index[_index_key(key, replaced)] = None
            index[_index_key(key, kept.expires_at)] = b""
        self._stored_expiries.clear()
        return index


def restore(store: Store, changes: Iterable[tuple[bytes, bytes | None]], offset: int) -> None:
    """Write changelog entries to the store, with the expiry index that goes with them."""
    with_index: dict[bytes, bytes | None] = {}
    for key, value in changes:
        if key[:1] == b"t":
            before = store.get(key)
            if before is not None:
                with_index[_index_key(key, _decode_receipt(before).expires_at)] = None
            if value is not None:
                with_index[_index_key(key, _decode_receipt(value).expires_at)] = b""
        with_index[key] = value
    store.write(with_index, offset)


def receipt_key(meter: bytes, transaction_id: str) -> bytes:
    """Where the receipt of this meter's transaction is."""
    return b"t" + meter + b"\0" + transaction_id.encode()


def _index_key(key: bytes, expires_at: datetime) -> bytes:
    return b"x" + _seconds(expires_at) + key


def _read(decode: Callable[[bytes], T], key: bytes, stored: bytes) -> T:
    try:
        return decode(stored)
    except (msgspec.MsgspecError, ValueError) as error:
        raise StateUnreadable(f"the local state of {key!r} cannot be read: {error}") from error


def _seconds(moment: datetime) -> bytes:
    return max(0, int(moment.timestamp())).to_bytes(8, "big")
