"""A replay: each row once, with an id that is the same at every run, retried until it is answered."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from tidemark import replay
from tidemark.failures import CannotRun
from tidemark.replay import Replay
from tidemark.tally import Outcome, outcome_of
from tidemark.trace import Trace, body_of, moment_of, number_of

PATH = "/instances/acme/entitlements/tokens/usage"


@pytest.fixture
def trace(tmp_path: Path) -> Trace:
    file = tmp_path / "trace.csv"
    file.write_text("TIMESTAMP,Tokens\n2023-11-16 18:17:03.9799600,0.10\n2023-11-16 18:17:04,20\n")
    return Trace(file, "Tokens", "TIMESTAMP")


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "_pause", lambda _: 0.0)


class Service:
    """Answers as told, one answer a request, then accepts; keeps what it was sent."""

    def __init__(self, *answers: httpx.Response | httpx.TransportError) -> None:
        self.answers = list(answers)
        self.bodies: list[dict[str, object]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, content=b'{"value":{"type":"number","event_count":2,"value":20.10}}')
        self.bodies.append(json.loads(request.content, parse_float=str))
        answer = self.answers.pop(0) if self.answers else httpx.Response(200)
        if isinstance(answer, httpx.TransportError):
            raise answer
        return answer


async def replayed(service: Service, trace: Trace, concurrency: int = 1) -> Replay:
    async with httpx.AsyncClient(transport=httpx.MockTransport(service), base_url="http://tidemark") as client:
        replaying = Replay(client, PATH, trace, lambda: None)
        await replaying.run(concurrency)
        assert f"{await replaying.final_value():f}" == "20.10"
    return replaying


async def test_every_row_is_reported_once_and_in_order(trace: Trace) -> None:
    service = Service()
    replaying = await replayed(service, trace)
    assert [body["value"] for body in service.bodies] == [
        {"type": "number", "value": "0.1"},
        {"type": "number", "value": 20},
    ]
    assert (replaying.tally.accepted, replaying.tally.rejected, replaying.tally.failed) == (2, 0, 0)
    assert replaying.tally.rate > 0


async def test_a_second_run_reports_under_the_same_transaction_ids(trace: Trace) -> None:
    first, second = Service(), Service()
    await replayed(first, trace)
    await replayed(second, trace, concurrency=8)
    ids = {str(body["transactionId"]) for body in first.bodies}
    assert len(ids) == 2
    assert ids == {str(body["transactionId"]) for body in second.bodies}


def test_another_column_of_the_same_file_is_another_trace(trace: Trace) -> None:
    assert trace.fingerprint() != Trace(trace.file, "TIMESTAMP").fingerprint()


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(503, headers={"Retry-After": "1"}),
        httpx.Response(429, headers={"Retry-After": "1"}),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("no answer"),
    ],
)
async def test_a_row_without_an_answer_is_asked_again_under_its_own_id(
    trace: Trace, answer: httpx.Response | httpx.TransportError
) -> None:
    service = Service(answer)
    replaying = await replayed(service, trace)
    assert replaying.tally.accepted == 2
    assert service.bodies[0] == service.bodies[1]


async def test_a_row_that_is_no_number_fails_alone_and_says_which(tmp_path: Path) -> None:
    file = tmp_path / "trace.csv"
    file.write_text("Tokens\n1\nmany\n3\n")
    replaying = await replayed(Service(), Trace(file, "Tokens"))
    assert (replaying.tally.accepted, replaying.tally.failed) == (2, 1)
    assert replaying.tally.reasons[0].startswith("row 2: ")


async def test_a_short_row_fails_alone(tmp_path: Path) -> None:
    file = tmp_path / "trace.csv"
    file.write_text("At,Tokens\n1,1\n2\n")
    replaying = await replayed(Service(), Trace(file, "Tokens"))
    assert (replaying.tally.accepted, replaying.tally.failed) == (1, 1)


def test_a_missing_column_names_those_that_there_are(trace: Trace) -> None:
    with pytest.raises(CannotRun, match=r"no column 'Words'; it has TIMESTAMP, Tokens"):
        next(Trace(trace.file, "Words").rows())


def test_the_reported_number_is_as_exact_as_the_file(trace: Trace) -> None:
    body = body_of({"Tokens": "12345678901234567890.123456789012", "TIMESTAMP": "2023-11-16"}, trace, "id")
    assert b'"value":12345678901234567890.123456789012}' in body


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2023-11-16 18:17:03.9799600", datetime(2023, 11, 16, 18, 17, 3, 979960, UTC)),
        ("2023-11-16T18:17:03Z", datetime(2023, 11, 16, 18, 17, 3, tzinfo=UTC)),
        (" 2023-11-16T20:17:03+02:00 ", datetime(2023, 11, 16, 18, 17, 3, tzinfo=UTC)),
    ],
)
def test_a_moment_without_a_zone_is_utc(text: str, moment: datetime) -> None:
    assert moment_of(text) == moment


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (200, "", Outcome.ACCEPTED),
        (409, "ReportEntitlementUsageMetric.ThresholdExceeded", Outcome.REJECTED),
        (403, "ReportEntitlementUsageMetric.LicenseInactive", Outcome.REJECTED),
        (409, "ReportEntitlementUsageMetric.TransactionIdReused", Outcome.FAILED),
        (403, "ReportEntitlementUsageMetric.MissingScope", Outcome.FAILED),
        (404, "ReportEntitlementUsageMetric.InstanceNotFound", Outcome.FAILED),
    ],
)
def test_only_a_decision_against_the_report_is_a_rejection(status: int, code: str, outcome: Outcome) -> None:
    assert outcome_of(httpx.Response(status, json={"code": code})) is outcome


@pytest.mark.parametrize("text", ["1e20000000", "1e999999999", "1_0", "١", "NaN", "", "0x10", "1" * 40])
def test_what_a_spreadsheet_would_not_take_for_a_number_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"number|digits"):
        number_of(text)


def test_a_file_that_is_not_utf_8_is_said_to_be_none(tmp_path: Path) -> None:
    file = tmp_path / "trace.csv"
    file.write_bytes("Tokens\n1\n".encode("utf-16"))
    with pytest.raises(CannotRun, match="UTF-8"):
        list(Trace(file, "Tokens").rows())
