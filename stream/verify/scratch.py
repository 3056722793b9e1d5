"""Stores for the time of a verification, on disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import rocksdict

from stream.store import RocksStore


@contextmanager
def scratch_store(directory: Path) -> Iterator[RocksStore]:
    """A store in `directory`; removing that is up to who named it."""
    db = rocksdict.Rdict(str(directory), rocksdict.Options(raw_mode=True))
    try:
        yield RocksStore(db)
    finally:
        db.close()
