"""Stores: where a partition keeps its checkpoint on this machine. A port; RocksDB behind Faust's table; a dict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol

import rocksdict

#: Where Faust's RocksDB store keeps the changelog offset that the partition's data stands at.
OFFSET_KEY: Final = b"__faust\0offset__"

Changes = Mapping[bytes, bytes | None]


class Store(Protocol):
    """Keys to values, in the order of their bytes."""

    def get(self, key: bytes) -> bytes | None: ...

    def keys(self, start: bytes, stop: bytes) -> Iterator[bytes]:
        """The keys in [start, stop), ascending."""

    def write(self, changes: Changes, offset: int) -> None:
        """Apply the changes (None deletes) and the changelog offset that they came at, all or nothing."""

    def offset(self) -> int | None:
        """The changelog offset of the last write, None before the first."""


class MemoryStore:
    """A store that forgets: for tests, and for trying rules out."""

    def __init__(self) -> None:
        self._items: dict[bytes, bytes] = {}
        self._offset: int | None = None

    def get(self, key: bytes) -> bytes | None:
        return self._items.get(key)

    def keys(self, start: bytes, stop: bytes) -> Iterator[bytes]:
        return iter(sorted(key for key in self._items if start <= key < stop))

    def write(self, changes: Changes, offset: int) -> None:
        for key, value in changes.items():
            if value is None:
                self._items.pop(key, None)
            else:
                self._items[key] = value
        self._offset = offset

    def offset(self) -> int | None:
        return self._offset


class RocksStore:
    """A partition's RocksDB, as Faust's table opened it (`rocksdict.Rdict` in raw mode)."""

    def __init__(self, db: Any) -> None:
        self._db = db

    def get(self, key: bytes) -> bytes | None:
        value: bytes | None = self._db.get(key)
        return value

    def keys(self, start: bytes, stop: bytes) -> Iterator[bytes]:
        for key in self._db.keys(from_key=start):
            if key >= stop:
                return
            yield key

    def write(self, changes: Changes, offset: int) -> None:
        batch = rocksdict.WriteBatch(raw_mode=True)
        for key, value in changes.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        batch.put(OFFSET_KEY, b"%d" % offset)
        self._db.write(batch)

    def offset(self) -> int | None:
        value = self.get(OFFSET_KEY)
        return None if value is None else int(value)
