"""Everything that an operator can set, each by an environment variable: `TIDEMARK_` and the name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from tidemark.failures import CannotRun

Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]


class Settings(BaseSettings):
    """The settings of one process; everything unset runs embedded, under `data`."""

    model_config = SettingsConfigDict(env_prefix="TIDEMARK_", env_ignore_empty=True, frozen=True)

    host: str = Field(default="127.0.0.1", description="Address that the HTTP process listens on.")
    port: int = Field(default=8080, ge=1, le=65_535, description="Port that the HTTP process listens on.")
    data: Path = Field(default=Path(".tidemark"), description="Directory of everything that is stored.")
    token: SecretStr | None = Field(
        default=None, min_length=24, description="The first token, with every scope; made when unset."
    )

    kafka: str | None = Field(default=None, description="Bootstrap servers, host:port[,host:port]; unset: embedded.")
    clickhouse: str | None = Field(default=None, description="http://user:password@host:port/database; unset: chDB.")
    catalog: str | None = Field(default=None, description="postgresql://… or sqlite:///…; unset: SQLite.")
    replication: Count = Field(default=1, description="Copies of each topic that `migrate` creates.")

    partitions: Count = Field(
        default=8, description="Partitions that the meters are spread over; fixed once there is data."
    )
    workers: Count = Field(default=1, description="Stream workers that `up` starts.")
    answer_timeout: Seconds = Field(
        default=5.0, le=300, description="Seconds that a report waits for its decision before a 503."
    )
    most_late_hours: float = Field(
        default=24, ge=0, le=8_784, description="How late a report still counts in the period before."
    )
    transaction_days: Count = Field(default=35, le=3_660, description="Days that a transaction id is remembered.")
    largest_body: Count = Field(default=1 << 20, description="Bytes of the largest request body that is read.")

    rate_limit: float | None = Field(
        default=None, gt=0, le=1_000_000, description="Requests a second of each token, on each process; unset: any."
    )

    skip_lost_decisions: bool = Field(
        default=False,
        description="Go on behind decisions that the log no longer has, and leave them out of the audit trail.",
    )

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="The least that is logged."
    )
    log_file: Path | None = Field(default=None, description="Where to log, in rotation; unset: to standard error.")

    @property
    def kafka_servers(self) -> str:
        """The log's bootstrap servers; `up` sets them for its children. Raises `CannotRun` where nobody did."""
        if self.kafka is None:
            raise CannotRun("TIDEMARK_KAFKA is not set: a part on its own needs to be told where the log is.")
        return self.kafka

    @property
    def catalog_url(self) -> str:
        return self.catalog or f"sqlite+aiosqlite:///{self.catalog_file}"

    @property
    def catalog_file(self) -> Path:
        """The embedded catalog."""
        return self.data.absolute() / "catalog.db"

    @property
    def clickhouse_dsn(self) -> str:
        return self.clickhouse or f"chdb:///{self.data.absolute() / 'clickhouse'}"

    @property
    def trail_socket(self) -> Path:
        """Where the process that holds the embedded audit trail answers others on this machine."""
        return self.data.absolute() / "trail.sock"

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"
