"""A bounded cache whose entries name the rows that they were made from, so that an edit evicts just what it touches."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Cache(Generic[K, V]):
    """Least recently used entries go first. `generation` guards against what was read before an edit and kept after."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[K, tuple[V, tuple[str, ...]]] = OrderedDict()
        self._made_from: defaultdict[str, set[K]] = defaultdict(set)
        self.generation = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: K, value: V, *, subjects: Iterable[str], generation: int) -> None:
        """Keep `value` unless anything was evicted since `generation`, taken before it was read."""
        if generation != self.generation:
            return
        self._remove(key)
        self._entries[key] = (value, tuple(subjects))
        for subject in self._entries[key][1]:
            self._made_from[subject].add(key)
        if len(self._entries) > self._size:
            self._remove(next(iter(self._entries)))

    def evict(self, subject: str) -> None:
        self.generation += 1
        for key in tuple(self._made_from.get(subject, ())):
            self._remove(key)

    def clear(self) -> None:
        self.generation += 1
        self._entries.clear()
        self._made_from.clear()

    def _remove(self, key: K) -> None:
        entry = self._entries.pop(key, None)
        for subject in entry[1] if entry else ():
            keys = self._made_from[subject]
            keys.discard(key)
            if not keys:
                del self._made_from[subject]
