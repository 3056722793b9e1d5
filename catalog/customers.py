"""Customers: whom the product is deployed for."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from catalog.model import Resource
from catalog.repository import Repository


class Customer(Resource):
    __tablename__ = "customers"
    noun = "Customer"

    external_customer_id: Mapped[str | None] = mapped_column(String(200))
    domain: Mapped[str | None] = mapped_column(String(253))


class Customers(Repository[Customer]):
    model = Customer
