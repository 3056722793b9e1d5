"""The usage that a replay reports: the rows of a CSV file, and the report that each of them is."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from metering.quantity import checked
from tidemark.failures import CannotRun

_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)


@dataclass(frozen=True)
class Trace:
    """A CSV file, and which of its columns say what."""

    file: Path
    value_column: str
    timestamp_column: str | None = None

    def fingerprint(self) -> str:
        """What its transaction ids start with: the same file and column, the same ids."""
        digest = hashlib.sha256(self.value_column.encode())
        with self.file.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()[:24]

    def rows(self) -> Iterator[dict[str, str]]:
        """Each row by its columns' names. Raises `CannotRun` for what is no CSV file in UTF-8, or lacks a column."""
        try:
            with self.file.open(newline="", encoding="utf-8-sig") as file:
                reader = csv.DictReader(file, restval="")
                self._check(reader.fieldnames or ())
                yield from reader
        except (UnicodeDecodeError, csv.Error) as error:
            raise CannotRun(f"{self.file} is no CSV file in UTF-8: {error}.") from error

    def _check(self, columns: Any) -> None:
        for wanted in (self.value_column, self.timestamp_column):
            if wanted is not None and wanted not in columns:
                raise CannotRun(f"{self.file} has no column {wanted!r}; it has {', '.join(columns) or 'none'}.")


def body_of(row: dict[str, str], trace: Trace, transaction_id: str) -> bytes:
    """The report's JSON, its number as exact as the file has it. Raises `ValueError`."""
    number = number_of(row[trace.value_column])
    report: dict[str, Any] = {
        "value": {"type": "number", "value": msgspec.Raw(f"{number:f}".encode())},
        "transactionId": transaction_id,
    }
    if trace.timestamp_column is not None:
        report["timestamp"] = moment_of(row[trace.timestamp_column])
    return msgspec.json.encode(report)


def number_of(text: str) -> Decimal:
    """The cell's number, exactly; raises `ValueError` for what no report may carry."""
    if not _NUMBER.fullmatch(text.strip()):
        raise ValueError(f"{text[:100]!r} is no number")
    return checked(Decimal(text.strip()))


def moment_of(text: str) -> datetime:
    """An ISO 8601 moment; UTC where it names no zone, and to the microsecond where it has more digits."""
    moment = datetime.fromisoformat(text.strip())
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
