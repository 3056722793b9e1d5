"""JSON that is exact both ways: 0.1 in a body is 0.1 in the catalog, and 0.1 again in an answer."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any, Final

import msgspec
from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from metering.constants import has_constants
from metering.problems import Fault, Invalid, MalformedJson, UnsupportedMediaType

encode: Final = msgspec.json.Encoder(decimal_format="number").encode
_decode: Final = msgspec.json.Decoder(float_hook=Decimal).decode


def decode(body: bytes) -> Any:
    """Read JSON with numbers that are not integers as `Decimal`. Raises `MalformedJson`, and `Invalid` for NaN."""
    try:
        return _decode(body)
    except (ValueError, RecursionError, msgspec.DecodeError) as error:
        if has_constants(body):
            raise Invalid("JSON has no NaN or infinity.", faults=[Fault("body", "is not a finite number")]) from error
        raise MalformedJson(f"The body is not JSON: {error}.") from error


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


class ExactRoute(APIRoute):
    """A route whose body is JSON, read exactly; anything else is refused (415)."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def handle_exactly(request: Request) -> Response:
            exact = ExactRequest(request.scope, request.receive)
            if body := await exact.body():
                ensure_json(request)
                exact.decoded = decode(body)
            return await handle(exact)

        return handle_exactly


def ensure_json(request: Request) -> None:
    """Raise `UnsupportedMediaType` unless the body is declared to be JSON."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not (
        media_type.startswith("application/") and media_type.endswith("+json")
    ):
        raise UnsupportedMediaType(f"The body has to be application/json, not {media_type or 'undeclared'}.")
