"""Deployment zones: the environments that instances run in."""

from __future__ import annotations

from typing import Any

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from catalog.columns import ExactJson
from catalog.model import Resource
from catalog.repository import Repository


class Zone(Resource):
    __tablename__ = "deployment_zones"
    noun = "DeploymentZone"

    description: Mapped[str] = mapped_column(Text, default="")
    type: Mapped[str] = mapped_column(String(100))
    document: Mapped[dict[str, Any] | None] = mapped_column("metadata", ExactJson)


class Zones(Repository[Zone]):
    model = Zone
