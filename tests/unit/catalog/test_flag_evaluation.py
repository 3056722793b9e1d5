"""What a flag serves."""

from __future__ import annotations

import pytest

from catalog.flag_evaluation import Evaluated, Reason, Verdict, evaluate
from catalog.flag_rollout import KeyNeeded
from tests.unit.catalog.flags import NOW, OFF, ON, flag, rule, split

YES, NO = Verdict(matched=True), Verdict()


def test_where_no_rule_matches_the_default_is_served() -> None:
    assert evaluate(flag(OFF, rule(ON)), [NO], "acme", NOW) == Evaluated("checkout", False, "off", Reason.DEFAULT, {})


def test_the_first_rule_that_matches_wins_and_is_named() -> None:
    found = evaluate(flag(OFF, rule(OFF, name="no"), rule(ON, name="Growth"), rule(OFF)), [NO, YES], "acme", NOW)
    assert (found.value, found.reason) == (True, Reason.TARGETING_MATCH)
    assert found.metadata == {"matched_rule_name": "Growth"}


def test_a_rule_that_fails_is_passed_over_and_named() -> None:
    targetings = [rule(ON, name=name) for name in ("Broken", "Also broken", "Whole")]
    failed = Verdict(failure="no such key")
    found = evaluate(flag(OFF, *targetings), [failed, failed, YES], "acme", NOW)
    assert found.metadata == {"matched_rule_name": "Whole", "failed_rules": "Broken, Also broken"}
    assert evaluate(flag(OFF, rule(ON)), [failed], "acme", NOW).variant == "off"


def test_a_default_that_is_split_says_so_and_a_rule_that_splits_has_matched() -> None:
    half = split(on=50, off=50)
    assert evaluate(flag(half), [], "acme", NOW).reason is Reason.SPLIT
    assert evaluate(flag(OFF, rule(half)), [YES], "acme", NOW).reason is Reason.TARGETING_MATCH
    with pytest.raises(KeyNeeded):
        evaluate(flag(half), [], None, NOW)


def test_a_disabled_flag_serves_its_default_and_tries_no_rule() -> None:
    disabled = flag(OFF, rule(ON), enabled=False)
    assert disabled.rules == []
    found = evaluate(disabled, [], "acme", NOW)
    assert (found.variant, found.reason) == ("off", Reason.DISABLED)


def test_metadata_are_flat_as_openfeature_wants_them() -> None:
    given = {"team": "checkout", "tier": 2, "beta": True, "owners": ["a"], "nested": {}, "none": None}
    assert evaluate(flag(OFF, metadata=given), [], None, NOW).metadata == {"team": "checkout", "tier": 2, "beta": True}
