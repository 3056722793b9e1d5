"""The context that rules see."""

from __future__ import annotations

import sys
from decimal import Decimal

import pytest

from catalog.flag_context import context_of, needs_facts, usage_seen
from metering.problems import InvalidContext

HELD = ["api-calls", "seats", "storage"]


def test_numbers_are_those_of_cel() -> None:
    given = {"whole": 7, "exact": Decimal("0.1"), "huge": 2**70, "endless": Decimal("1e999"), "yes": True, "none": None}
    seen = context_of({**given, "list": [Decimal("0.5")]}).with_facts({"limit": Decimal(5)})
    assert seen["whole"] == 7
    assert seen["yes"] is True
    assert seen["none"] is None
    assert (seen["exact"], seen["huge"], seen["endless"], seen["list"]) == (0.1, 2.0**70, float("inf"), [0.5])
    assert (seen["__kaiten"], type(seen["__kaiten"]["limit"])) == ({"limit": 5}, float)


def test_a_name_of_many_dots_is_refused_like_deep_nesting() -> None:
    assert context_of({"a." * 32 + "b": 1}).attributes.keys() == {"a"}
    for dots in (33, 20_000):
        with pytest.raises(InvalidContext, match="dots"):
            context_of({"a." * dots + "b": 1})


def test_nothing_that_the_caller_says_is_a_fact() -> None:
    for given in ({"__kaiten": {"license": 1}}, {"__kaiten.license.slug": "x"}):
        assert context_of(given).with_facts({})["__kaiten"] == {}


def test_dots_open_into_fields_where_nothing_else_stands() -> None:
    attributes = context_of(
        {"user.plan.name": "free", "user.id": 1, "a": {"b": 1}, "a.b": 2, "c.": 3, ".d": 4}
    ).attributes
    assert attributes["user"] == {"plan": {"name": "free"}, "id": 1}
    assert attributes["a"] == {"b": 1}


def test_a_dotted_attribute_does_not_overwrite_a_part_of_another() -> None:
    assert context_of({"a.b": 1, "a.b.c": 2}).attributes == {"a": {"b": 1}}


@pytest.mark.parametrize(
    ("given", "key", "instance", "hints"),
    [
        ({}, None, None, ()),
        ({"targetingKey": "user-1"}, "user-1", None, ("user-1",)),
        ({"targetingKey": "", "tenantSlug": "prod"}, "prod", None, ("prod",)),
        ({"targetingKey": "user-1", "tenantSlug": "prod"}, "user-1", None, ("prod", "user-1")),
        ({"tenantSlug": 7}, None, None, ()),
        ({"kaiten": {"instanceSlug": "prod"}}, "prod", "prod", ()),
        ({"kaiten": "anything"}, None, None, ()),
    ],
)
def test_the_context_says_for_whom(given: dict[str, object], key: object, instance: object, hints: object) -> None:
    context = context_of(given)
    assert (context.key, context.instance, context.hints) == (key, instance, hints)


@pytest.mark.parametrize("given", [{"targetingKey": 7}, {"kaiten": {"instanceSlug": ["prod"]}}])
def test_the_protocols_own_keys_are_texts(given: dict[str, object]) -> None:
    with pytest.raises(InvalidContext):
        context_of(given)


def test_a_context_nests_so_deep_and_no_deeper() -> None:
    deep: object = 1
    for _ in range(sys.getrecursionlimit() // 2):
        deep = [deep]
    with pytest.raises(InvalidContext):
        context_of({"deep": deep})


@pytest.mark.parametrize(
    ("rule", "seen"),
    [
        ("region == 'eu'", set()),
        ("__kaiten.license.slug == 'x' && has(__kaiten . customer.domain)", set()),
        ("__kaiten.entitlements.seats.used > 1", {"seats"}),
        (
            """__kaiten.entitlements["api-calls"].used > __kaiten.entitlements[ 'storage' ].used""",
            {"api-calls", "storage"},
        ),
        ("__kaiten.entitlements['other'].used > 1", set()),
        ("__kaiten.entitlements[name].used > 1", set(HELD)),
        ("__kaiten.entitlements['a' + 'b'].used > 1", set(HELD)),
        ("__kaiten.entitlements.all(slug, true)", set(HELD)),
        ("__kaiten.entitlements.seats.used > 1 && __kaiten['entitlements'].storage.used > 1", set(HELD)),
        (r"__kaiten.entitlements['\x73eats'].used > 1", set(HELD)),
        ("size(__kaiten) > 1", set(HELD)),
        ("__kaiten.licensees == 1", set(HELD)),
    ],
)
def test_only_usage_that_a_rule_may_see_is_asked_for(rule: str, seen: set[str]) -> None:
    assert usage_seen(["true", rule], HELD) == seen
    assert needs_facts([rule]) == ("__kaiten" in rule)
