"""Reporting usage: `POST …/instances/{instance}/entitlements/{entitlement}/usage`.

A bare Starlette route inside the FastAPI app: this is the hot path, and FastAPI's own way costs three times as much.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from catalog.catalog import Catalog
from catalog.grants import Entitled
from catalog.principal import Principal
from edge.body import ensure_json
from edge.usage import refused, repeated, reported
from ingest.form import LARGEST_METADATA, ReportForm, read
from metering.command import Peek, Report
from metering.decision import Decision, Receipt, Status
from metering.grant import Grant
from metering.meter import Behavior
from metering.problems import Fault, Invalid, NotMetered, TimestampOutOfRange
from metering.transaction import Series, generate, generated_at
from stream.gateway import Answered, Gateway
from stream.records import Rules, decision_id

OPERATION: Final = "ReportEntitlementUsageMetric"
SCOPE: Final = "write:instances"
PATH: Final = "/instances/{instanceSlug}/entitlements/{entitlementSlug}/usage"

_encode: Final = msgspec.json.Encoder(decimal_format="number").encode
_DROPPED: Final = {"Tidemark-Metadata-Dropped": "too_large"}
_REPLAYED: Final = {"Idempotent-Replayed": "true"}

#: How long an id that a 503 named can be retried: a minute less than it is remembered, for clocks that differ.
_RETRIED_WITHIN: Final = Rules().remember_generated_for - timedelta(minutes=1)


@dataclass(frozen=True)
class Ingest:
    """What reporting needs: who may, what they bought, the log, and how late a report may be on a meter that resets."""

    catalog: Catalog
    gateway: Gateway
    most_late: timedelta
    series: Series = field(default_factory=Series)

    async def report_usage(self, request: Request) -> Response:
        principal = await self._authorized(request)
        form = read(await _json_body(request))
        entitled = await self._entitled(principal, request.path_params)
        report, headers = _report(form, principal, self.series)
        grant = _metered(entitled)
        try:
            grant.check_timestamp(report.timestamp, report.received_at, self.most_late)
        except TimestampOutOfRange as problem:
            return await self._recalled(report, grant, problem)
        if _prefers_async(request):
            return _queued(await self.gateway.enqueue(grant, report), request, headers)
        return _answer(await self.gateway.submit(grant, report), report, grant, headers)

    async def _recalled(self, report: Report, grant: Grant, problem: TimestampOutOfRange) -> Response:
        """The first answer to a report that was accepted when its timestamp was in range; else raises `problem`."""
        answered = await self.gateway.submit(grant, Peek(report.received_at, report.transaction_id))
        if isinstance(answered.answer, Receipt) and answered.answer.is_of(report):
            return _answer(answered, report, grant, {})
        raise problem

    async def _authorized(self, request: Request) -> Principal:
        principal = await self.catalog.authenticator.admit(request.headers.get("authorization"))
        principal.require(SCOPE)
        return principal

    async def _entitled(self, principal: Principal, path: dict[str, Any]) -> Entitled:
        resolver = self.catalog.resolver
        names = principal.organization_id, path["instanceSlug"], path["entitlementSlug"]
        return resolver.cached(*names) or await resolver.resolve(*names)


def _report(form: ReportForm, principal: Principal, series: Series) -> tuple[Report, dict[str, str]]:
    received_at = datetime.now(UTC)
    metadata = form.compact_metadata()
    dropped = metadata is not None and len(metadata) > LARGEST_METADATA
    report = Report(
        form.quantity(),
        form.behavior or Behavior.APPEND,
        form.event_time(received_at),
        received_at,
        principal.token_slug,
        _transaction_id(form, received_at, series),
        None if dropped else metadata,
    )
    return report, _DROPPED if dropped else {}


def _transaction_id(form: ReportForm, received_at: datetime, series: Series) -> str:
    if not form.transaction_id:
        return generate(received_at, next(series))
    made_at = generated_at(form.transaction_id)
    if made_at is not None and received_at - made_at > _RETRIED_WITHIN:
        message = f"was made more than {_RETRIED_WITHIN / timedelta(minutes=1):g} minutes ago"
        raise Invalid(
            f"The transactionId {message}; whether its report counted is in the audit trail.",
            faults=[Fault("body.transactionId", message, form.transaction_id)],
        )
    return form.transaction_id


def _prefers_async(request: Request) -> bool:
    """`Prefer: respond-async` (RFC 7240), among others or alone, in any case."""
    preferences = ",".join(request.headers.getlist("prefer")).split(",")
    return any(preference.partition(";")[0].strip().lower() == "respond-async" for preference in preferences)


def _metered(entitled: Entitled) -> Grant:
    if entitled.grant is None:
        raise NotMetered(
            f"The entitlement is of type {entitled.entitlement_type}; usage is reported on NUMBER entitlements only."
        )
    return entitled.grant


async def _json_body(request: Request) -> bytes:
    ensure_json(request.headers.get("content-type"), request.headers.get("content-encoding"))
    return await request.body()


def _answer(answered: Answered, report: Report, grant: Grant, headers: dict[str, str]) -> Response:
    match answered.answer:
        case Decision(status=Status.REJECTED) as decision:
            raise refused(report, grant, decision)
        case Decision() as decision:
            return _json(reported(report, grant, decision, answered.decision_id), headers)
        case Receipt() as receipt:
            first = decision_id(answered.partition, receipt.place)
            return _json(repeated(receipt, grant, first), {**headers, **_REPLAYED})
        case other:
            raise AssertionError(f"a report was answered with {other!r}")


def _queued(decision: str, request: Request, headers: dict[str, str]) -> Response:
    path = request.url.path
    trail = path[: path.rindex("/entitlements/")] + f"/audit-trails/{decision}"
    return _json({"decisionId": decision}, {**headers, "Location": trail, "Preference-Applied": "respond-async"}, 202)


def _json(document: dict[str, Any], headers: dict[str, str], status: int = 200) -> Response:
    return Response(_encode(document), status, headers, "application/json")
