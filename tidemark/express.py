"""The way of a report through the HTTP process: past the app's layers, straight to ingest.

Routing, validation and middleware of FastAPI cost about as much CPU as everything that Tidemark does for a report, and
a report needs none of them. It keeps what they would give it: the cap on bodies, and a problem document for every
failure, through the same code.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.body import BodyLimit
from api.problems import answer, answer_crash
from ingest.report import OPERATION, PATH
from metering.problems import Problem

#: The route's path, bare and under /api, as a pattern of whole paths.
_PATH: Final = re.compile("(?:/api)?" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", PATH))

Handler = Callable[[Request], Awaitable[Response]]


class Express:
    """ASGI: `POST …/usage` goes to `report`, everything else to `app`."""

    def __init__(self, app: ASGIApp, report: Handler, largest_body: int) -> None:
        self._app = app
        self._report = report
        self._limited = BodyLimit(self._reported, largest_body)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and (found := _PATH.fullmatch(scope["path"])):
            scope["path_params"] = found.groupdict()
            await self._limited(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _reported(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._report(request)
        except Problem as problem:
            response = answer(problem, operation=OPERATION)
        except Exception as error:  # noqa: BLE001  # what nobody foresaw is a 500 that leaks nothing, and is logged
            response = answer_crash(request, error, operation=OPERATION)
        await response(scope, receive, send)
