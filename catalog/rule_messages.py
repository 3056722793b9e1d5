"""What the rule worker is asked, and what it answers: frames in, lines out."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from catalog.flag_evaluation import Verdict

HEADER_SIZE: Final = 4
#: Behind the last verdict of a request.
DONE: Final = b"."


class Match(msgspec.Struct, frozen=True, tag=True):
    """For each list of rules: which is the first that is true of the context?"""

    context: dict[str, Any]
    rules: list[list[str]]


class Check(msgspec.Struct, frozen=True, tag=True):
    """Is each of these a condition? Asked for as lists of one rule each."""

    rules: list[list[str]]


Request = Match | Check

_encode: Final = msgspec.msgpack.Encoder().encode
_decoder: Final[msgspec.msgpack.Decoder[Request]] = msgspec.msgpack.Decoder(Request)
_DECISIVE: Final = {b"+": Verdict(matched=True), b"-": Verdict()}


def frame(request: Request) -> bytes:
    """The request with its length before it."""
    body = _encode(request)
    return len(body).to_bytes(HEADER_SIZE, "big") + body


def read_frame(body: bytes) -> Request:
    """The request that `frame` wrote, without its length."""
    return _decoder.decode(body)


def line(verdict: Verdict) -> bytes:
    """`+` matched, `-` did not, `!` and the reason it failed; without the line's end."""
    if verdict.failure is not None:
        return b"!" + " ".join(verdict.failure.split())[:500].encode(errors="replace")
    return b"+" if verdict.matched else b"-"


def read_line(text: bytes) -> Verdict:
    """The verdict that `line` wrote."""
    return _DECISIVE.get(text) or Verdict(failure=text[1:].decode())
