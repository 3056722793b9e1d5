"""Findings: what a verification has seen, and where it differs from the replay."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import msgspec

from metering.balance import Balance
from metering.decision import Answer, Decision, Receipt, Standing
from metering.grant import Grant
from stream.records import Batch

#: Differences that are told one by one; the rest are counted.
MOST_TOLD: Final = 100


class Subject(StrEnum):
    """What differs from the replay."""

    DECISION = "decision"
    BALANCE = "balance"
    ROW = "row"


@dataclass(frozen=True, slots=True)
class Difference:
    """`place` is the event's decision id: partition-offset-position of its command in `usage`."""

    subject: Subject
    place: str
    meter: str
    expected: str
    found: str


@dataclass
class Findings:
    """What was held against the replay, all partitions together; `differences` in the order found, the first ones."""

    records: int = 0
    undecidable: int = 0
    decisions: int = 0
    repeated: int = 0
    balances: int = 0
    rows: int = 0
    unknown_meters: int = 0
    differing: Counter[Subject] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)

    @property
    def exact(self) -> bool:
        return not self.differing

    def note(self, batch: Batch | None) -> None:
        """One more record was replayed; None: it can't be decided."""
        self.records += 1
        self.undecidable += batch is None

    def differ(self, subject: Subject, place: str, meter: str, expected: str, found: str) -> None:
        self.differing[subject] += 1
        if len(self.differences) < MOST_TOLD:
            self.differences.append(Difference(subject, place, meter, expected, found))


def meter_name(grant: Grant | None) -> str:
    return f"{grant.instance_slug}/{grant.entitlement_slug}" if grant else "?"


def describe(answer: Answer | None) -> str:
    match answer:
        case Decision():
            return f"{answer.status} #{answer.sequence}, {answer.before:f} → {answer.after:f}"
        case Receipt():
            return f"the first answer again, #{answer.decision.sequence}"
        case Standing():
            return f"a look at {answer.value:f}"
        case None:
            return "nothing"


def describe_balance(balance: Balance) -> str:
    if not balance.counters:
        return "no balance"
    newest = balance.counters[0]
    return f"{newest.shown:f} in {newest.events} events, #{balance.sequence}"


def apart(expected: Answer | None, found: Answer | None) -> tuple[str, str]:
    """Both, described, with the fields that a plain description leaves out where it would read the same."""
    return _told_apart(describe(expected), describe(found), expected, found)


def balances_apart(expected: Balance, found: Balance) -> tuple[str, str]:
    return _told_apart(describe_balance(expected), describe_balance(found), expected, found)


def _told_apart(one: str, other: str, expected: Any, found: Any) -> tuple[str, str]:
    if one != other or type(expected) is not type(found):
        return one, other
    fields = [n for n in expected.__struct_fields__ if getattr(expected, n) != getattr(found, n)]
    return tuple(f"{text}; {_fields(of, fields)}" for text, of in ((one, expected), (other, found)))  # type: ignore[return-value]  # two


def _fields(struct: Any, names: list[str]) -> str:
    return ", ".join(f"{name} {msgspec.json.encode(getattr(struct, name)).decode()}" for name in names)
