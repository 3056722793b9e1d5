"""JSON that is exact both ways: 0.1 in a body is 0.1 in the catalog, and 0.1 again in an answer."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec
from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from api.auth import ensure_authenticated
from edge.body import ensure_json, ensure_unique_names, why_malformed
from metering.problems import Fault, Invalid, MalformedJson

encode: Final = msgspec.json.Encoder(decimal_format="number").encode
_decode: Final = msgspec.json.Decoder(float_hook=Decimal).decode
#: Far below what the interpreter's stack holds: what was read has to be checked, stored and answered again.
_DEEPEST: Final = 100


def decode(body: bytes) -> Any:
    """Read JSON with numbers that are not integers as `Decimal`.

    Raises `MalformedJson`, and `Invalid` for NaN or an exponent that no decimal has.
    """
    try:
        decoded = _decode(body)
    except InvalidOperation:
        fault = Fault("body", "has a number whose exponent is out of range")
        raise Invalid("The body has a number whose exponent is out of range.", faults=[fault]) from None
    except (ValueError, RecursionError, msgspec.DecodeError) as error:
        raise why_malformed(body, error) from error
    if nests_deeper(decoded, _DEEPEST):
        raise MalformedJson(f"The body is nested more than {_DEEPEST} deep.")
    ensure_unique_names(body)
    return decoded


def nests_deeper(value: Any, levels: int) -> bool:
    """Whether objects and lists stand in each other more than `levels` deep."""
    within = [value]
    for _ in range(levels):
        if not (within := [part for one in within for part in _parts(one)]):
            return False
    return any(isinstance(one, dict | list) for one in within)


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


class ExactJson(Response):
    """Answers with a view, or anything else that msgspec knows to encode."""

    media_type = "application/json"

    def render(self, content: BaseModel | Any) -> bytes:
        return encode(content.model_dump(by_alias=True) if isinstance(content, BaseModel) else content)


class ExactRequest(Request):
    """A request whose JSON was read exactly, before FastAPI asks for it."""

    decoded: Any = None

    async def json(self) -> Any:
        return self.decoded


def _without_attributes(body: Any) -> Any:
    """FastAPI takes any object for a model with its attributes: `1.5`, a Decimal, would pass where all is optional."""
    return float(body) if isinstance(body, Decimal) else body


class ExactRoute(APIRoute):
    """A route whose body is JSON, read exactly; what is declared to be anything else is refused (415)."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{**options, "strict_content_type": False})

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def handle_exactly(request: Request) -> Response:
            await ensure_authenticated(request)
            exact = ExactRequest(request.scope, request.receive)
            if body := await exact.body():
                ensure_json(request.headers.get("content-type"), request.headers.get("content-encoding"))
                exact.decoded = _without_attributes(decode(body))
            return await handle(exact)

        return handle_exactly
