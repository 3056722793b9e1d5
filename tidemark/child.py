"""A child process that does not outlive this one, however this one ends."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

#: Waits on a pipe that only this process holds open. Once that closes, without a word, the child's group is killed.
#: A shell does it on every Unix, in a megabyte; PR_SET_PDEATHSIG is Linux's own, and fires when a *thread* ends.
_WATCH: Final = 'read -r child; read -r released || kill -KILL "-$child"'


class Child:
    """One child process in a process group of its own, so that a Ctrl-C reaches us alone and we stop it in order."""

    def __init__(
        self, command: Sequence[str], *, env: Mapping[str, str] | None = None, output: Path | None = None
    ) -> None:
        """Start `command`, in our environment and `env`; its output goes to the file `output`, else to our own."""
        self._watcher = subprocess.Popen(
            ["/bin/sh", "-c", _WATCH], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
        )
        try:
            self._process = _spawn(command, {**os.environ, **(env or {})}, output)
            self._tell(f"{self.pid}\n")
        except BaseException:
            self._release()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._process.poll()

    def is_alive(self) -> bool:
        return self.exit_code is None

    def stop(self, within: float) -> None:
        """Ask it to end, wait `within` seconds, then kill it."""
        if self._is_released():
            return
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(within)
        self.kill()

    def kill(self) -> None:
        """End it at once, with all that it started."""
        if self._is_released():
            return
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._release()

    def _tell(self, line: str) -> None:
        pipe = self._pipe
        pipe.write(line.encode())
        pipe.flush()

    def _release(self) -> None:
        """End the watcher: what it watched is gone."""
        self._watcher.kill()
        self._watcher.wait()
        self._pipe.close()

    def _is_released(self) -> bool:
        """Whether it was seen off: from then on its number may name another process."""
        return self._pipe.closed

    @property
    def _pipe(self) -> IO[bytes]:
        assert self._watcher.stdin is not None
        return self._watcher.stdin


def _spawn(command: Sequence[str], env: Mapping[str, str], output: Path | None) -> subprocess.Popen[bytes]:
    """Start it in a session of its own; the file it writes to is ours for a moment only."""
    if output is None:
        return subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, start_new_session=True)
    with output.open("wb") as file:
        return subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
        )
