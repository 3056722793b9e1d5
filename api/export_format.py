"""Export formats: pages of rows as one file. CSV and NDJSON as the engine writes them, Parquet a row group a page."""

from __future__ import annotations

import io
from enum import StrEnum
from typing import Final, Protocol

import pyarrow as pa
from pyarrow import parquet

_TEXT: Final = pa.string()
_INSTANT: Final = pa.timestamp("us", tz="UTC")
_QUANTITY: Final = pa.decimal128(38, 12)

#: The columns of an export, in their order: those of the view `audit_events_v1`.
SCHEMA: Final = pa.schema(
    [
        *((name, _TEXT) for name in ("decision_id", "organization_id", "instance_id", "instance_slug")),
        *((name, _TEXT) for name in ("entitlement_id", "entitlement_slug")),
        *((name, _TEXT) for name in ("license_id", "license_slug", "license_version")),
        *((name, _INSTANT) for name in ("received_at", "event_time")),
        *((name, _TEXT) for name in ("status", "reason", "crossing", "behavior")),
        *((name, _QUANTITY) for name in ("value", "before", "after")),
        ("event_count", pa.uint64()),
        *((name, _QUANTITY) for name in ("limit", "overage_percent")),
        *((name, _INSTANT) for name in ("period_start", "period_end")),
        *((name, _TEXT) for name in ("transaction_id", "token")),
        ("sequence", pa.uint64()),
        ("partition", pa.uint16()),
        ("offset", pa.uint64()),
        ("position", pa.uint32()),
        *((name, _TEXT) for name in ("rolled_over", "metadata")),
    ]
)


class Format(StrEnum):
    CSV = "csv"
    NDJSON = "ndjson"
    PARQUET = "parquet"


class Writer(Protocol):
    """Makes a file of pages, a piece at a time. `query` gives a page in the engine's format `told_as`."""

    query: str
    told_as: str
    media_type: str

    def begin(self) -> bytes: ...
    def add(self, page: bytes) -> bytes: ...
    def end(self) -> bytes: ...


class Lines:
    """Pages that are lines already, behind a header."""

    def __init__(self, query: str, told_as: str, media_type: str, header: str = "") -> None:
        self.query, self.told_as, self.media_type = query, told_as, media_type
        self._header = header

    def begin(self) -> bytes:
        return self._header.encode()

    def add(self, page: bytes) -> bytes:
        return page

    def end(self) -> bytes:
        return b""


class Parquet:
    """One row group a page, compressed by itself; what a page became is handed out at once."""

    query, told_as, media_type = "export_parquet", "ArrowStream", "application/vnd.apache.parquet"

    def __init__(self) -> None:
        self._out = _Drained()
        self._writer = parquet.ParquetWriter(self._out, SCHEMA, compression="zstd")

    def begin(self) -> bytes:
        return self._out.drain()

    def add(self, page: bytes) -> bytes:
        rows = pa.ipc.open_stream(page).read_all()
        self._writer.write_table(rows.cast(SCHEMA))
        return self._out.drain()

    def end(self) -> bytes:
        self._writer.close()
        return self._out.drain()


class _Drained(io.RawIOBase):
    """A file that only knows how much was written to it, and what since it was asked last."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._written

    def write(self, piece: object) -> int:
        taken = bytes(memoryview(piece))  # type: ignore[arg-type]  # whatever has a buffer
        self._pieces.append(taken)
        self._written += len(taken)
        return len(taken)

    def drain(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def writer_of(wanted: Format) -> Writer:
    match wanted:
        case Format.CSV:
            return Lines("export_csv", "CSV", "text/csv; charset=utf-8", ",".join(SCHEMA.names) + "\n")
        case Format.NDJSON:
            return Lines("export_ndjson", "TSVRaw", "application/x-ndjson")
        case Format.PARQUET:
            return Parquet()
