"""How a worker ends when it cannot go on: at once, before it acknowledges anything. Its successor decides the same."""

from __future__ import annotations

import logging
import os
import threading
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


def end_after(seconds: float) -> None:
    """End the process by force after so long, however far it has come with stopping, and if its loop hangs.

    That is as good as a stop in order: the next worker decides again what no checkpoint holds.
    """
    timer = threading.Timer(seconds, end, ["it was told to stop, and did not in time"])
    timer.daemon = True
    timer.start()


def end(why: str) -> None:
    """End the process from any thread."""
    log.critical("the worker is ended here, and goes on from its checkpoint: %s", why)
    logging.shutdown()
    os._exit(_CRASHED)


@contextmanager
def crash_on_error() -> Iterator[None]:
    """End the process on any error that leaves the block."""
    try:
        yield
    except Exception:  # noqa: BLE001  # whatever it is, nothing may pass it over
        crash()
