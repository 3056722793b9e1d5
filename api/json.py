"""JSON that is exact both ways: 0.1 in a body is 0.1 in the catalog, and 0.1 again in an answer."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any, Final

import msgspec
from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from api.auth import ensure_authenticated
from metering.body import ensure_json, ensure_unique_names, why_malformed

encode: Final = msgspec.json.Encoder(decimal_format="number").encode
_decode: Final = msgspec.json.Decoder(float_hook=Decimal).decode


def decode(body: bytes) -> Any:
    """Read JSON with numbers that are not integers as `Decimal`. Raises `MalformedJson`, and `Invalid` for NaN."""
    try:
        decoded = _decode(body)
    except (ValueError, RecursionError, msgspec.DecodeError) as error:
        raise why_malformed(body, error) from error
    ensure_unique_names(body)
    return decoded


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
                ensure_json(request.headers.get("content-type"))
                exact.decoded = _without_attributes(decode(body))
            return await handle(exact)

        return handle_exactly
