"""Problems on the wire: whatever goes wrong becomes `application/problem+json` (RFC 9457) here, and nowhere else."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import uuid4

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Route, compile_path

from api.body_limit import LARGEST_BODY, BodyLimit
from api.json import encode
from api.openapi import describe
from metering.problems import (
    BadRequest,
    Fault,
    Internal,
    Invalid,
    MethodNotAllowed,
    Problem,
    RouteNotFound,
    TooLarge,
    UnsupportedMediaType,
)

_OF_FRAMEWORK: Final[Mapping[int, type[Problem]]] = {
    404: RouteNotFound,
    405: MethodNotAllowed,
    413: TooLarge,
    415: UnsupportedMediaType,
}
_LONGEST_SHOWN: Final = 200
#: As nginx has it in its log; nobody receives it.
_CLIENT_CLOSED_REQUEST: Final = 499

_log = logging.getLogger(__name__)


def install(app: FastAPI, *, largest_body: int = LARGEST_BODY) -> None:
    """Answer every failure of `app` with a problem document, also those that its framework finds."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_framework)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(ClientDisconnect, _on_gone)
    app.add_exception_handler(Exception, _on_crash)
    app.add_middleware(BodyLimit, largest=largest_body)
    describe(app)


def answer(problem: Problem, *, operation: str | None = None, occurrence: str | None = None) -> Response:
    """The response that tells a caller of `problem`."""
    body = encode(problem.document(operation, occurrence or _new_occurrence()))
    return Response(body, problem.status, problem.headers, "application/problem+json")


def answer_crash(request: Request, error: Exception, *, operation: str | None = None) -> Response:
    """The response to what nobody foresaw: logged whole, told without a word of it."""
    occurrence = _new_occurrence()
    _log.error("%s %s failed, %s", request.method, request.url.path, occurrence, exc_info=error)
    problem = Internal("Something went wrong here. It was logged under this problem's instance.")
    return answer(problem, operation=operation, occurrence=occurrence)


async def _on_problem(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    if problem.__cause__ and problem.status >= Internal.status:
        _log.warning("%s %s: %s", request.method, request.url.path, problem, exc_info=problem.__cause__)
    return answer(problem, operation=_operation(request))


async def _on_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = _OF_FRAMEWORK.get(error.status_code, BadRequest if error.status_code < Internal.status else Internal)
    detail = f"There is no route {request.url.path!r}." if kind is RouteNotFound else f"{error.detail}."
    headers = {"Allow": _methods_of(request)} if kind is MethodNotAllowed else error.headers
    return answer(kind(detail, headers=headers), operation=_operation(request))


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [_fault(found, error.body) for found in error.errors()]
    problem = Invalid(f"The request is not valid: {_told(faults)}.", faults=faults)
    return answer(problem, operation=_operation(request))


async def _on_gone(_: Request, __: Exception) -> Response:
    """The client went away in the middle of its request: nobody is left to answer, and nothing is wrong here."""
    return Response(status_code=_CLIENT_CLOSED_REQUEST)


async def _on_crash(request: Request, error: Exception) -> Response:
    return answer_crash(request, error, operation=_operation(request))


def _methods_of(request: Request) -> str:
    """Every method that a route of the requested path has; the framework tells those of the first route alone."""
    found: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        if route.path is not None and compile_path(route.path)[0].match(request.scope["path"]):
            found |= route.methods or set()
    return ", ".join(sorted(found))


def _operation(request: Request) -> str | None:
    """The name of the route's operation; a bare route's own name is that."""
    if operation := getattr(request.scope.get("route"), "operation_id", None):
        return str(operation)
    endpoint = request.scope.get("endpoint")
    bare = (route for route in request.app.routes if isinstance(route, Route) and not isinstance(route, APIRoute))
    return next((route.name for route in bare if route.endpoint is endpoint), None)


def _new_occurrence() -> str:
    return f"urn:uuid:{uuid4()}"


def _fault(found: Mapping[str, Any], body: Any) -> Fault:
    message = found["msg"].removeprefix("Value error, ")
    given = None if found["type"] == "missing" else _shown(found["input"])
    return Fault(_location(found["loc"], body), message, given)


def _location(parts: Sequence[str | int], body: Any) -> str:
    """Where in the request, without the names that pydantic adds for the branches of a union."""
    shown, here = [parts[0]], body
    for part in parts[1:-1]:
        if (isinstance(here, dict) and part in here) or isinstance(here, list) or parts[0] != "body":
            shown.append(part)
            here = here[part] if parts[0] == "body" else None
    return ".".join(str(part) for part in (*shown, *parts[1:][-1:]))


def _told(faults: Sequence[Fault]) -> str:
    first = f"{faults[0].location} {faults[0].message[:1].lower()}{faults[0].message[1:]}"
    return first if len(faults) == 1 else f"{first}, and {len(faults) - 1} more"


def _shown(value: Any) -> Any:
    """What was given, as far as it can be said again in a few characters."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | Decimal) and len(str(value)) <= _LONGEST_SHOWN:
        return value
    if isinstance(value, str):
        return value[:_LONGEST_SHOWN]
    return encode(value).decode()[:_LONGEST_SHOWN]
