"""The life of a license: DRAFT → PUBLISHED ⇄ ARCHIVED. Only a PUBLISHED one is in force."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from metering.problems import (
    DefaultMustBePublished,
    Fault,
    LicenseArchived,
    LifecycleStateNotSettable,
    NotADraft,
    NotArchived,
    NotPublished,
)


class LifecycleState(StrEnum):
    """Where a license stands in its life."""

    DRAFT = "DRAFT"
    PUBLISHED = "PUBLISHED"
    ARCHIVED = "ARCHIVED"


_STEPS: Final = {
    (LifecycleState.DRAFT, LifecycleState.PUBLISHED),
    (LifecycleState.PUBLISHED, LifecycleState.ARCHIVED),
    (LifecycleState.ARCHIVED, LifecycleState.PUBLISHED),
}


def check_first(state: str) -> None:
    """Raise `LifecycleStateNotSettable` for a state that no license begins in."""
    if state == LifecycleState.ARCHIVED:
        raise _not_settable("A license is archived once it was published; it cannot begin so.", state)


def check_move(old: str, new: str) -> None:
    """Raise `LifecycleStateNotSettable` where no step leads from `old` to `new`."""
    if old != new and (old, new) not in _STEPS:
        raise _not_settable(f"A license that is {old} cannot become {new}.", new)


def check_default(state: str, *, is_default: bool) -> None:
    """Raise `DefaultMustBePublished` for a default that new instances could not use."""
    if is_default and state != LifecycleState.PUBLISHED:
        raise DefaultMustBePublished(
            f"The default license has to be PUBLISHED, and this one would be {state}: publish it, or make another the "
            "default, first.",
            faults=[Fault("body.isDefault", "needs a PUBLISHED license", is_default)],
        )


def check_assignable(slug: str, state: str) -> None:
    """Raise `LicenseArchived` for a license that instances may keep, but none may be given."""
    if state == LifecycleState.ARCHIVED:
        raise LicenseArchived(f"The license {slug!r} is archived, and takes no new instances.", licenseSlug=slug)


def check_draft(state: str) -> None:
    """Raise `NotADraft` where there is nothing to publish."""
    if state != LifecycleState.DRAFT:
        raise NotADraft(f"Only a DRAFT can be published; this license is {state}.")


def check_published(state: str) -> None:
    """Raise `NotPublished` where there is nothing to archive."""
    if state != LifecycleState.PUBLISHED:
        raise NotPublished(f"Only a PUBLISHED license can be archived; this one is {state}.")


def check_archived(state: str) -> None:
    """Raise `NotArchived` where there is nothing to unarchive."""
    if state != LifecycleState.ARCHIVED:
        raise NotArchived(f"Only an ARCHIVED license can be unarchived; this one is {state}.")


def _not_settable(detail: str, state: str) -> LifecycleStateNotSettable:
    return LifecycleStateNotSettable(detail, faults=[Fault("body.lifecycleState", "cannot be set", state)])
