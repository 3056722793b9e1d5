"""What a feature flag may say."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from catalog.flag_definition import FlagType, faults_in
from tests.unit.catalog.flags import OFF, ON, flag, rule, schedule, split, step

JANUARY, MARCH = "2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z"


@pytest.mark.parametrize(
    "default", [OFF, split(on=30, off=70), schedule(step("off", 100, JANUARY), step("on", 50, MARCH))]
)
def test_every_kind_of_serving_may_be_the_default_and_a_rules(default: dict[str, Any]) -> None:
    assert list(faults_in(flag(default, rule(default)))) == []


@pytest.mark.parametrize(
    ("default", "location"),
    [
        ({"type": "basic", "variant": "maybe"}, "body.default_variant.variant"),
        (split(on=30, maybe=70), "body.default_variant.distribution.maybe"),
        (split(on=30, off=71), "body.default_variant.distribution"),
        (split(), "body.default_variant.distribution"),
        (schedule(step("maybe", 0, JANUARY), step("on", 1, MARCH)), "body.default_variant.start.variant"),
        (schedule(step("off", 0, JANUARY), step("maybe", 1, MARCH)), "body.default_variant.end.variant"),
        (schedule(step("off", 0, MARCH), step("on", 1, MARCH)), "body.default_variant.end.date"),
    ],
)
def test_a_serving_that_cannot_be_is_a_fault_where_it_stands(default: dict[str, Any], location: str) -> None:
    assert [fault.location for fault in faults_in(flag(default))] == [location]
    in_rule = [fault.location for fault in faults_in(flag(OFF, rule(ON), rule(default)))]
    assert in_rule == [location.replace("default_variant", "targetings.1")]


@pytest.mark.parametrize(
    ("kind", "fitting", "others"),
    [
        (FlagType.BOOLEAN, [True, False], [1, "true", None, {}]),
        (FlagType.STRING, ["", "red"], [1, True, None, ["red"]]),
        (FlagType.NUMBER, [0, -7, Decimal("0.1")], [True, "1", None]),
        (FlagType.OBJECT, [{}, {"a": [1, None]}], [[], "{}", None]),
    ],
)
def test_a_variants_value_has_the_flags_type(kind: FlagType, fitting: list[Any], others: list[Any]) -> None:
    for value in fitting:
        assert list(faults_in(flag(ON, variants=(("on", value),), kind=kind))) == []
    for value in others:
        (fault,) = faults_in(flag(ON, variants=(("on", value),), kind=kind))
        assert (fault.location, fault.value) == ("body.variants.0.value", value)


def test_variants_have_names_of_their_own() -> None:
    (fault,) = faults_in(flag(ON, variants=(("on", True), ("on", False))))
    assert fault.location == "body.variants.1.name"


def test_a_schedule_of_one_variant_needs_to_know_who_has_the_rest() -> None:
    growing = schedule(step("on", 0, JANUARY), step("on", 100, MARCH))
    assert list(faults_in(flag(growing))) == []
    three = (("on", True), ("off", False), ("other", False))
    assert [fault.location for fault in faults_in(flag(growing, variants=three))] == [
        "body.default_variant.end.variant"
    ]


def test_every_fault_is_told_at_once() -> None:
    wrong = flag(split(on=1), rule({"type": "basic", "variant": "x"}), variants=(("on", 1), ("on", True)))
    assert [fault.location for fault in faults_in(wrong)] == [
        "body.variants.0.value",
        "body.variants.1.name",
        "body.default_variant.distribution",
        "body.targetings.0.variant",
    ]
