"""Stores: where a partition keeps its checkpoint on this machine. A port; RocksDB behind Faust's table; a dict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

import rocksdict

#: Where Faust's RocksDB store keeps the changelog offset that the partition's data stands at.
OFFSET_KEY: Final = b"__faust\0offset__"

Changes = Mapping[bytes, bytes | None]
#: Keys from the first (included) to the second.
Range = tuple[bytes, bytes]


class Store(Protocol):
    """Keys to values, in the order of their bytes."""

    def get(self, key: bytes) -> bytes | None: ...

    def find(self, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        """The value of each key, or None, in one look-up."""

    def keys(self, start: bytes, stop: bytes) -> Iterator[bytes]:
        """The keys in [start, stop), ascending."""

    def write(self, changes: Changes, offset: int, forgotten: Range | None = None) -> None:
        """Delete what is forgotten, apply the changes (None deletes) and the changelog offset that they came at.

        All or nothing.
        """

    def offset(self) -> int | None:
        """The changelog offset of the last write, None before the first."""


class MemoryStore:
    """A store that forgets: for tests, and for trying rules out."""

    def __init__(self) -> None:
        self._items: dict[bytes, bytes] = {}
        self._offset: int | None = None

    def get(self, key: bytes) -> bytes | None:
        return self._items.get(key)

    def find(self, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        return [self._items.get(key) for key in keys]

    def keys(self, start: bytes, stop: bytes) -> Iterator[bytes]:
        return iter(sorted(key for key in self._items if start <= key < stop))

    def write(self, changes: Changes, offset: int, forgotten: Range | None = None) -> None:
        for key in [] if forgotten is None else [*self.keys(*forgotten)]:
            del self._items[key]
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

    def find(self, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        found: list[bytes | None] = self._db.get(list(keys)) if keys else []
        return found

    def keys(self, start: bytes, stop: bytes) -> Iterator[bytes]:
        for key in self._db.keys(from_key=start):
            if key >= stop:
                return
            yield key

    def write(self, changes: Changes, offset: int, forgotten: Range | None = None) -> None:
        batch = rocksdict.WriteBatch(raw_mode=True)
        if forgotten is not None:
            batch.delete_range(*forgotten)
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
