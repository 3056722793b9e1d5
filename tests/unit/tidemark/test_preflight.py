"""What is wrong before a start is said in words, with what to do about it."""

from __future__ import annotations

import errno
import os
import shutil
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from tidemark import preflight
from tidemark.failures import CannotRun, DataHeld, DiskFull, PortTaken


def test_a_second_instance_is_told_who_holds_the_data(tmp_path: Path) -> None:
    with (
        preflight.holding(tmp_path),
        pytest.raises(DataHeld, match=f"process {os.getpid()}, holds"),
        preflight.holding(tmp_path),
    ):
        pass


def test_the_data_is_free_once_its_holder_is_gone(tmp_path: Path) -> None:
    with preflight.holding(tmp_path):
        pass
    with preflight.holding(tmp_path):
        assert (tmp_path / "held-by").read_text() == str(os.getpid())


def test_a_taken_port_is_named_with_the_setting_that_changes_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"Port {port} .* TIDEMARK_PORT"):
            preflight.check_port("127.0.0.1", port)
    preflight.check_port("127.0.0.1", port)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "without privileges"),
        (OSError(errno.EADDRNOTAVAIL, "Cannot assign"), "TIDEMARK_HOST"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "TIDEMARK_HOST"),
        (OSError(errno.ENOBUFS, "No buffer space"), "No buffer space"),
    ],
)
def test_what_is_wrong_with_an_address_is_not_called_a_taken_port(
    error: OSError, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(host: str, port: int) -> None:
        raise error

    monkeypatch.setattr(preflight, "bind", refuse)
    with pytest.raises(CannotRun, match=words) as refused:
        preflight.check_port("192.0.2.1", 80)
    assert not isinstance(refused.value, PortTaken)


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100 << 20))
    with pytest.raises(DiskFull, match="has 100 MB free"):
        preflight.check_disk(tmp_path)


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotRun, match="TIDEMARK_DATA"), preflight.holding(tmp_path / "file" / "data"):
        pass
