"""The form of a report: what a client may send, read exactly, refused with where and why."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import msgspec

from metering import quantity
from metering.constants import has_constants
from metering.meter import Behavior
from metering.problems import Fault, Invalid, MalformedJson

LARGEST_METADATA: Final = 4_096

Timestamp = Annotated[datetime, msgspec.Meta(tz=True)]
TransactionId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._:-]{1,128}\Z")]

_NONE: Final = msgspec.Raw(b"null")


class ValueForm(msgspec.Struct, forbid_unknown_fields=True):
    type: Literal["number"]
    value: msgspec.Raw


class ReportForm(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """The body of `POST …/usage`; numbers stay text until `quantity` reads them, so that none is rounded."""

    value: ValueForm
    behavior: Behavior = Behavior.APPEND
    metadata: msgspec.Raw = _NONE
    timestamp: Timestamp | None = None
    transaction_id: TransactionId | None = None

    def quantity(self, location: str = "body") -> Decimal:
        text = bytes(self.value.value).decode()
        try:
            return quantity.parse(text)
        except quantity.NotAQuantity as error:
            raise _invalid(f"{location}.value.value", str(error), text[:100]) from None

    def event_time(self, received_at: datetime, location: str = "body") -> datetime:
        if self.timestamp is None:
            return received_at
        try:
            return self.timestamp.astimezone(UTC)
        except OverflowError:
            raise _invalid(f"{location}.timestamp", "lies outside the years 1 to 9999", self.timestamp) from None

    def compact_metadata(self, location: str = "body") -> bytes | None:
        """The metadata as compact JSON, None when there is none; it may be larger than what is stored."""
        text = msgspec.json.format(bytes(self.metadata), indent=-1)
        if text == b"null":
            return None
        if not text.startswith(b"{"):
            raise _invalid(f"{location}.metadata", "is not an object", None)
        return text


_decode: Final = msgspec.json.Decoder(ReportForm).decode
_AT: Final = re.compile(r"^(?P<message>.*?)(?: - at `\$\.?(?P<path>.*)`)?$", re.DOTALL)


def read(body: bytes) -> ReportForm:
    """Read a report's body; raises `MalformedJson` (400) or `Invalid` (422)."""
    try:
        body.decode()  # msgspec passes over what it does not read, and metadata is kept as it came
        return _decode(body)
    except UnicodeDecodeError as error:
        raise MalformedJson(f"The body is not UTF-8: {error}.") from None
    except (msgspec.DecodeError, RecursionError) as error:
        _check_well_formed(body)  # a body can be malformed behind the first wrong field
        raise fault_of(error, "body") from None


def _check_well_formed(body: bytes) -> None:
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        if has_constants(body):
            raise _invalid("body", "has NaN or infinity, which are no numbers in JSON", None) from None
        raise MalformedJson(f"The body is not JSON: {error}.") from None


def fault_of(error: Exception, location: str) -> Invalid:
    """What msgspec found wrong, as a problem that names the place."""
    found = _AT.match(str(error))
    assert found is not None
    path = found["path"]
    return _invalid(f"{location}.{path}" if path else location, found["message"], None)


def _invalid(location: str, message: str, value: Any) -> Invalid:
    return Invalid(
        f"{location} {message}." if not message[0].isupper() else f"{location}: {message}.",
        faults=[Fault(location, message, value)],
    )
