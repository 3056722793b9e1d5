"""TCP ports of this machine."""

from __future__ import annotations

import secrets
import socket
from typing import Final

#: Below every system's ephemeral ports: clients that knock at a port whose server is down might be given it themselves.
_RANGE: Final = range(20_000, 30_000)


def free_port(host: str) -> int:
    """A port that nobody listens on now."""
    while not is_free(host, port := secrets.choice(_RANGE)):
        pass
    return port


def is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True
