"""Rules in CEL."""

from __future__ import annotations

from typing import Any

import pytest

from catalog.flag_evaluation import Verdict
from catalog.flag_rules import Rules, fault_in

CONTEXT = {
    "region": "eu",
    "orderCount": 42,
    "user": {"plan": "enterprise"},
    "type": "internal",
    "__kaiten": {"entitlements": {"api-calls": {"used": 90.0, "limit": 100.0, "remaining": float("inf")}}},
}


@pytest.fixture(scope="module")
def rules() -> Rules:
    return Rules()


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("true", True),
        ("region == 'eu' && orderCount > 10", True),
        ("region in ['us', 'ap']", False),
        ("orderCount > 41.5", True),
        ("user.plan.startsWith('enter')", True),
        ("has(user.trial) && user.trial", False),
        ("type == 'internal'", True),
        ("__kaiten.entitlements['api-calls'].used / __kaiten.entitlements['api-calls'].limit >= 0.9", True),
        ("__kaiten.entitlements['api-calls'].remaining > 1000", True),
        ("missing == 1 || true", True),
    ],
)
def test_a_rule_is_true_or_false_of_a_context(rules: Rules, rule: str, expected: bool) -> None:
    assert rules.verdict(rule, rules.activation(CONTEXT)) == Verdict(matched=expected)


@pytest.mark.parametrize(
    "rule",
    ["missing == 1", "user.missing == 1", "region > 1", "orderCount", "1 / 0 == 1", "region.matches('(')", "region =="],
)
def test_what_is_neither_is_a_failure_with_its_reason(rules: Rules, rule: str) -> None:
    verdict = rules.verdict(rule, rules.activation(CONTEXT))
    assert not verdict.matched
    assert verdict.failure


def test_loops_come_to_an_end(rules: Rules) -> None:
    context: dict[str, Any] = {"list": list(range(1_000))}
    verdict = rules.verdict("list.all(a, list.all(b, list.all(c, true)))", rules.activation(context))
    assert verdict.failure == "Iteration budget exceeded"


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("region == ", "line 1, column 11: Syntax error"),
        ("region == 'eu' &&\n  n >> 3", "line 2, column 6: Syntax error"),
        ("", "line 1, column 1"),
        ("foo(region)", "undeclared reference to 'foo'"),
        ("1 + 'a' == 2", "line 1, column 3: found no matching overload"),
        ("1 + 1", "a rule is true or false, but this one gives a value of type INT"),
        ("(" * 99 + "true" + ")" * 99, "recursion limit"),
    ],
)
def test_what_is_no_condition_is_said_with_its_place(rule: str, told: str) -> None:
    assert told in (fault_in(rule) or "")


@pytest.mark.parametrize(
    "rule", ["region", "a.b[0].c in [1, 2]", "type(x) == int", "size(size) > 1", "'quoted name' == x // comment"]
)
def test_any_name_may_be_in_the_context(rule: str) -> None:
    assert fault_in(rule) is None
