"""Examples for the OpenAPI document, by operation: what Acme's first instance needs, and what it is then told."""

from __future__ import annotations

from typing import Any, Final

_ID: Final = "123e4567-e89b-12d3-a456-42661417400"
_CALLS: Final = {"name": "API calls", "slug": "api-calls", "type": "NUMBER", "meterType": "RAW_EVENT"}
_CUSTOMER: Final = {"name": "Acme", "slug": "acme", "domain": "acme.example"}
_ZONE: Final = {"name": "Europe", "slug": "europe", "type": "production"}
_LICENSE: Final = {"name": "Enterprise", "slug": "enterprise-license", "type": "PAID"}
_INSTANCE: Final = {
    "name": "Production",
    "slug": "acme-prod",
    "customerId": f"{_ID}2",
    "licenseId": f"{_ID}1",
    "deploymentZoneId": f"{_ID}3",
    "startLicenseDate": "2026-01-01T00:00:00Z",
    "endLicenseDate": "2036-01-01T00:00:00Z",
    "metadata": {"region": "eu-west-1"},
}
_FLAG: Final = {
    "name": "New checkout",
    "slug": "new-checkout",
    "type": "boolean",
    "enabled": True,
    "variants": [{"name": "on", "value": True}, {"name": "off", "value": False}],
    "default_variant": {"type": "rollout_percentage", "distribution": {"on": 20, "off": 80}},
    "targetings": [
        {"type": "basic", "name": "Paying", "rule": "__kaiten.license.type == 'PAID'", "variant": "on"},
    ],
}
_CONTEXT: Final = {"context": {"targetingKey": "user-1", "tenantSlug": "acme-prod", "region": "eu"}}
_GRANTED: Final = {"value": {"type": "number", "value": 1000}, "limitCapExceededOveragePercent": 10}

#: A body that the operation takes.
REQUESTS: Final[dict[str, Any]] = {
    "CreateServiceAccount": {"name": "Billing", "slug": "billing"},
    "UpdateServiceAccount": {"name": "Invoices"},
    "CreateToken": {"name": "CI", "slug": "ci", "scopes": ["read:customers", "write:instances"]},
    "CreateCustomer": _CUSTOMER,
    "UpdateCustomer": {"name": "Acme Corporation", "domain": "acme.example"},
    "CreateDeploymentZone": _ZONE,
    "UpdateDeploymentZone": {"name": "Europe West", "type": "production"},
    "CreateEntitlement": _CALLS,
    "UpdateEntitlement": {"name": "Calls of the API", "type": "NUMBER", "warningThresholdPercent": 80},
    "CreateEntitlementGroup": {"name": "Billing", "slug": "billing", "description": "What invoices are made of"},
    "UpdateEntitlementGroup": {"name": "Invoices"},
    "AddEntitlementGroupMember": {"entitlementSlug": "api-calls"},
    "CreateLicense": _LICENSE,
    "UpdateLicense": {"name": "Enterprise", "type": "PAID", "description": "For teams of any size"},
    "AssociateLicenseEntitlement": {"entitlementSlug": "api-calls", **_GRANTED},
    "UpdateLicenseEntitlement": _GRANTED,
    "CreateInstance": _INSTANCE,
    "UpdateInstance": {key: value for key, value in _INSTANCE.items() if key != "slug"},
    "PatchInstance": {"status": "MAINTENANCE", "lifecycleStage": "ACTIVE"},
    "CreateFeatureFlag": _FLAG,
    "UpdateFeatureFlag": _FLAG,
    "EvaluateFlag": _CONTEXT,
    "EvaluateFlags": _CONTEXT,
    "ReportEntitlementUsageMetric": {"value": {"type": "number", "value": 42.5}},
}

_USAGE: Final = {
    "behavior": "append",
    "entitlementId": f"{_ID}0",
    "entitlementSlug": "premium-support",
    "licenseId": f"{_ID}1",
    "licenseSlug": "enterprise-license",
    "metadata": {"property1": None, "property2": None},
    "timestamp": "2023-10-01T12:00:00Z",
    "value": {"event_count": 2, "type": "number", "value": 42.5},
    "limit": {"type": "number", "value": 100},
    "remaining": 57.5,
    "currentPeriodStart": "2023-10-01T00:00:00Z",
    "currentPeriodEnd": "2023-11-01T00:00:00Z",
}

_COUNTS: Final = {"read": 1, "accepted": 3, "rejected": 2}
_BAR: Final = {"start": "2023-09-30T22:00:00Z", **_COUNTS}
_STATS: Final = {"total": 6, **_COUNTS, "today": 6, "since": None}
_TOP: Final = {"total": 6, **_COUNTS, "lastAt": "2023-10-01T12:00:00Z"}
_ONE_INSTANCE: Final = {"instanceId": f"{_ID}2", "instanceSlug": "acme-production"}
_ONE_ENTITLEMENT: Final = {"entitlementId": f"{_ID}0", "entitlementSlug": "premium-support"}
_POINT: Final = {
    "start": "2023-09-30T22:00:00Z",
    "end": "2023-10-01T22:00:00Z",
    "value": 42.5,
    "min": 2.5,
    "max": 42.5,
    "reported": 42.5,
    "events": 6,
    "accepted": 3,
    "rejected": 2,
}
_MANIFEST_FLAG: Final = {
    "key": "new-checkout",
    "name": "New checkout",
    "type": "boolean",
    "description": "The checkout in one page",
    "defaultValue": False,
}
_NEAR: Final = {"value": 42.5, "limit": 50, "usedPercent": 85, "currentPeriodEnd": "2023-11-01T00:00:00Z"}

#: What the operation answers when all is well.
RESPONSES: Final[dict[str, Any]] = {
    "GetEntitlementUsageMetric": {**_USAGE, "metadata": {}},
    "ListEntitlementUsageMetrics": [{**_USAGE, "metadata": {}}],
    "GetEntitlementUsageHistory": {"items": [_POINT]},
    "GetInstanceAuditTrailStats": _STATS,
    "GetAuditTrailStats": _STATS,
    "GetInstanceAuditTrailTimeline": {"items": [_BAR]},
    "GetAuditTrailTimeline": {"items": [_BAR]},
    "ListTopInstances": {"items": [{**_ONE_INSTANCE, **_TOP}]},
    "ListTopEntitlements": {"items": [{**_ONE_ENTITLEMENT, **_TOP}]},
    "ListNearestLimits": {"items": [{**_ONE_INSTANCE, **_ONE_ENTITLEMENT, **_NEAR}]},
    "GetFeatureFlagManifest": {"flags": [_MANIFEST_FLAG]},
    "ReportEntitlementUsageMetric": {**_USAGE, "decisionId": "3-1234-7", "sequence": 2},
}

PROBLEM: Final = {
    "type": "urn:tidemark:problem:threshold-exceeded",
    "title": "Conflict",
    "status": 409,
    "detail": "The report would take the usage from 998.5 past its limit of 1000.",
    "instance": f"urn:uuid:{_ID}9",
    "code": "ReportEntitlementUsageMetric.ThresholdExceeded",
    "errors": [],
    "limit": 1000,
    "current": 998.5,
    "requested": 2,
    "remaining": 1.5,
    "resetsAt": "2023-11-01T00:00:00Z",
}
