"""Service accounts: who acts on an organization's catalog. Their tokens act for them."""

from __future__ import annotations

from catalog.model import Resource
from catalog.repository import Repository


class Account(Resource):
    __tablename__ = "service_accounts"
    noun = "ServiceAccount"


class Accounts(Repository[Account]):
    model = Account
