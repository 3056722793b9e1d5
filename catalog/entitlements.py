"""Entitlements: what a license can grant, and, of a NUMBER, how its usage is metered."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from catalog.columns import ExactDecimal
from catalog.model import Resource
from catalog.repository import Repository
from metering.meter import Aggregation, MeterType
from metering.period import ResetPeriod


class EntitlementType(StrEnum):
    BOOLEAN = "BOOLEAN"
    NUMBER = "NUMBER"
    CONFIG = "CONFIG"


class ResetAnchor(StrEnum):
    """Where periods are counted from."""

    CALENDAR = "CALENDAR"
    LICENSE_START = "LICENSE_START"


class Entitlement(Resource):
    __tablename__ = "entitlements"
    noun = "Entitlement"

    description: Mapped[str | None] = mapped_column(Text)
    type: Mapped[EntitlementType] = mapped_column(String(16))
    meter_type: Mapped[MeterType] = mapped_column(String(32), default=MeterType.RAW_EVENT)
    aggregation_method: Mapped[Aggregation] = mapped_column(String(16), default=Aggregation.SUM)
    reset_period: Mapped[ResetPeriod | None] = mapped_column(String(16))
    reset_anchor: Mapped[ResetAnchor] = mapped_column(String(16), default=ResetAnchor.CALENDAR)
    warning_threshold_percent: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    unit_singular: Mapped[str | None] = mapped_column(String(100))
    unit_plural: Mapped[str | None] = mapped_column(String(100))
    user_facing: Mapped[bool] = mapped_column(default=False)
    display_order: Mapped[int] = mapped_column(default=0)


class Entitlements(Repository[Entitlement]):
    model = Entitlement
