"""Everything that Tidemark can tell a caller went wrong.

    Problem
    ├── BadRequest 400            MalformedJson, FlagNotFound, TargetingKeyMissing, InvalidContext
    ├── Unauthenticated 401
    ├── Forbidden 403             MissingScope, LicenseInactive, LicenseOutsideDates
    ├── NotFound 404              RouteNotFound, EntitlementNotLicensed, NoPublishedVersion,
    │            404              ResourceNotFound (InstanceNotFound, …), InstanceReplaced
    ├── MethodNotAllowed 405
    ├── RequestTimeout 408
    ├── Conflict 409              ThresholdExceeded, TransactionIdReused, SlugTaken, InUse, NotADraft, NotPublished,
    │            409              NotArchived, DefaultMustBePublished, LicenseArchived, LifecycleStateNotSettable,
    │            409              FamilyNotReassignable
    ├── TooLarge 413
    ├── UnsupportedMediaType 415
    ├── Invalid 422               TimestampOutOfRange, NotMetered, FamilyMismatch
    ├── TooManyRequests 429       TooManyWaiting, RateLimitExceeded
    ├── HeadersTooLarge 431
    ├── Internal 500
    └── Unavailable 503           NoDecision, NotYetVisible

A problem is raised where it is known, as an exception; the HTTP edge translates it once (RFC 9457). Its `name` is
stable: clients see it as `code`, behind the name of the operation (`ReportEntitlementUsageMetric.ThresholdExceeded`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

import msgspec


class Fault(msgspec.Struct, frozen=True):
    """One thing wrong with the input: where (`body.value.value`, `query.limit`, …), what, and what was given."""

    location: str
    message: str
    value: Any = None


class Problem(Exception):
    """A failure with a status, a title, a stable name, and what the caller can do about it."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal Server Error"

    def __init__(
        self,
        detail: str,
        *,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
        **extensions: Any,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = tuple(faults)
        self.headers = dict(headers or {})
        self.extensions = extensions

    @property
    def name(self) -> str:
        return type(self).__name__

    def document(self, operation: str | None = None, occurrence: str | None = None) -> dict[str, Any]:
        """The body of an `application/problem+json` answer to `operation`; `occurrence` names this very failure."""
        return {
            "type": f"urn:tidemark:problem:{_kebab(self.name)}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": occurrence,
            "code": f"{operation}.{self.name}" if operation else self.name,
            "errors": [{"location": f.location, "message": f.message, "value": f.value} for f in self.faults],
            **self.extensions,
        }


def _kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


class BadRequest(Problem):
    status, title = 400, "Bad Request"


class MalformedJson(BadRequest):
    """The body is no JSON text, or one that could be read in two ways."""


class FlagNotFound(BadRequest):
    """400, as the contract says; a flag of another organization is none."""


class TargetingKeyMissing(BadRequest):
    """A rollout has to know whom it is for."""


class InvalidContext(BadRequest):
    """What a feature flag was to be evaluated in can't be."""


class Unauthenticated(Problem):
    status, title = 401, "Unauthorized"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(Problem):
    status, title = 403, "Forbidden"


class MissingScope(Forbidden):
    def __init__(self, scope: str) -> None:
        super().__init__(f"The token lacks the scope {scope}.", scope=scope)


class LicenseInactive(Forbidden):
    """The instance's license is not PUBLISHED, so it grants nothing."""


class LicenseOutsideDates(Forbidden):
    """The moment lies before the instance's license starts, or at its end or behind."""


class NotFound(Problem):
    status, title = 404, "Not Found"


class RouteNotFound(NotFound):
    """No route has this path."""


class ResourceNotFound(NotFound):
    """A named resource that this organization does not have: `ResourceNotFound("Instance", "acme-prod")`."""

    def __init__(self, noun: str, slug: str, *, location: str | None = None) -> None:
        self.noun = noun
        where = location or f"path.{noun[0].lower()}{noun[1:]}Slug"
        whose = "" if noun == "Organization" else " in this organization"
        super().__init__(
            f"There is no {_kebab(noun).replace('-', ' ')} {slug!r}{whose}.",
            faults=[Fault(where, "not found", slug)],
        )

    @property
    def name(self) -> str:
        return f"{self.noun}NotFound"


class InstanceReplaced(NotFound):
    """The instance that was followed is called otherwise by now, and another one is called so."""


class EntitlementNotLicensed(NotFound):
    """The instance's license does not hold the entitlement."""


class NoPublishedVersion(NotFound):
    """The license family is there, but none of its versions can be served."""


class MethodNotAllowed(Problem):
    status, title = 405, "Method Not Allowed"


class RequestTimeout(Problem):
    status, title = 408, "Request Timeout"


class Conflict(Problem):
    status, title = 409, "Conflict"


class ThresholdExceeded(Conflict):
    """The report would take the value past the cap; `remaining` and `resets_at` are None where there is no such."""

    def __init__(
        self,
        *,
        limit: Decimal,
        current: Decimal,
        requested: Decimal,
        remaining: Decimal | None,
        resets_at: datetime | None,
        overage_percent: Decimal = Decimal(0),
    ) -> None:
        granted = f" and the {overage_percent:f} % over it that are granted" if overage_percent else ""
        super().__init__(
            f"The report would take the usage from {current:f} past its limit of {limit:f}{granted}.",
            limit=limit,
            current=current,
            requested=requested,
            remaining=remaining,
            resetsAt=resets_at,
        )


class TransactionIdReused(Conflict):
    """A report under this id was accepted before, with another value or behavior."""


class SlugTaken(Conflict):
    def __init__(self, noun: str, slug: str) -> None:
        super().__init__(
            f"Another {_kebab(noun).replace('-', ' ')} has the slug {slug!r} already.",
            faults=[Fault("body.slug", "taken", slug)],
        )


class InUse(Conflict):
    """Something else needs this resource; `blockers` name the first of them, `counts` tells how many there are."""

    def __init__(self, detail: str, blockers: Sequence[Mapping[str, str]], counts: Mapping[str, int]) -> None:
        super().__init__(detail, blockers=list(blockers), counts=dict(counts))


class NotADraft(Conflict):
    """Only a DRAFT license can be published."""


class NotPublished(Conflict):
    """Only a PUBLISHED license can be archived."""


class NotArchived(Conflict):
    """Only an ARCHIVED license can be unarchived."""


class DefaultMustBePublished(Conflict):
    """The default license has to be one that can be used."""


class LicenseArchived(Conflict):
    """An ARCHIVED license takes no new instances."""


class LifecycleStateNotSettable(Conflict):
    """No step leads from the license's state to the one asked for."""


class FamilyNotReassignable(Conflict):
    """A version stays in its family."""


class TooLarge(Problem):
    status, title = 413, "Content Too Large"


class UnsupportedMediaType(Problem):
    status, title = 415, "Unsupported Media Type"


class Invalid(Problem):
    status, title = 422, "Unprocessable Content"


class TimestampOutOfRange(Invalid):
    """The report is too late for its period, or too far ahead; `message` says which."""

    def __init__(self, message: str, timestamp: datetime) -> None:
        super().__init__(f"The {message}.", faults=[Fault("body.timestamp", message, timestamp)])


class NotMetered(Invalid):
    """The entitlement is not of type NUMBER, so no usage can be reported on it."""


class FamilyMismatch(Invalid):
    """The request names two families."""


class TooManyRequests(Problem):
    status, title = 429, "Too Many Requests"


class TooManyWaiting(TooManyRequests):
    """More commands wait for their decision than are let wait."""


class RateLimitExceeded(TooManyRequests):
    """The token's own rate is used up; the headers say when to ask again."""


class HeadersTooLarge(Problem):
    status, title = 431, "Request Header Fields Too Large"


class Internal(Problem):
    """What nobody foresaw; it tells nothing but where it was logged."""


class Unavailable(Problem):
    status, title = 503, "Service Unavailable"


class NoDecision(Unavailable):
    """The report may or may not be in the log: retry it with the same transaction id and it counts once."""


class NotYetVisible(Unavailable):
    """The decision that the caller wants to see is not in the audit trail yet, or will never be."""
