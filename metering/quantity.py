"""Quantities: exact decimals of at most 20 integer and 12 fractional digits, as reported; sums may grow beyond."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Clamped, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from typing import Final

INTEGER_DIGITS: Final = 20
FRACTION_DIGITS: Final = 12

#: Arithmetic that is exact or raises: 96 digits hold 10^50 reports of the largest size.
EXACT: Final = Context(prec=96, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow, Clamped])

ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)
UNLIMITED: Final = Decimal(-1)

_JSON_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_LONGEST_TEXT: Final = 64
_STEP: Final = Decimal(1).scaleb(-FRACTION_DIGITS)
_ROUNDING: Final = Context(prec=96, rounding=ROUND_HALF_EVEN)
_REPORTED: Final = Context(prec=INTEGER_DIGITS + FRACTION_DIGITS, traps=[Inexact, InvalidOperation])


class NotAQuantity(ValueError):
    """The text is no number that a report may carry; the message says why."""


def parse(text: str) -> Decimal:
    """Read one JSON number exactly.

    Raises `NotAQuantity` for anything else (a string, NaN, infinity) and for more digits than a report may have.
    """
    if len(text) > _LONGEST_TEXT:
        raise NotAQuantity(_too_many_digits())
    if not _JSON_NUMBER.fullmatch(text):
        raise NotAQuantity("is not a number")
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent beyond what a decimal can hold
        raise NotAQuantity(_too_many_digits()) from None
    return checked(number)


def checked(number: Decimal) -> Decimal:
    """The same number without trailing zeros, if a report may carry it; raises `NotAQuantity` otherwise."""
    ensure_in_range(number)
    return plain(number)


def ensure_in_range(number: Decimal) -> None:
    """Raise `NotAQuantity` for a number that is not finite or has more digits than a report may have."""
    if not number.is_finite():
        raise NotAQuantity("is not a finite number")
    try:
        _REPORTED.quantize(number, _STEP)
    except (Inexact, InvalidOperation):
        raise NotAQuantity(_too_many_digits()) from None


def plain(number: Decimal) -> Decimal:
    """The same number as people write it: no exponent, no trailing zeros, no negative zero."""
    if not number:
        return ZERO
    short = number.normalize(EXACT)
    has_exponent = "E+" in str(short)  # what `as_tuple` tells as well, in three times the time
    return EXACT.quantize(short, ONE) if has_exponent else short


def mean(total: Decimal, count: int) -> Decimal:
    """total / count, rounded half even to 12 fractional digits: for showing, never for deciding."""
    return _ROUNDING.quantize(_ROUNDING.divide(total, Decimal(count)), _STEP)


def _too_many_digits() -> str:
    return f"has more than {INTEGER_DIGITS} integer or {FRACTION_DIGITS} fractional digits"
