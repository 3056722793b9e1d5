"""Feature flags on the wire: snake_case, as published."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    Strict,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from api.fields import Document, Flag, Moment, Name, Slug, Text
from api.shapes import StampedView, View
from catalog.flag_definition import Definition, FlagType, Variant, serving_of, targeting_of
from catalog.slugs import slug_of
from metering import instant

_MOST: Final = 100
_LONGEST_RULE: Final = 10_000
VALUE: Final = {"anyOf": [{"type": kind} for kind in ("boolean", "string", "number", "object")]}

_EXAMPLE: Final[dict[str, Any]] = {
    "name": "New checkout",
    "type": "boolean",
    "enabled": True,
    "variants": [{"name": "on", "value": True}, {"name": "off", "value": False}],
    "default_variant": {"type": "basic", "variant": "off"},
    "targetings": [
        {"type": "basic", "name": "Growth", "rule": '__kaiten.license.familySlug == "growth"', "variant": "on"},
        {
            "type": "rollout_percentage",
            "name": "Europe",
            "rule": 'region == "eu"',
            "distribution": {"on": 20, "off": 80},
        },
    ],
}

VariantName = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00]+$")]
Percentage = Annotated[int, Strict(), Field(ge=0, le=100)]
Condition = Annotated[
    str,
    StringConstraints(max_length=_LONGEST_RULE, pattern=r"^[^\x00]*$"),
    Field(description="A condition in CEL over the evaluation context.", examples=['region in ["eu", "us"]']),
]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class VariantBody(Part):
    name: VariantName
    value: Annotated[Any, WithJsonSchema(VALUE)] = Field(description="Of the flag's type.")
    description: Text = ""


class Step(Part):
    """`variant` has `percentage` of the targeting keys at `date`."""

    variant: VariantName
    percentage: Percentage
    date: Annotated[Moment, PlainSerializer(instant.written)]


class BasicServing(Part):
    """One variant for everyone."""

    type: Literal["basic"]
    variant: VariantName


class BasicDefault(Part):
    """One variant for everyone. It may be called `value`, as published; answers say both."""

    type: Literal["basic"]
    variant: VariantName | None = None
    value: VariantName | None = Field(default=None, validate_default=True)

    @field_validator("value")
    @classmethod
    def _names_one(cls, value: str | None, info: ValidationInfo) -> str | None:
        variant = info.data.get("variant", value)
        if (variant or value) is None or (value or variant) != (variant or value):
            raise ValueError("must name the variant, and none other than variant does")
        return value


class SplitServing(Part):
    """Each variant for its percentage of the targeting keys; together 100."""

    type: Literal["rollout_percentage"]
    distribution: dict[VariantName, Percentage] = Field(examples=[{"on": 20, "off": 80}])


class ScheduledServing(Part):
    """The targeting keys move linearly from what `start` says to what `end` says."""

    type: Literal["rollout_date"]
    start: Step
    end: Step


class _Rule(Part):
    name: Name
    rule: Condition


class BasicTargeting(_Rule, BasicServing):
    pass


class SplitTargeting(_Rule, SplitServing):
    pass


class ScheduledTargeting(_Rule, ScheduledServing):
    pass


DefaultVariant = Annotated[BasicDefault | SplitServing | ScheduledServing, Field(discriminator="type")]
Targeting = Annotated[BasicTargeting | SplitTargeting | ScheduledTargeting, Field(discriminator="type")]


class FlagBody(Part):
    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: Name
    slug: Slug | None = Field(default=None, description="The key it is evaluated by; made from the name when left out.")
    type: FlagType
    enabled: Flag = Field(description="A disabled flag serves its default variant and tries no rule.")
    description: Text | None = None
    event_name: Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")] = ""
    document: Document = Field(default_factory=dict, alias="metadata")
    variants: list[VariantBody] = Field(min_length=1, max_length=_MOST)
    default_variant: DefaultVariant
    targetings: list[Targeting] = Field(max_length=_MOST, description="The first whose rule matches wins.")

    def to_create(self) -> dict[str, Any]:
        """The new row's values, by column."""
        return {**self._columns(), "slug": self.slug or slug_of(self.name)}

    def to_replace(self) -> dict[str, Any]:
        """The values of a full replacement, but for a slug that was left out."""
        return self._columns() | ({"slug": self.slug} if self.slug else {})

    def to_define(self) -> Definition:
        """What the flag would say, however its parts disagree."""
        values = self._columns()
        return Definition(
            key=self.slug or "",
            type=self.type,
            enabled=self.enabled,
            variants=tuple(Variant(**variant) for variant in values["variants"]),
            default=serving_of(values["default_variant"]),
            targetings=tuple(targeting_of(targeting) for targeting in values["targetings"]),
        )

    def _columns(self) -> dict[str, Any]:
        return {**self.model_dump(exclude={"slug", "default_variant"}), "default_variant": self._default()}

    def _default(self) -> dict[str, Any]:
        default = self.default_variant
        if isinstance(default, BasicDefault):
            return {"type": "basic", "variant": default.variant or default.value}
        return default.model_dump()


class ShownDefault(BasicServing):
    value: str = Field(description="The same, as published.")


class FlagView(StampedView):
    model_config = ConfigDict(alias_generator=str)

    name: str
    slug: str
    type: FlagType
    enabled: bool
    description: str | None
    event_name: str
    document: dict[str, Any] = Field(validation_alias="document", serialization_alias="metadata")
    variants: list[VariantBody]
    default_variant: Annotated[ShownDefault | SplitServing | ScheduledServing, Field(discriminator="type")]
    targetings: list[Targeting]

    @field_validator("default_variant", mode="before")
    @classmethod
    def _saying_both(cls, stored: dict[str, Any]) -> dict[str, Any]:
        return {**stored, "value": stored["variant"]} if stored["type"] == "basic" else stored


class EvaluationView(View):
    """What a flag serves, and why."""

    model_config = ConfigDict(
        alias_generator=str,
        json_schema_extra={
            "examples": [
                {
                    "key": "new-checkout",
                    "value": True,
                    "variant": "on",
                    "reason": "TARGETING_MATCH",
                    "metadata": {"matched_rule_name": "Growth"},
                }
            ]
        },
    )

    key: str
    value: Annotated[Any, WithJsonSchema(VALUE)] = Field(description="Of the flag's type.")
    variant: str
    reason: Literal["DEFAULT", "SPLIT", "TARGETING_MATCH", "DISABLED"]
    metadata: dict[str, Any] = Field(
        description="The flag's own, with `matched_rule_name` and `failed_rules` (names, joined by a comma)."
    )
