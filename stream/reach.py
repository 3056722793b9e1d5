"""Reaching the log before anything is built on it."""

from __future__ import annotations

import logging
import socket
import time
from typing import Final

log: Final = logging.getLogger(__name__)

_TRY_EVERY: Final = 0.1
_CONNECT_WITHIN: Final = 2.0


def wait_until_reachable(bootstrap_servers: str) -> None:
    """Return once one of the servers, host:port[,host:port], takes a connection.

    Faust ends a worker that finds no broker. One that waits has all of its start behind it when the broker is back.
    """
    servers = [server.strip() for server in bootstrap_servers.split(",")]
    if any(map(_is_reachable, servers)):
        return
    log.warning("waiting for the log at %s", bootstrap_servers)
    while not any(map(_is_reachable, servers)):
        time.sleep(_TRY_EVERY)


def _is_reachable(server: str) -> bool:
    host, _, port = server.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_WITHIN).close()
    except OSError:
        return False
    return True
