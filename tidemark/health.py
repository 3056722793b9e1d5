"""What has to be well for a process to do its work, and the routes that tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

_OK: Final = {"status": "ok"}


class Health:
    """Each check is named, and says whether it holds."""

    def __init__(self) -> None:
        self._checks: dict[str, Callable[[], bool]] = {}

    def watch(self, name: str, check: Callable[[], bool]) -> None:
        self._checks[name] = check

    def routes(self) -> list[Route]:
        """`/livez`: the process answers; `/readyz` and `/health`: it does its work."""
        return [Route("/livez", self.live), Route("/readyz", self.ready), Route("/health", self.ready)]

    async def live(self, _: Request) -> Response:
        return JSONResponse(_OK)

    async def ready(self, _: Request) -> Response:
        """200 while every check holds, else 503; names each."""
        checks = {name: check() for name, check in self._checks.items()}
        if checks and all(checks.values()):
            return JSONResponse({**_OK, "checks": checks})
        return JSONResponse({"status": "unavailable", "checks": checks}, 503)
