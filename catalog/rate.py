"""The rate limit: how many requests each token may make."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

from metering.problems import RateLimitExceeded

_MOST_REMEMBERED: Final = 10_000


class RateLimit:
    """`per_second` requests of each token, of which a second's worth (at least one) may come at once.

    The generic cell rate algorithm: one number a token, the time at which it will have all its requests again. It is
    kept in this process alone: N processes let N times as many through.
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = 1 / per_second
        self._burst = max(1, int(per_second))
        self._clock = clock
        self._full_at: dict[str, float] = {}

    def count(self, token: str) -> None:
        """Count one request. Raises `RateLimitExceeded`, and then counts nothing."""
        now = self._clock()
        full_at = max(self._full_at.get(token, now), now) + self._interval
        wait = full_at - now - self._burst * self._interval
        if wait > self._interval * 1e-6:  # not for what rounding left over
            raise self._exceeded(math.ceil(wait))
        self._full_at[token] = full_at
        if len(self._full_at) > _MOST_REMEMBERED:
            self._full_at = {token: full_at for token, full_at in self._full_at.items() if full_at > now}

    def _exceeded(self, seconds: int) -> RateLimitExceeded:
        window = math.ceil(self._burst * self._interval)
        headers = {
            "Retry-After": str(seconds),
            "RateLimit-Policy": f'"token";q={self._burst};w={window}',
            "RateLimit": f'"token";r=0;t={seconds}',
        }
        return RateLimitExceeded(
            f"The token has used up its {1 / self._interval:g} requests a second.", headers=headers
        )
