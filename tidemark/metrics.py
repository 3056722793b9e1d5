"""What the process counts of itself, for Prometheus. Everything but reports is read when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_SECONDS: Final = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Outcome(StrEnum):
    """What became of a report: `invalid` never reached the log, `failed` was not decided in time."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    REPLAYED = "replayed"
    QUEUED = "queued"
    INVALID = "invalid"
    FAILED = "failed"


class Metrics:
    """One process's metrics; `watch` adds a gauge, `count` a counter, each read by a call that may know nothing."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        reports = Counter("tidemark_reports", "Reports answered, by outcome.", ["outcome"], registry=self._registry)
        self._reports = {outcome: reports.labels(outcome) for outcome in Outcome}
        self._seconds = Histogram(
            "tidemark_answer_seconds", "From a report to its answer.", buckets=_SECONDS, registry=self._registry
        )

    def answered(self, outcome: Outcome, seconds: float) -> None:
        """Count one report: one addition, one observation."""
        self._reports[outcome].inc()
        self._seconds.observe(seconds)

    def watch(self, name: str, meaning: str, read: Callable[[], float | None]) -> None:
        self._registry.register(_Read(lambda value: GaugeMetricFamily(name, meaning, value), read))

    def count(self, name: str, meaning: str, read: Callable[[], float | None]) -> None:
        self._registry.register(_Read(lambda value: CounterMetricFamily(name, meaning, value), read))

    def routes(self) -> list[Route]:
        return [Route("/metrics", self.told)]

    async def told(self, _: Request) -> Response:
        return Response(generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


class _Read(Collector):
    """A metric whose value is asked for with it; left out while nobody knows it."""

    def __init__(self, family: Callable[[float], Metric], read: Callable[[], float | None]) -> None:
        self._family = family
        self._read = read

    def collect(self) -> Iterable[Metric]:
        value = self._read()
        return [] if value is None else [self._family(value)]
