from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

import pytest

from metering import problems
from metering.problems import Fault, InUse, Invalid, Problem, ResourceNotFound, SlugTaken, ThresholdExceeded


def every_problem(root: type[Problem] = Problem) -> Iterator[type[Problem]]:
    for problem in root.__subclasses__():
        yield problem
        yield from every_problem(problem)


def test_a_problem_s_document_is_an_rfc_9457_one() -> None:
    problem = Invalid("The body is wrong.", faults=[Fault("body.name", "is required")], hint="name it")
    assert problem.document("CreateCustomer", "urn:uuid:1") == {
        "type": "urn:tidemark:problem:invalid",
        "title": "Unprocessable Content",
        "status": 422,
        "detail": "The body is wrong.",
        "instance": "urn:uuid:1",
        "code": "CreateCustomer.Invalid",
        "errors": [{"location": "body.name", "message": "is required", "value": None}],
        "hint": "name it",
    }


def test_a_code_without_an_operation_is_the_problem_s_name() -> None:
    assert Problem("Something went wrong.").document()["code"] == "Problem"


def test_the_code_of_a_missing_resource_names_its_noun() -> None:
    document = ResourceNotFound("DeploymentZone", "eu-1").document("GetDeploymentZone")
    assert document["code"] == "GetDeploymentZone.DeploymentZoneNotFound"
    assert document["type"] == "urn:tidemark:problem:deployment-zone-not-found"
    assert document["detail"] == "There is no deployment zone 'eu-1' in this organization."
    assert document["errors"] == [{"location": "path.deploymentZoneSlug", "message": "not found", "value": "eu-1"}]


def test_a_missing_organization_is_in_no_other() -> None:
    assert ResourceNotFound("Organization", "acme").detail == "There is no organization 'acme'."


def test_a_refused_report_is_told_what_is_granted_beyond_its_limit() -> None:
    amounts = {name: Decimal(1_100) for name in ("current", "requested", "remaining")}
    problem = ThresholdExceeded(limit=Decimal(1_000), **amounts, resets_at=None, overage_percent=Decimal(10))
    assert problem.detail == (
        "The report would take the usage from 1100 past its limit of 1000 and the 10 % over it that are granted."
    )


def test_a_refused_report_is_told_its_numbers_plainly() -> None:
    problem = ThresholdExceeded(
        limit=Decimal("1E+3"), current=Decimal(999), requested=Decimal(2), remaining=Decimal(1), resets_at=None
    )
    assert problem.detail == "The report would take the usage from 999 past its limit of 1000."


def test_a_taken_slug_and_a_blocked_deletion_say_by_what() -> None:
    assert SlugTaken("Customer", "acme").faults == (Fault("body.slug", "taken", "acme"),)
    blocker = {"type": "instance", "slug": "prod"}
    document = InUse("The customer has instances.", [blocker], {"Instance": 1}).document()
    assert (document["blockers"], document["counts"]) == ([blocker], {"Instance": 1})


def test_an_unauthenticated_caller_is_told_how_to_authenticate() -> None:
    assert problems.Unauthenticated("The token is unknown.").headers == {"WWW-Authenticate": "Bearer"}


EVERY_PROBLEM = [problem for problem in every_problem() if problem.__module__ == problems.__name__]


@pytest.mark.parametrize("problem", EVERY_PROBLEM, ids=lambda problem: problem.__name__)
def test_every_problem_stands_in_the_tree_with_its_own_status(problem: type[Problem]) -> None:
    drawn = problems.__doc__ or ""
    line = next(line for line in drawn.splitlines() if re.search(rf"\b{problem.__name__}\b", line))
    assert str(problem.status) in line
