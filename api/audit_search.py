"""Full-text search in an audit trail: what a text asks for, held against rows by `parts/filters` or by `finds`.

Both are one rule: lists, and what a stream missed, are asked of the table; what happens is held here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Any, Final

from api.audit_event import OUTCOME
from metering.problems import Fault, Invalid
from metering.quantity import plain

_WORD: Final = re.compile(r"[0-9A-Za-z\u0080-\U0010ffff]+")
_MOST_WORDS: Final = 32
_NUMBER: Final = re.compile(r"-?[0-9]{1,38}(\.[0-9]{1,12})?", re.ASCII)
_GENERATED_LENGTH: Final = 45
_CALLED: Final = ("instance_slug", "entitlement_slug", "license_slug")


@dataclass(frozen=True, slots=True)
class Search:
    """Terms that must all be found: as words of an event, as one of its numbers, or as an id that the edge made.

    A phrase is a term that is more than a word: it is found as it is written, which its words alone do not tell.
    """

    words: str = ""
    phrases: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    generated: str = ""

    @classmethod
    def of(cls, text: str) -> Search:
        """Raises `Invalid` for a text that nothing could be found by."""
        _ensure_searchable(text)
        terms = text.split()
        numbers = [term for term in terms if _NUMBER.fullmatch(term)]
        generated = next((term.lower() for term in terms if _is_generated(term)), "")
        rest = [term for term in terms if term not in numbers and term.lower() != generated]
        phrases = [term for term in rest if not _WORD.fullmatch(term)]
        return cls(" ".join(rest), tuple(phrases), tuple(numbers), generated)

    @property
    def by_words(self) -> Search:
        """What finds all that this one does, by an index, and seldom more: the same where no words tell of phrases."""
        return replace(self, phrases=()) if _WORD.search(self.words) else self

    @property
    def parameters(self) -> dict[str, Any]:
        """Of `parts/filters`: what is sought, and no more."""
        shown = [format(plain(Decimal(number)), "f") for number in self.numbers]
        sought = {
            "words": self.words if _WORD.search(self.words) else "",
            "phrases": [*self.phrases],
            "generated": self.generated,
            "numbers": shown,
            "number": next(iter(shown), ""),
            "term": next(iter(self.numbers), ""),
            "terms": [*self.numbers],
        }
        return {name: wanted for name, wanted in sought.items() if wanted}

    def is_whole_in(self, searched: Searched) -> bool:
        """Whether a row that `by_words` finds is found by the whole."""
        return all(phrase.lower() in searched.text for phrase in self.phrases)

    def finds(self, searched: Searched) -> bool:
        """Whether every term is in the row."""
        if not (self.words or self.numbers or self.generated):
            return True
        words = self.words.lower()
        return (
            searched.holds(words)
            and all(term in searched.text for term in words.split(" "))
            and (searched.row["transaction_id"] == self.generated or searched.holds(self.generated))
            and all(searched.has_number(term) or searched.has_term(term) for term in self.numbers)
        )


EVERYTHING: Final = Search()


@dataclass(frozen=True)
class Searched:
    """A row by its columns' names, taken apart once for any number of searches."""

    row: Mapping[str, Any]

    @cached_property
    def text(self) -> str:
        """The column `words`."""
        row, transaction = self.row, self.row["transaction_id"] or ""
        own = "" if len(transaction) == _GENERATED_LENGTH and transaction.startswith("tdm:") else transaction
        outcome = "\n".join(row[name] or "" for name in OUTCOME)  # as the table's column says it
        return " ".join((outcome, *(row[name] for name in _CALLED), own, row["metadata"])).lower()

    @cached_property
    def tokens(self) -> frozenset[str]:
        return frozenset(_WORD.findall(self.text))

    def holds(self, words: str) -> bool:
        return self.tokens.issuperset(_WORD.findall(words))

    def has_term(self, term: str) -> bool:
        return term in self.text and self.holds(term)

    def has_number(self, term: str) -> bool:
        return Decimal(term) in (self.row["value"], self.row["after"], self.row["limit"])


def _ensure_searchable(text: str) -> None:
    """Raises `Invalid` for a text without a word, or with too many."""
    if text and not 1 <= len(_WORD.findall(text)) <= _MOST_WORDS:
        fault = Fault("query.q", f"must hold 1 to {_MOST_WORDS} words, of letters and digits", text)
        raise Invalid("The text cannot be searched for.", faults=[fault])


def _is_generated(term: str) -> bool:
    """Whether it looks like a transaction id that the edge made; the table's index looks at the same."""
    return len(term) == _GENERATED_LENGTH and term.lower().startswith("tdm:")
