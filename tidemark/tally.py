"""What came of the rows of a replay, counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

import httpx

_REASONS_KEPT: Final = 5
_REFUSALS: Final = ("ThresholdExceeded", "LicenseInactive", "LicenseOutsideDates")


class Outcome(Enum):
    """What came of a row: decided either way, or not at all."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FAILED = "failed"


@dataclass
class Tally:
    """What came of the rows so far, and the first reasons of those that failed."""

    accepted: int = 0
    rejected: int = 0
    failed: int = 0
    seconds: float = 0.0
    reasons: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.accepted + self.rejected + self.failed

    @property
    def rate(self) -> float:
        return self.total / self.seconds if self.seconds else 0.0

    def count(self, outcome: Outcome) -> None:
        match outcome:
            case Outcome.ACCEPTED:
                self.accepted += 1
            case Outcome.REJECTED:
                self.rejected += 1
            case Outcome.FAILED:
                self.failed += 1

    def fail(self, row: int, reason: str) -> None:
        self.count(Outcome.FAILED)
        if len(self.reasons) < _REASONS_KEPT:
            self.reasons.append(f"row {row}: {reason}")


def outcome_of(response: httpx.Response) -> Outcome:
    """A refusal by the limit or the license is a decision; any other failure is none."""
    if response.status_code == httpx.codes.OK:
        return Outcome.ACCEPTED
    if response.status_code in (httpx.codes.CONFLICT, httpx.codes.FORBIDDEN):
        code = str(response.json().get("code", ""))
        return Outcome.REJECTED if code.endswith(_REFUSALS) else Outcome.FAILED
    return Outcome.FAILED
