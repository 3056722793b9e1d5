"""The published client of Kaiten, unchanged, against the running pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from kaitencloud import (
    AuthenticationError,
    ConflictError,
    KaitenClient,
    NotFoundError,
    ThresholdExceededError,
    targeting,
)
from kaitencloud.types import AuditTrail, Customer, Instance, License

from tests.pipeline import Pipeline, wait_until

pytestmark = pytest.mark.integration

START = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def kaiten(pipeline: Pipeline) -> Iterator[KaitenClient]:
    """Of an organization of its own: the client can't read instances without license dates, which others make."""
    token = pipeline.new_organization("Kaiten client")
    with KaitenClient(token=token, base_url=pipeline.url, max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def customer(kaiten: KaitenClient) -> Customer:
    return kaiten.customers.create(name="Acme", slug="acme", domain="acme.example", external_customer_id="crm-1")


@pytest.fixture(scope="module")
def license_(kaiten: KaitenClient) -> License:
    kaiten.entitlements.create(
        name="API calls", slug="api-calls", type="NUMBER", unit_singular="call", unit_plural="calls"
    )
    kaiten.entitlements.create(name="SSO", slug="sso", type="BOOLEAN", description="Single sign-on")
    kaiten.entitlements.create(name="Branding", slug="branding", type="CONFIG")
    made = kaiten.licenses.create(name="Growth", type="PAID", description="For teams", version_name="Winter")
    kaiten.licenses.associate_entitlement("growth", "api-calls", 1000, overage_percent=10)
    kaiten.licenses.associate_entitlement("growth", "sso", True)
    kaiten.licenses.associate_entitlement("growth", "branding", {"theme": "custom"})
    return made


@pytest.fixture(scope="module")
def instance(kaiten: KaitenClient, customer: Customer, license_: License) -> Instance:
    return kaiten.instances.create(
        name="Acme production",
        slug="acme-prod",
        customer_id=customer.id,
        license_id=license_.id,
        start_license_date=START,
        end_license_date=END,
        metadata={"region": "eu"},
    )


def test_customers_are_made_listed_changed_and_deleted(kaiten: KaitenClient, customer: Customer) -> None:
    assert (customer.slug, customer.domain, customer.external_customer_id) == ("acme", "acme.example", "crm-1")
    made = [kaiten.customers.create(name=f"Customer {number}") for number in range(3)]
    assert {one.slug for one in made} <= {one.slug for one in kaiten.customers.list()}
    kaiten.customers.update("customer-1", name="Renamed")
    assert kaiten.customers.get("customer-1").name == "Renamed"
    kaiten.customers.delete("customer-1")
    with pytest.raises(NotFoundError) as missing:
        kaiten.customers.get("customer-1")
    assert missing.value.code == "GetCustomer.CustomerNotFound"


def test_a_taken_slug_is_the_conflict_that_the_client_knows(kaiten: KaitenClient, customer: Customer) -> None:
    with pytest.raises(ConflictError) as taken:
        kaiten.customers.create(name="Acme", slug="acme")
    assert taken.value.code == "CreateCustomer.SlugTaken"


def test_deployment_zones_are_made_and_changed(kaiten: KaitenClient) -> None:
    kaiten.deployment_zones.create(name="Europe", type="production", description="Frankfurt", metadata={"a": 1})
    kaiten.deployment_zones.update("europe", name="Europe West", type="production", description="")
    assert [zone.name for zone in kaiten.deployment_zones.list()] == ["Europe West"]
    kaiten.deployment_zones.delete("europe")
    assert kaiten.deployment_zones.list() == []


def test_licenses_grant_entitlements_of_every_type(kaiten: KaitenClient, license_: License) -> None:
    granted = {link.entitlement_slug: link for link in kaiten.licenses.list_entitlements("growth")}
    assert granted["api-calls"].value.value == 1000
    assert granted["api-calls"].limit_cap_exceeded_overage_percent == 10
    assert granted["sso"].value.value is True
    assert granted["branding"].value.value == {"theme": "custom"}
    kaiten.licenses.update_entitlement("growth", "branding", {"theme": "plain"})
    assert kaiten.licenses.get_entitlement("growth", "branding").value.value == {"theme": "plain"}
    found = kaiten.licenses.get("growth")
    assert (found.id, found.type, found.version_name) == (license_.id, "PAID", "Winter")
    assert {one.slug for one in kaiten.entitlements.list()} == {"api-calls", "sso", "branding"}


def test_instances_are_listed_and_changed(kaiten: KaitenClient, instance: Instance) -> None:
    assert (instance.customer_slug, instance.license_slug, instance.status) == ("acme", "growth", "HEALTHY")
    kaiten.instances.update_status("acme-prod", "DEGRADED")
    kaiten.instances.update_lifecycle_stage("acme-prod", "ACTIVE")
    kaiten.instances.update(
        "acme-prod",
        name="Production",
        customer_id=instance.customer_id,
        license_id=instance.license_id,
        start_license_date=START,
        end_license_date=END + timedelta(days=1),
    )
    [found] = kaiten.instances.list()
    assert (found.name, found.end_license_date) == ("Production", END + timedelta(days=1))
    assert (found.status, found.lifecycle_stage) == ("DEGRADED", "ACTIVE")


def test_usage_is_reported_up_to_a_conflict_and_read_back(kaiten: KaitenClient, instance: Instance) -> None:
    first = kaiten.instances.report_usage("acme-prod", "api-calls", 42.5, metadata={"job": "nightly"})
    assert (first.value.value, first.metadata) == (42.5, {"job": "nightly"})
    assert kaiten.instances.report_usage("acme-prod", "api-calls", 1000, behavior="set").value.value == 1000
    assert kaiten.instances.report_usage("acme-prod", "api-calls", 100).value.value == 1100
    with pytest.raises(ThresholdExceededError) as refused:
        kaiten.instances.report_usage("acme-prod", "api-calls", 1)
    assert refused.value.code == "ReportEntitlementUsageMetric.ThresholdExceeded"
    usage = kaiten.instances.get_usage("acme-prod", "api-calls")
    assert (usage.value.value, usage.limit.value, usage.license_slug) == (1100, 1000, "growth")
    assert kaiten.instances.get_usage("acme-prod", "sso").value.value is True
    assert "api-calls" in [one.entitlement_slug for one in kaiten.instances.list_usage("acme-prod")]


def trail_of_three(kaiten: KaitenClient, begun: datetime) -> list[AuditTrail]:
    def three() -> list[AuditTrail] | None:
        events = kaiten.instances.list_audit_trails("acme-prod", after=begun)
        return events if len(events) == 3 else None

    found: list[AuditTrail] = wait_until(three, 10, "three decisions are in the audit trail")
    return found


def test_the_audit_trail_has_every_report(kaiten: KaitenClient, instance: Instance) -> None:
    begun = datetime.now(UTC)
    for value in (1, 2):
        kaiten.instances.report_usage("acme-prod", "api-calls", value, behavior="set")
    with pytest.raises(ThresholdExceededError):
        kaiten.instances.report_usage("acme-prod", "api-calls", 5000)
    events = trail_of_three(kaiten, begun)
    assert [event.event_type for event in events] == [
        "ENTITLEMENT_USAGE_REPORT_REJECTED",
        "ENTITLEMENT_USAGE_REPORT_ACCEPTED",
        "ENTITLEMENT_USAGE_REPORT_ACCEPTED",
    ]
    assert [event.payload["value"] for event in events] == [5000, 2, 1]
    [newest] = kaiten.instances.list_audit_trails("acme-prod", after=begun, limit=1)
    assert newest.id == events[0].id
    refused = kaiten.instances.list_audit_trails(
        "acme-prod", event_name="ENTITLEMENT_USAGE_REPORT_REJECTED", after=begun
    )
    assert [event.id for event in refused] == [newest.id]


def test_service_accounts_issue_tokens_that_end_when_revoked(kaiten: KaitenClient, pipeline: Pipeline) -> None:
    kaiten.service_accounts.create(name="Billing", slug="billing")
    kaiten.service_accounts.update("billing", name="Invoices")
    assert kaiten.service_accounts.get("billing").name == "Invoices"
    assert {one.slug for one in kaiten.service_accounts.list()} == {"admin", "billing"}
    issued = kaiten.service_accounts.create_token(
        "billing", name="CI", slug="ci", scopes=["read:customers"], expires_at=END
    )
    assert issued.token is not None
    with KaitenClient(token=issued.token, base_url=pipeline.url, max_retries=0) as limited:
        assert limited.customers.list() is not None
        kaiten.service_accounts.delete_token("billing", "ci")
        with pytest.raises(AuthenticationError):
            limited.customers.list()
    [listed] = kaiten.service_accounts.list_tokens("billing")
    assert (listed.scopes, listed.revoked_at is not None) == (["read:customers"], True)


def test_feature_flags_are_written_with_the_clients_builders(kaiten: KaitenClient) -> None:
    variants = [targeting.variant("on", True, description="Seen"), targeting.variant("off", False)]
    made = kaiten.feature_flags.create(
        name="New checkout",
        type="boolean",
        variants=variants,
        default_variant="off",
        targetings=[
            targeting.rule("Growth plan", "__kaiten.license.familySlug == 'growth'", "on"),
            targeting.split_rule("Everyone else", "true", {"on": 20, "off": 80}),
            targeting.schedule_rule(
                "Later", "true", start=targeting.step("on", 0, START), end=targeting.step("on", 100, END)
            ),
        ],
        metadata={"team": "shop"},
    )
    assert (made.slug, made.default_variant.type, made.default_variant.value) == ("new-checkout", "basic", "off")
    assert [rule.type for rule in made.targetings] == ["basic", "rollout_percentage", "rollout_date"]
    assert (made.targetings[2].start.date, made.targetings[2].end.percentage) == (START, 100)
    split = targeting.split({"on": 50, "off": 50})
    kaiten.feature_flags.update(
        "new-checkout", name="Checkout", type="boolean", variants=variants, default_variant=split
    )
    [found] = kaiten.feature_flags.list()
    assert (found.name, found.default_variant.distribution, found.targetings) == ("Checkout", {"on": 50, "off": 50}, [])
    [told] = kaiten.feature_flags.manifest()
    assert (told.key, told.name, told.type, told.default_value) == ("new-checkout", "Checkout", "boolean", True)
    kaiten.feature_flags.delete("new-checkout")
    with pytest.raises(NotFoundError):
        kaiten.feature_flags.get("new-checkout")


def test_license_families_resolve_to_the_version_that_is_sold(kaiten: KaitenClient) -> None:
    first = kaiten.licenses.create(name="Starter", type="TRIAL")
    second = kaiten.licenses.create(name="Starter", type="TRIAL", family_slug="starter", lifecycle_state="DRAFT")
    assert (second.slug, second.version, second.family_id) == ("starter-v2", "2", first.family_id)
    assert kaiten.license_families.get("starter").current_version.id == first.id
    assert kaiten.licenses.publish("starter-v2").lifecycle_state == "PUBLISHED"
    assert kaiten.license_families.get("starter").current_version.id == second.id
    assert kaiten.licenses.archive("starter-v2").lifecycle_state == "ARCHIVED"
    with pytest.raises(ConflictError) as refused:
        kaiten.licenses.publish("starter-v2")
    assert refused.value.code == "PublishLicense.NotADraft"
    family = kaiten.license_families.get("starter", include_versions=True)
    assert [one.version for one in family.versions or []] == ["1", "2"]
    assert "starter" in [one.slug for one in kaiten.license_families.list()]
    kaiten.licenses.delete("starter-v2")
    assert kaiten.licenses.create(name="Starter", type="TRIAL", family_id=first.family_id).version == "3"


def test_entitlement_groups_tell_usage_next_to_grants(kaiten: KaitenClient, instance: Instance) -> None:
    kaiten.entitlement_groups.create(name="Limits", description="What is counted")
    for slug in ("api-calls", "sso"):
        kaiten.entitlement_groups.add_entitlement("limits", slug)
    kaiten.instances.report_usage("acme-prod", "api-calls", 7, behavior="set")
    usage = {one.entitlement_slug: one for one in kaiten.entitlement_groups.get_usage("limits", "acme-prod")}
    assert (usage["api-calls"].usage_value.value, usage["api-calls"].license_value.value) == (7, 1000)
    assert (usage["sso"].usage_value, usage["sso"].license_value.value) == (None, True)
    kaiten.entitlement_groups.remove_entitlement("limits", "sso")
    assert len(kaiten.entitlement_groups.get_usage("limits", "acme-prod")) == 1
    kaiten.entitlement_groups.update("limits", name="Quotas")
    assert [one.name for one in kaiten.entitlement_groups.list()] == ["Quotas"]
    kaiten.entitlement_groups.delete("limits")
