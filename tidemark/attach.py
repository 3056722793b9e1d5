"""What a command needs of the running system: its log and its audit trail, or its data where nothing runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from clickhouse_connect.driver.exceptions import ClickHouseError

from sql.clickhouse import ClickHouse, open_clickhouse
from sql.socket import ClickHouseSocket
from tidemark.failures import CannotRun, DataHeld
from tidemark.kafka import EmbeddedKafka, last_servers
from tidemark.preflight import holding
from tidemark.settings import Settings

Say = Callable[[str], None]
Asked = ClickHouse | ClickHouseSocket


@contextmanager
def attached_log(settings: Settings, say: Say) -> Iterator[str]:
    """The bootstrap servers of the log: the one that is set, the embedded one that runs, or, where nothing runs, the
    embedded one started for the length of the block. Raises `CannotRun`.
    """
    if settings.kafka is not None:
        yield settings.kafka
        return
    directory = settings.data / "kafka"
    if not directory.exists():
        raise CannotRun(f"There is no log under {settings.data}. Set TIDEMARK_DATA or TIDEMARK_KAFKA to where it is.")
    with ExitStack() as stack:
        if not _hold(settings.data, stack):
            yield last_servers(directory)
            return
        kafka = EmbeddedKafka(directory, progress=say)
        stack.callback(kafka.stop)
        kafka.start()
        yield kafka.bootstrap_servers


def _hold(data: Path, stack: ExitStack) -> bool:
    """Whether nobody held the data, and we do now."""
    try:
        stack.enter_context(holding(data))
    except DataHeld:
        return False
    return True


@asynccontextmanager
async def attached_trail(settings: Settings) -> AsyncIterator[Asked]:
    """The audit trail: the server that is set; else the process that holds the embedded one's data, asked through its
    socket; else that data itself. Raises `CannotRun`.
    """
    trail = await _open_trail(settings)
    try:
        yield trail
    finally:
        await trail.close()


async def _open_trail(settings: Settings) -> Asked:
    if settings.clickhouse is None:
        try:
            return await ClickHouseSocket.open(settings.trail_socket)
        except OSError:
            _ensure_there(settings.data / "clickhouse")
    try:
        return open_clickhouse(settings.clickhouse_dsn)
    except ClickHouseError as error:
        raise CannotRun(f"The audit trail can't be read: {error}") from error


def _ensure_there(directory: Path) -> None:
    """The engine would make an empty one."""
    if not directory.exists():
        raise CannotRun(f"There is no audit trail under {directory}.")
