"""What is looked at before anything starts, so that what is wrong is said in words and not by a part that dies."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from tidemark.failures import CannotRun, DataHeld, DiskFull, PortTaken
from tidemark.ports import bind
from tidemark.settings import Settings

_LEAST_FREE: Final = 512 << 20


@contextmanager
def holding(data: Path) -> Iterator[None]:
    """Hold the data directory alone; the lock ends with the process. Raises `DataHeld`."""
    make_directory(data)
    with _opened(data / "held-by") as lock:
        _lock(lock, data)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _opened(file: Path) -> IO[str]:
    try:
        return file.open("a+")
    except OSError as error:
        raise CannotRun(
            f"{file} can't be written: {error.strerror}. Set TIDEMARK_DATA to another directory."
        ) from error


def _lock(lock: IO[str], data: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        raise DataHeld(
            f"Another instance, process {lock.read() or 'unknown'}, holds {data}. "
            "Stop it, or set TIDEMARK_DATA to another directory."
        ) from None


def make_directory(data: Path) -> None:
    """Raises `CannotRun` where it can't be made."""
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotRun(f"{data} can't be made: {error.strerror}. Set TIDEMARK_DATA to another directory.") from error


def check_port(host: str, port: int) -> None:
    """Raises `PortTaken`, or `CannotRun` where nobody could listen."""
    try:
        bind(host, port)
    except socket.gaierror as error:
        raise CannotRun(f"{host} is no address of this machine: {error.strerror}. Set TIDEMARK_HOST.") from error
    except OSError as error:
        raise _in_words(host, port, error) from error


def _in_words(host: str, port: int, error: OSError) -> CannotRun:
    match error.errno:
        case errno.EADDRINUSE:
            return PortTaken(f"Port {port} on {host} is taken. Set TIDEMARK_PORT to a free one.")
        case errno.EACCES:
            return CannotRun(f"Port {port} may not be used without privileges. Set TIDEMARK_PORT to one from 1024 up.")
        case errno.EADDRNOTAVAIL:
            return CannotRun(f"{host} is no address of this machine. Set TIDEMARK_HOST to one that it has.")
        case _:
            return CannotRun(f"Nothing can listen on {host}, port {port}: {error.strerror}.")


def check_catalog(settings: Settings) -> None:
    """Raises `CannotRun` where the embedded catalog is not there yet: opened, an empty one would be."""
    if settings.catalog is None and not settings.catalog_file.exists():
        raise CannotRun(
            f"There is no catalog under {settings.data}. Set TIDEMARK_DATA or TIDEMARK_CATALOG to where it is; "
            "`tidemark up` or `tidemark migrate` makes one."
        )


def check_disk(data: Path) -> None:
    """Raises `DiskFull` where less is free than a log needs to go on."""
    free = shutil.disk_usage(data).free
    if free < _LEAST_FREE:
        raise DiskFull(
            f"The disk of {data} has {free >> 20} MB free; at least {_LEAST_FREE >> 20} MB are needed. "
            "Make room, or set TIDEMARK_DATA to another disk."
        )
