"""What keeps Tidemark from starting or running, in words for the person at the terminal; shown without a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class CannotRun(Exception):
    """Something outside the code is in the way; the message says what, and what to do about it."""


class Offline(CannotRun):
    """A part has to be fetched, and can't be."""


class PortTaken(CannotRun):
    """Another process listens where we were told to."""


class DataHeld(CannotRun):
    """Another instance holds the data directory."""


class DiskFull(CannotRun):
    """There is no room for the data."""


class JavaFails(CannotRun):
    """The Java runtime can't be started on this machine."""


class KafkaFails(CannotRun):
    """The broker ended, or did not answer in time."""


class TopicMismatch(CannotRun):
    """A topic exists with another partition count than the settings ask for."""


@contextmanager
def catalog_in_words() -> Iterator[None]:
    """Raise `CannotRun` where the catalog does not answer, or is none."""
    from asyncpg.exceptions import PostgresError  # type: ignore[import-untyped]  # it has no types
    from sqlalchemy.exc import ArgumentError

    from metering.problems import Unavailable

    try:
        yield
    except Unavailable as problem:
        why = getattr(problem.__cause__, "orig", None) or problem.__cause__  # what the driver said, without the SQL
        raise CannotRun(f"The catalog does not answer: {why}\nTIDEMARK_CATALOG says where it is.") from problem
    except (ArgumentError, PostgresError) as error:
        raise CannotRun(f"The catalog can't be used: {error}\nTIDEMARK_CATALOG says where it is.") from error
