"""The way of a report through the HTTP process: past the app's layers, straight to ingest.

Routing, validation and middleware of FastAPI cost about as much CPU as everything that Tidemark does for a report, and
a report needs none of them. It keeps what they would give it: the cap on bodies, and a problem document for every
failure, through the same code.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.body_limit import BodyLimit
from api.problems import answer, answer_crash
from ingest.report import OPERATION, PATH
from metering.problems import (
    LicenseInactive,
    LicenseOutsideDates,
    Problem,
    ThresholdExceeded,
    TooManyWaiting,
    TransactionIdReused,
)
from tidemark.metrics import Metrics, Outcome

#: The route's path, bare and under /api, as a pattern of whole paths.
_PATH: Final = re.compile("(?:/api)?" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", PATH))

_ACCEPTED: Final = 200
_REPLAYED: Final = (b"idempotent-replayed", b"true")
_BY_DECISION: Final = (ThresholdExceeded, TransactionIdReused, LicenseInactive, LicenseOutsideDates)
_FAILED: Final = 500

Handler = Callable[[Request], Awaitable[Response]]


class Express:
    """ASGI: `POST …/usage` goes to `report`, everything else to `app`."""

    def __init__(self, app: ASGIApp, report: Handler, largest_body: int, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._report = report
        self._limited = BodyLimit(self._reported, largest_body)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and (found := _PATH.fullmatch(scope["path"])):
            scope["app"], scope["path_params"] = self._app, found.groupdict()
            await self._limited(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _reported(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        begun = time.perf_counter()
        try:
            response = await self._report(request)
            outcome = _outcome(response)
        except ClientDisconnect:
            return  # nobody is left to answer, and nothing was sent to the log
        except Problem as problem:
            response, outcome = answer(problem, operation=OPERATION), _refusal(problem)
        except Exception as error:  # noqa: BLE001  # what nobody foresaw is a 500 that leaks nothing, and is logged
            response, outcome = answer_crash(request, error, operation=OPERATION), Outcome.FAILED
        self._metrics.answered(outcome, time.perf_counter() - begun)
        await response(scope, receive, send)


def _outcome(response: Response) -> Outcome:
    if response.status_code != _ACCEPTED:
        return Outcome.QUEUED
    return Outcome.REPLAYED if _REPLAYED in response.raw_headers else Outcome.ACCEPTED


def _refusal(problem: Problem) -> Outcome:
    if isinstance(problem, _BY_DECISION):
        return Outcome.REJECTED
    return Outcome.FAILED if problem.status >= _FAILED or isinstance(problem, TooManyWaiting) else Outcome.INVALID
