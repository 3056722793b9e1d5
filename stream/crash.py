"""How a worker ends when it cannot go on: at once, before it acknowledges anything. Its successor decides the same."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

log: Final = logging.getLogger(__name__)

_CRASHED: Final = 70


def crash() -> None:
    """End the process, with the error that is being handled in its log."""
    log.critical("the worker cannot go on; it ends here and goes on from its checkpoint", exc_info=True)  # noqa: LOG014  # in a handler
    logging.shutdown()
    os._exit(_CRASHED)


@contextmanager
def crash_on_error() -> Iterator[None]:
    """End the process on any error that leaves the block."""
    try:
        yield
    except Exception:  # noqa: BLE001  # whatever it is, nothing may pass it over
        crash()
