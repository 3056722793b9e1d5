"""The parts of Tidemark that share one program."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Parts:
    """Which parts of Tidemark this process is."""

    ingest: bool = True
    api: bool = True
    sink: bool = True
