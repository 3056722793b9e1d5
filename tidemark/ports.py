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
    """Whether nobody listens there now."""
    try:
        bind(host, port)
    except OSError:
        return False
    return True


def bind(host: str, port: int) -> None:
    """Listen there for a moment; raises `OSError` where that can't be."""
    ((family, kind, protocol, _, address), *_) = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
