"""Feature flags, evaluated: the catalog's facts and the log's usage brought to the flags that ask for them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from api.log import standing_of
from catalog.catalog import Catalog
from catalog.flag_context import Context, needs_facts, usage_seen
from catalog.flag_definition import Definition
from catalog.flag_evaluation import Evaluated, Verdict, evaluate
from catalog.flag_facts import Facts, facts_of
from catalog.flag_rollout import KeyNeeded
from catalog.principal import Principal
from metering.grant import Grant
from metering.problems import TargetingKeyMissing
from stream.gateway import Gateway


async def evaluate_all(
    catalog: Catalog, log: Gateway, caller: Principal, flags: Sequence[Definition], context: Context
) -> list[Evaluated | TargetingKeyMissing]:
    """Each flag's outcome, in their order. Raises `InvalidContext`, `Unavailable`, `TooManyWaiting`.

    Only what some rule looks at is looked up; usage is asked of the log, and leaves no trace there.
    """
    now = datetime.now(UTC)
    rules = [flag.rules for flag in flags]
    tried = [rule for of_flag in rules for rule in of_flag]
    facts = Facts()
    if context.instance is not None or needs_facts(tried):
        async with catalog.read(caller) as work:
            facts = await facts_of(work, context, now)
    seen_usage = usage_seen(tried, facts.grants)
    used = await _used(log, {slug: facts.grants[slug] for slug in sorted(seen_usage)}, now)
    seen = context.with_facts(facts.with_usage(used))
    verdicts = await catalog.rules.match(caller.organization_id, seen, rules)
    return [_outcome(flag, on, context.key, now) for flag, on in zip(flags, verdicts, strict=True)]


def shown(evaluated: Evaluated) -> dict[str, Any]:
    """The item as `EvaluationView` describes it."""
    return {
        "key": evaluated.key,
        "value": evaluated.value,
        "variant": evaluated.variant,
        "reason": evaluated.reason,
        "metadata": evaluated.metadata,
    }


def _outcome(
    flag: Definition, verdicts: Sequence[Verdict], key: str | None, now: datetime
) -> Evaluated | TargetingKeyMissing:
    try:
        return evaluate(flag, verdicts, key, now)
    except KeyNeeded:
        detail = f"The flag {flag.key!r} is rolled out by targeting key, and the context has none."
        return TargetingKeyMissing(detail, key=flag.key)


async def _used(log: Gateway, grants: Mapping[str, Grant], now: datetime) -> dict[str, Decimal]:
    standings = await asyncio.gather(*(standing_of(grant, log, now) for grant in grants.values()))
    return {slug: standing.value for slug, standing in zip(grants, standings, strict=True)}
