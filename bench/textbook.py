"""The peer: the same rules in Faust as its documentation would have you write them.

One record a report, a table, a send for each decision; RocksDB. The codec is msgspec's, faster than Faust's own.
`python -m bench.textbook SERVERS FOLDER` decides the topic `reports` until ended.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any, Final

import faust
import msgspec

from bench.work import PARTITIONS
from metering.balance import NEW_BALANCE, Balance, Place
from metering.command import Report
from metering.decision import decide
from metering.grant import Grant

REPORTS: Final = "reports"
VERDICTS: Final = "verdicts"
CHANGELOG: Final = "textbook-balances-changelog"

encode: Final = msgspec.msgpack.Encoder().encode
_decode_report: Final = msgspec.msgpack.Decoder(tuple[Grant, Report]).decode
_decode_balance: Final = msgspec.msgpack.Decoder(Balance).decode


def build_app(servers: str, folder: Path) -> faust.App:
    app = faust.App(
        "textbook",
        broker=f"kafka://{servers}",
        store="rocksdb://",
        datadir=folder,
        topic_partitions=PARTITIONS,
        topic_allow_declare=False,
        topic_disable_leader=True,
        key_serializer="raw",
        value_serializer="raw",
        web_enabled=False,
    )
    reports = app.topic(REPORTS, key_type=bytes, value_type=bytes)
    verdicts = app.topic(VERDICTS, key_type=bytes, value_type=bytes)
    balances = app.Table("balances", key_type=bytes, value_type=bytes, partitions=PARTITIONS)

    @app.agent(reports)
    async def decide_reports(stream: Any) -> None:
        async for event in stream.events():
            meter, message = event.key, event.message
            grant, report = _decode_report(event.value)
            stored = balances.get(meter)
            balance = NEW_BALANCE if stored is None else _decode_balance(stored)
            balance, verdict = decide(balance, report, grant, Place(message.offset, 0))
            balances[meter] = encode(balance)
            await verdicts.send(key=meter, value=encode(verdict))

    return app


if __name__ == "__main__":
    app = build_app(sys.argv[1], Path(sys.argv[2]))
    for name in ("faust", "mode", "aiokafka"):
        logging.getLogger(name).setLevel(logging.WARNING)  # else each record's debug lines are made, and thrown away
    faust.Worker(app, loglevel="WARNING").execute_from_commandline()
