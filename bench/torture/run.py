"""One run: sell, load, break, settle, and hold everything against everything."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec

from bench.answer import kafka_of
from bench.torture import checks, rows
from bench.torture.answers import Answers
from bench.torture.faults import WORKERS, Fault, Faults, Say
from bench.torture.load import Load
from bench.torture.meters import Meter, Meters, sell_meters
from bench.torture.topic import Topic, read_topic
from sql.socket import ClickHouseSocket
from tests.pipeline import ROOT, TOKEN, Pipeline, running_pipeline, wait_until

PARTITIONS: Final = 4
_DRAINED_WITHIN_S: Final = 120.0
_decode: Final = msgspec.json.Decoder(float_hook=Decimal).decode


@dataclass(frozen=True)
class Plan:
    """Faults by chance for so many seconds, or those of `script` in order; and how much load meanwhile."""

    seed: int
    seconds: float = 0
    writers: int = 100
    others: int = 40
    hot: int = 200
    instances: int = 200
    script: Sequence[Fault] = ()


@dataclass(frozen=True)
class Outcome:
    """`report` is for people; `findings` tells by check what is wrong, each empty if all is right."""

    report: dict[str, Any]
    findings: dict[str, list[str]]

    @property
    def is_clean(self) -> bool:
        return not any(self.findings.values())


def torture(data: Path, plan: Plan, say: Say) -> Outcome:
    with running_pipeline(data, TIDEMARK_PARTITIONS=str(PARTITIONS), TIDEMARK_WORKERS=str(WORKERS)) as pipeline:
        say("selling meters")
        with pipeline.client() as client:
            meters = sell_meters(client, hot=plan.hot, instances=plan.instances)
        answers, faults = Answers(), Faults(pipeline, plan.seed, say)
        asyncio.run(_under_load(pipeline, plan, meters, answers, faults))
        say("recounting")
        return asyncio.run(_recount(pipeline, plan, meters, answers, faults))


async def _under_load(pipeline: Pipeline, plan: Plan, meters: Meters, answers: Answers, faults: Faults) -> None:
    load = Load(meters, answers, plan.seed)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(load.run(pipeline.url, TOKEN, writers=plan.writers, others=plan.others))
        try:
            await asyncio.to_thread(_break, faults, plan)
        finally:
            load.end()


def _break(faults: Faults, plan: Plan) -> None:
    """Leaves a pipeline that is whole."""
    try:
        if plan.script:
            faults.do_all(plan.script)
        else:
            faults.do_for(plan.seconds)
    finally:
        faults.end()
    faults.settle()


async def _recount(pipeline: Pipeline, plan: Plan, meters: Meters, answers: Answers, faults: Faults) -> Outcome:
    usage = await asyncio.to_thread(_usage, pipeline, meters)
    topic = await read_topic(kafka_of(pipeline), PARTITIONS)
    trail = await ClickHouseSocket.open(pipeline.data / "trail.sock")
    try:
        await _await_rows(trail, topic)
        in_clickhouse = await rows.compare(trail, topic)
    finally:
        await trail.close()
    findings = {
        "ClickHouse's rows are the decisions on the topic": in_clickhouse,
        "every record is decided, never two ways": topic.differing,
        "every sequence is gapless": checks.every_sequence_is_gapless(topic),
        "no transaction is accepted twice": checks.no_transaction_is_accepted_twice(topic),
        "nothing accepted passes its cap": checks.nothing_accepted_passes_its_cap(topic),
        "filled meters are at their limit exactly": checks.every_filled_meter_is_at_its_limit(topic, answers),
        "every meter equals its recount": checks.every_meter_equals_its_recount(topic, usage),
        "every answer is in the trail": checks.every_answer_is_in_the_trail(topic, answers),
        "a read sees every answer before it": answers.stale_reads,
        "every report is answered in the end": answers.unanswered,
        "a stop leaves no process": faults.outlived,
        "tidemark verify finds the same": await asyncio.to_thread(_verify, pipeline),
    }
    report = {"seed": plan.seed, **_report(topic, answers, faults, usage), **_from_logs(pipeline.data)}
    return Outcome(report, findings)


def _verify(pipeline: Pipeline) -> list[str]:
    environment = {**pipeline.environment, "TIDEMARK_KAFKA": kafka_of(pipeline)}
    command = [sys.executable, "-m", "tidemark", "verify"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else [f"{done.returncode}: {done.stdout[-2_000:]}{done.stderr[-2_000:]}"]


def _from_logs(data: Path) -> dict[str, int]:
    """How often a checkpoint was refused, since its partition had a new owner; how often a watchdog ended a worker."""
    logs = [path.read_text() for path in (data / "logs").glob("worker-*.log*")]
    return {
        "checkpoints_fenced": sum(log.count("errors.ProducerFenced: ") for log in logs),
        "ended_by_watchdog": sum(log.count("watchdog.Stalled: ") + log.count("the event loop hangs") for log in logs),
    }


async def _await_rows(trail: rows.Trail, topic: Topic) -> None:
    """Until the sink has caught up, or plainly never will: then the comparison tells what is missing."""
    deadline = time.monotonic() + _DRAINED_WITHIN_S
    while await rows.count(trail, topic.ends) < len(topic.entries) and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.5)


def _usage(pipeline: Pipeline, meters: Meters) -> checks.Usage:
    """Every meter as the pipeline shows it; a peek leaves no trace in the log."""
    with pipeline.client() as client:
        listed = {instance: _listed(client, instance) for instance in meters.instances}
    return {
        Meter(instance, item["entitlementSlug"]): (Decimal(item["value"]["value"]), item["value"]["event_count"])
        for instance, items in listed.items()
        for item in items
    }


def _listed(client: httpx.Client, instance: str) -> list[dict[str, Any]]:
    def answered() -> httpx.Response | None:
        response = client.get(f"/instances/{instance}/entitlements/usage")
        return response if response.status_code == httpx.codes.OK else None

    items: list[dict[str, Any]] = _decode(wait_until(answered, 60, f"the usage of {instance} is shown").content)
    return items


def _report(topic: Topic, answers: Answers, faults: Faults, usage: checks.Usage) -> dict[str, Any]:
    decisions = Counter(str(entry.event.decision.status) for entry in topic.entries.values())
    return {
        "faults": {str(fault): times for fault, times in faults.done.items()},
        "kills": dict(faults.kills),
        "taken_over_while_frozen": faults.taken_over,
        "reports": answers.reports,
        "answers": dict(answers.statuses),
        "answered": len(answers.told),
        "given_up": answers.given_up,
        "longest_silences": _longest_silences(answers, faults),
        "decisions": dict(decisions),
        "decided_again": topic.repeated,
        "meters": len(usage),
        "filled_to_the_limit": len(answers.filled),
    }


def _longest_silences(answers: Answers, faults: Faults) -> list[str]:
    """The seconds without any answer, and what was done before and during them."""
    longest = sorted(answers.silences, reverse=True)[:5]
    return [f"{length:.1f} s: {', '.join(_done_around(begun, length, faults))}" for length, begun in longest]


def _done_around(begun: float, length: float, faults: Faults) -> list[Fault]:
    before = [fault for at, fault in faults.times if at <= begun][-1:]
    return before + [fault for at, fault in faults.times if begun < at < begun + length]


def as_json(outcome: Outcome) -> str:
    wrong = {check: found[:10] for check, found in outcome.findings.items() if found}
    return json.dumps({"torture": outcome.report, "clean": outcome.is_clean, "findings": wrong})
