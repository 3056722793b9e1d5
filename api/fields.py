"""Fields: what the parts of a request may look like."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, Strict, StringConstraints, WithJsonSchema

from api.json import encode, nests_deeper
from catalog.slugs import LONGEST, PATTERN
from metering import instant
from metering.quantity import NotAQuantity, checked

LONGEST_NAME: Final = 200
LARGEST_DOCUMENT: Final = 16_384
#: Flags see documents among the facts, and a context is nested at most 32 deep.
DEEPEST_DOCUMENT: Final = 24


def _as_long_as_described(name: Any) -> Any:
    """Its length is that of what was sent, not of what is left without the white space around it."""
    if isinstance(name, str) and len(name) > LONGEST_NAME:
        raise ValueError(f"must have at most {LONGEST_NAME} characters")
    return name


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain NUL")
    return text


def _instant(value: Any) -> datetime:
    if not isinstance(value, str):
        raise instant.NotAnInstant("must be a text")
    return instant.parse(value)


def _identity(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise ValueError("must be a UUID") from None


def _exact(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise NotAQuantity("must be a number")
    return checked(Decimal(value))


def _small_document(document: dict[str, Any]) -> dict[str, Any]:
    if nests_deeper(document, DEEPEST_DOCUMENT):
        raise ValueError(f"must be nested at most {DEEPEST_DOCUMENT} deep")
    if (size := len(encode(document))) > LARGEST_DOCUMENT:
        raise ValueError(f"must have at most {LARGEST_DOCUMENT} bytes as compact JSON, has {size}")
    return document


_NO_NUL: Final = AfterValidator(_without_nul)

Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_NAME),
    _NO_NUL,
    BeforeValidator(_as_long_as_described),
]
Label = Annotated[str, StringConstraints(max_length=100), _NO_NUL]
Text = Annotated[str, StringConstraints(max_length=5000), _NO_NUL]
Slug = Annotated[str, Field(min_length=2, max_length=LONGEST, pattern=PATTERN.replace(r"\Z", "$"))]
Flag = Annotated[bool, Strict()]
Position = Annotated[int, Strict(), Field(ge=-(2**31), lt=2**31)]
Identity = Annotated[str, AfterValidator(_identity), WithJsonSchema({"type": "string", "format": "uuid"})]
Moment = Annotated[datetime, BeforeValidator(_instant)]
#: An answer's number: exact, and a number in JSON, where pydantic would describe a text.
Number = Annotated[Decimal, WithJsonSchema({"type": "number"})]
Quantity = Annotated[Decimal, BeforeValidator(_exact), WithJsonSchema({"type": "number"})]
Document = Annotated[dict[str, Any], AfterValidator(_small_document)]
