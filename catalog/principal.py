"""Who is calling: the organization, account and token behind a request, and what it may do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from metering.problems import MissingScope

MODULES: Final = ("customers", "instances", "licenses", "entitlements", "feature_flags", "deployment_zones", "tokens")
SCOPES: Final = frozenset(f"{access}:{module}" for access in ("read", "write") for module in (*MODULES, "*"))


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever a token acts for, and what it may do."""

    organization_id: str
    account_id: str
    account_name: str
    token_id: str
    token_slug: str
    scopes: frozenset[str]

    def require(self, scope: str) -> None:
        """Raise `MissingScope` unless the token holds `scope` (`read:customers`, `write:*`, …); write implies read."""
        if not self.holds(scope):
            raise MissingScope(scope)

    def holds(self, scope: str) -> bool:
        return not self.scopes.isdisjoint(_satisfying(scope))


@cache
def _satisfying(scope: str) -> frozenset[str]:
    """Every scope that a token may hold instead of `scope`."""
    access, _, module = scope.partition(":")
    accesses = ("write",) if access == "write" else ("read", "write")
    return frozenset(f"{held}:{of}" for held in accesses for of in (module, "*"))
