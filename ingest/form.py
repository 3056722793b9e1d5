"""The form of a report: what a client may send, read exactly, refused with where and why."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from edge.body import ensure_unique_names, why_malformed
from metering import instant, quantity
from metering.meter import Behavior
from metering.problems import Fault, Invalid, MalformedJson

LARGEST_METADATA: Final = 4_096

TransactionId = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._:-]{1,128}\Z")]

_NONE: Final = msgspec.Raw(b"null")
_ESCAPES: Final = re.compile(rb"(?:\\(?:u[0-9A-Fa-f]{4}|[^u]))+")
#: The colons behind the names `value`, `type` and `value`, which every report has.
_COLONS: Final = 3


class ValueForm(msgspec.Struct, forbid_unknown_fields=True):
    type: Literal["number"]
    value: msgspec.Raw


class ReportForm(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """The body of `POST …/usage`; numbers stay text until `quantity` reads them, so that none is rounded."""

    value: ValueForm
    behavior: Behavior | UnsetType = UNSET
    metadata: msgspec.Raw = _NONE
    timestamp: str | UnsetType | None = UNSET
    transaction_id: TransactionId | UnsetType | None = UNSET

    def ensure_unique_names(self, body: bytes) -> None:
        """Raise `MalformedJson` where a name stands twice in one object of the `body` that this was read from.

        Each name has its colon: when the body has no other colons than those of what was read, none is there twice.
        """
        optional = (self.behavior, self.timestamp, self.transaction_id)
        colons = _COLONS + sum(one is not UNSET for one in optional)
        colons += sum(one.count(":") for one in optional if isinstance(one, str))
        if body.count(b":") != colons:
            ensure_unique_names(body)

    def quantity(self) -> Decimal:
        """The number, exactly; raises `Invalid` for what no report may carry."""
        text = bytes(self.value.value).decode()
        try:
            return quantity.parse(text)
        except quantity.NotAQuantity as error:
            raise _invalid("body.value.value", str(error), text[:100]) from None

    def event_time(self, received_at: datetime) -> datetime:
        """The report's own time in UTC, that of its receipt where it tells none; raises `Invalid`."""
        if self.timestamp is None or self.timestamp is UNSET:
            return received_at
        try:
            return instant.parse(self.timestamp)
        except instant.NotAnInstant as error:
            raise _invalid("body.timestamp", str(error), self.timestamp[:100]) from None

    def compact_metadata(self) -> bytes | None:
        """The metadata as compact JSON, None when there is none; it may be larger than what is stored.

        Nothing in it is escaped that need not be, so that it is found as people write it, whatever sent it.
        Raises `Invalid` where it is no object.
        """
        text = msgspec.json.format(bytes(self.metadata), indent=-1)
        if text == b"null":
            return None
        if not text.startswith(b"{"):
            raise _invalid("body.metadata", "is not an object", None)
        return _ESCAPES.sub(_unescaped, text) if b"\\" in text else text


def _unescaped(escapes: re.Match[bytes]) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(b'"' + escapes[0] + b'"'))[1:-1]


_decode: Final = msgspec.json.Decoder(ReportForm).decode
_AT: Final = re.compile(r"^(?P<message>.*?)(?: - at `\$\.?(?P<path>.*)`)?$", re.DOTALL)


def read(body: bytes) -> ReportForm:
    """Read a report's body; raises `MalformedJson` (400) or `Invalid` (422)."""
    try:
        body.decode()  # msgspec passes over what it does not read, and metadata is kept as it came
        form = _decode(body)
    except UnicodeDecodeError as error:
        raise MalformedJson(f"The body is not UTF-8: {error}.") from None
    except (msgspec.DecodeError, RecursionError) as error:
        _check_well_formed(body)  # a body can be malformed behind the first wrong field
        raise _fault_of(error) from None
    form.ensure_unique_names(body)
    return form


def _check_well_formed(body: bytes) -> None:
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise why_malformed(body, error) from None


def _fault_of(error: Exception) -> Invalid:
    """What msgspec found wrong, as a problem that names the place."""
    found = _AT.match(str(error))
    assert found is not None
    path = found["path"]
    return _invalid(f"body.{path}" if path else "body", found["message"], None)


def _invalid(location: str, message: str, value: Any) -> Invalid:
    return Invalid(
        f"{location} {message}." if not message[0].isupper() else f"{location}: {message}.",
        faults=[Fault(location, message, value)],
    )
