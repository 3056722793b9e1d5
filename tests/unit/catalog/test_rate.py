"""The rate limit: what each token may do in a second."""

from __future__ import annotations

import pytest

from catalog import rate
from catalog.rate import RateLimit
from metering.problems import RateLimitExceeded
from tests.clock import Clock


def counted(limit: RateLimit, token: str, tries: int) -> int:
    """How many of the tries got through."""
    through = 0
    for _ in range(tries):
        try:
            limit.count(token)
        except RateLimitExceeded:
            continue
        through += 1
    return through


def test_a_seconds_worth_may_come_at_once_and_no_more(clock: Clock) -> None:
    assert counted(RateLimit(10, clock), "ci", 50) == 10


def test_what_is_refused_is_not_counted_so_that_the_rate_is_held_exactly(clock: Clock) -> None:
    limit, through = RateLimit(10, clock), 0
    for _ in range(1_000):  # a hundred seconds, of 50 tries each
        clock.now += 0.1
        through += counted(limit, "ci", 5)
    assert through in range(1_005, 1_012)


def test_each_token_has_its_own(clock: Clock) -> None:
    limit = RateLimit(2, clock)
    assert [counted(limit, token, 5) for token in ("ci", "cd", "ci")] == [2, 2, 0]


def test_less_than_one_a_second_still_lets_the_first_through(clock: Clock) -> None:
    limit = RateLimit(0.1, clock)
    assert counted(limit, "ci", 3) == 1
    clock.now += 10
    assert counted(limit, "ci", 3) == 1


def test_a_refusal_tells_the_policy_and_when_to_go_on(clock: Clock) -> None:
    limit = RateLimit(0.25, clock)
    limit.count("ci")
    with pytest.raises(RateLimitExceeded) as refused:
        limit.count("ci")
    assert refused.value.status == 429
    assert refused.value.headers == {
        "Retry-After": "4",
        "RateLimit-Policy": '"token";q=1;w=4',
        "RateLimit": '"token";r=0;t=4',
    }


def test_idle_tokens_are_forgotten(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate, "_MOST_REMEMBERED", 10)
    limit = RateLimit(1, clock)
    for number in range(100):
        clock.now += 1
        limit.count(f"token-{number}")
    assert len(limit._full_at) <= 11
