"""Every row of the tables in `docs/contract.md` has a test; here is which."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import pytest

from tests.pipeline import ROOT

#: By table and row, the test that holds the row: its file, and its name.
TESTS: Final[dict[tuple[str, str], str]] = {
    ("Everywhere", "base path"): "integration/test_edges.py::test_every_path_answers_under_api_too",
    ("Everywhere", "authentication"): "integration/test_scopes.py::test_without_a_token_in_force_every_route_is_401",
    ("Everywhere", "revocation"): "integration/catalog/test_feed.py::test_a_revoked_token_is_refused_by_every_replica",
    (
        "Everywhere",
        "scopes",
    ): "integration/test_scopes.py::test_with_every_other_scope_every_route_is_403_and_names_the_one",
    ("Everywhere", "isolation"): "integration/test_isolation.py::test_a_route_with_names_of_the_other_finds_nothing",
    ("Everywhere", "problems"): "integration/test_edges.py::test_what_is_no_http_is_told_as_a_problem",
    ("Everywhere", "bodies"): "unit/edge/test_body.py::test_a_body_is_json_when_it_says_so_or_nothing",
    ("Everywhere", "numbers"): "integration/test_usage.py::test_numbers_are_exact_decimals_end_to_end",
    ("Everywhere", "times"): "unit/metering/test_instant.py::test_what_rfc_3339_writes_is_read",
    (
        "Everywhere",
        "lists",
    ): "integration/catalog/test_customers.py::test_pages_follow_each_other_without_gap_or_repeat",
    ("Everywhere", "rate limit"): "unit/catalog/test_rate.py::test_a_refusal_tells_the_policy_and_when_to_go_on",
    ("Usage", "200 to a report"): "integration/test_usage.py::test_an_accepted_report_is_answered_with_the_new_total",
    ("Usage", "200 to a lookup"): "integration/test_usage.py::test_before_the_first_event_usage_shows_zero",
    ("Usage", "202"): "integration/test_usage.py::test_a_report_can_be_queued_and_its_decision_looked_up",
    ("Usage", "403"): "integration/test_usage.py::test_an_inactive_license_refuses_reports_and_reads_alike",
    ("Usage", "404"): "integration/test_usage.py::test_what_cannot_be_found_is_named_by_its_code",
    (
        "Usage",
        "409 `ThresholdExceeded`",
    ): "integration/test_usage.py::test_a_report_past_the_limit_is_refused_and_changes_nothing",
    (
        "Usage",
        "409 `TransactionIdReused`",
    ): "integration/test_transaction_ids.py::test_a_transaction_id_with_another_value_is_refused",
    ("Usage", "422"): "integration/test_problems.py::test_an_impossible_value_is_422_at_its_place",
    (
        "Usage",
        "429, 503",
    ): (
        "unit/stream/test_gateway.py::"
        "test_where_answers_would_come_late_newcomers_are_refused_early_and_told_when_to_come_back"
    ),
    ("Usage", "fold"): "integration/test_usage.py::test_raw_events_are_aggregated_as_the_entitlement_says",
    ("Usage", "decision"): "integration/test_usage.py::test_an_overage_lets_the_value_pass_the_limit_by_its_percentage",
    ("Usage", "period"): "integration/test_periods.py::test_a_report_counts_in_the_period_of_its_own_timestamp",
    (
        "Usage",
        "idempotency",
    ): "integration/test_transaction_ids.py::test_a_retried_transaction_gets_the_first_answer_and_counts_once",
    ("Usage", "order"): "properties/test_decide.py::test_the_sequence_has_no_gap",
    ("Usage", "concurrency"): "integration/test_usage.py::test_a_hundred_writers_pass_a_hard_limit_by_nothing",
    ("Usage", "metadata"): "integration/test_usage.py::test_large_metadata_is_counted_but_not_stored",
    (
        "Audit trail",
        "events",
    ): "integration/test_audit.py::test_events_come_newest_first_with_everything_that_the_decision_knew",
    ("Audit trail", "filters"): "integration/test_audit.py::test_the_trail_can_be_filtered",
    ("Audit trail", "freshness"): "integration/test_audit.py::test_a_client_reads_its_own_write",
    (
        "Audit trail",
        "stream",
    ): "integration/test_stream.py::test_a_client_that_comes_back_gets_what_it_missed_and_nothing_twice",
    (
        "Audit trail",
        "export",
    ): "integration/sql/test_export.py::test_an_export_that_fails_midway_breaks_off_without_an_end",
    (
        "Audit trail",
        "retention",
    ): "integration/sql/test_expiry.py::test_what_is_over_goes_and_totals_are_those_of_what_is_left",
    ("Health", "`/readyz`, `/health`"): "integration/test_health.py::test_it_is_ready_only_when_a_worker_answers",
    ("Health", "`/livez`"): "integration/test_edges.py::test_every_path_answers_under_api_too",
    ("Health", "`/metrics`"): "integration/test_health.py::test_its_metrics_count_a_report_and_its_row",
    **{
        ("Catalog", noun): f"integration/catalog/test_contract.py::test_{noun.replace(' ', '_')}"
        for noun in (
            *("customers", "deployment zones", "entitlements", "entitlement groups"),
            *("licenses", "license links", "instances"),
        )
    },
}


def rows() -> Iterator[tuple[str, str]]:
    """The section and the first cell of each row, below the heads of the tables."""
    section = ""
    for line in (ROOT / "docs" / "contract.md").read_text().splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif found := re.match(r"\| (.+?) \|", line):
            yield section, found[1]


def is_head(first_cell: str) -> bool:
    return first_cell in ("topic", "answer", "rule", "route", "resource", "what")


def test_every_row_is_held_by_a_test() -> None:
    elsewhere = ("Where it goes beyond Kaiten, or departs",)
    told = {(section, first) for section, first in rows() if not is_head(first) and section not in elsewhere}
    deletions = {"customer, deployment zone", "license", "entitlement", "entitlement group", "license link", "instance"}
    assert told - {("Catalog", what) for what in deletions} == TESTS.keys()


@pytest.mark.parametrize("test", sorted(set(TESTS.values())))
def test_the_test_of_a_row_is_there(test: str) -> None:
    file, _, name = test.partition("::")
    assert f"def {name}(" in (ROOT / "tests" / file).read_text()
