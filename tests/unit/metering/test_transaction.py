from __future__ import annotations

from datetime import UTC, datetime

import pytest

from metering.transaction import Series, generate, generated_at

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
UNIQUE = "0123456789abcdef" * 2


def test_a_generated_id_tells_when_it_was_made() -> None:
    assert generated_at(generate(NOON, UNIQUE)) == NOON


def test_no_two_reports_share_one() -> None:
    series, of_another_process = Series(), Series()
    made = [generate(NOON, next(one)) for one in (series, of_another_process) for _ in range(1_000)]
    assert len({*made}) == 2_000
    assert all(generated_at(one) == NOON for one in made)


@pytest.mark.parametrize(
    "own", ["order-17", "tdm:order-17", "tdm:", f"tdm:12345678.{UNIQUE}x", f"x{generate(NOON, UNIQUE)}"]
)
def test_a_clients_own_id_is_none(own: str) -> None:
    assert generated_at(own) is None
