"""The checks: what must hold of the log, the trail and every answer, whatever was killed meanwhile.

Each returns what is wrong in words; nothing, if all is right.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from http import HTTPStatus

from bench.torture.answers import Answers, Told
from bench.torture.meters import HOT_LIMIT, Meter
from bench.torture.topic import Entry, Topic
from metering.command import Report
from metering.decision import Status
from metering.meter import Aggregation
from tests.properties.naive import Event, recount, shown

Usage = Mapping[Meter, tuple[Decimal, int]]
"""The value and the number of events that the pipeline shows of each meter."""


def every_sequence_is_gapless(topic: Topic) -> list[str]:
    last: Counter[Meter] = Counter()
    wrong = []
    for entry in topic.entries.values():
        last[entry.meter] += 1
        if entry.event.decision.sequence != last[entry.meter]:
            wrong.append(f"{entry.decision_id}: {entry.event.decision.sequence} where {last[entry.meter]} should be")
    return wrong


def no_transaction_is_accepted_twice(topic: Topic) -> list[str]:
    accepted = Counter(
        (entry.meter, key)
        for entry in _accepted(topic)
        for key in {entry.mark, getattr(entry.event.command, "transaction_id", None)}
    )
    return [f"{key} was accepted {times} times" for key, times in accepted.items() if times > 1]


def nothing_accepted_passes_its_cap(topic: Topic) -> list[str]:
    held = (entry for entry in _accepted(topic) if entry.event.grant.cap is not None)
    return [f"{it.decision_id}: {it.event.decision.after}" for it in held if _is_past_cap(it)]


def _is_past_cap(entry: Entry) -> bool:
    grant = entry.event.grant
    return Fraction(entry.event.decision.after) > Fraction(grant.limit) * (1 + Fraction(grant.overage_percent) / 100)


def every_filled_meter_is_at_its_limit(topic: Topic, answers: Answers) -> list[str]:
    """A whole-number meter that refused a 1 has accepted its limit, to the unit."""
    totals: Counter[Meter] = Counter()
    for entry in _accepted(topic):
        if isinstance(entry.event.command, Report):
            totals[entry.meter] += int(entry.event.command.value)
    return [f"{meter.path}: {totals[meter]} of {HOT_LIMIT}" for meter in answers.filled if totals[meter] != HOT_LIMIT]


def every_meter_equals_its_recount(topic: Topic, usage: Usage) -> list[str]:
    expected = recounted(topic)
    return [
        f"{meter.path}: shows {value} of {events}, recounted {expected.get(meter, (Fraction(), 0))}"
        for meter, (value, events) in usage.items()
        if (Fraction(value), events) != expected.get(meter, (Fraction(), 0))
    ] + [f"{meter.path} is not shown" for meter in expected.keys() - usage.keys()]


def recounted(topic: Topic) -> dict[Meter, tuple[Fraction, int]]:
    events: dict[Meter, list[Event]] = defaultdict(list)
    rules: dict[Meter, Aggregation] = {}
    for entry in _accepted(topic):
        if isinstance(report := entry.event.command, Report):
            events[entry.meter].append(Event(Fraction(report.value), report.behavior, report.timestamp))
            rules[entry.meter] = entry.event.grant.aggregation
    counts = {meter: recount(reports, rules[meter]) for meter, reports in events.items()}
    return {meter: (shown(value), number) for meter, (value, number) in counts.items()}


def every_answer_is_in_the_trail(topic: Topic, answers: Answers) -> list[str]:
    by_mark: dict[str, list[Entry]] = defaultdict(list)
    for entry in topic.entries.values():
        if entry.mark is not None:
            by_mark[entry.mark].append(entry)
    return [f"{told}: {wrong}" for told in answers.told for wrong in _wrong_about(told, topic, by_mark[told.mark])]


def _wrong_about(told: Told, topic: Topic, decisions: list[Entry]) -> Iterable[str]:
    match told.status:
        case HTTPStatus.OK:
            return _wrong_about_accepted(told, topic, decisions)
        case HTTPStatus.CONFLICT:
            return _wrong_about_refused(told, decisions)
        case HTTPStatus.ACCEPTED:
            first = told.attempts == 1  # a repeated one may be queued behind its first, and leave no decision
            return ["no decision"] if not decisions or (first and told.decision_id not in topic.entries) else []
        case _:
            return ["an answer that no report here should get"]


def _wrong_about_accepted(told: Told, topic: Topic, decisions: list[Entry]) -> Iterable[str]:
    entry = topic.entries.get(told.decision_id or "")
    if entry is None or entry not in decisions:
        yield "the decision that it names is not of this report"
        return
    decision = entry.event.decision
    if (decision.status, decision.sequence, decision.after) != (Status.ACCEPTED, told.sequence, told.total):
        yield f"the trail has {decision}"
    if entry.meter != told.meter:
        yield f"the trail has it of {entry.meter}"


def _wrong_about_refused(told: Told, decisions: list[Entry]) -> Iterable[str]:
    refused = [entry for entry in decisions if entry.event.decision.status is Status.REJECTED]
    if not any(entry.event.decision.before == told.total for entry in refused):
        yield f"no refusal in {len(decisions)} decisions is this one"
    if len(decisions) > told.attempts:
        yield f"{len(decisions)} decisions on {told.attempts} attempts"


def _accepted(topic: Topic) -> Iterable[Entry]:
    return (entry for entry in topic.entries.values() if entry.event.decision.status is Status.ACCEPTED)
