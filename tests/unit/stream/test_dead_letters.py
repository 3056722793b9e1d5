"""Dead letters: told once each, and sent again once each, whatever was cut short."""

from __future__ import annotations

import pytest

from stream.dead_letters import REDRIVE_KEY, ContentGone, DeadLetters, Letter, Origin, Redriven
from stream.partition import LONGEST_LETTER
from stream.records import DeadLetter, encode
from stream.topics import DEAD_LETTERS, USAGE
from tests.unit.stream.history import MemoryLog

PLACE = Origin(0, 1)


@pytest.fixture
def log() -> MemoryLog:
    """`usage` with a good record and a bad one, and the letter of the bad one."""
    made = MemoryLog()
    made.topic(USAGE).append(b"good")
    bury(made, b"bad")
    return made


def bury(log: MemoryLog, value: bytes) -> None:
    offset = log.topic(USAGE).append(value, b"key")
    letter = DeadLetter(USAGE, 0, offset, "it is bad", b"key", value[:LONGEST_LETTER])
    log.topic(DEAD_LETTERS).append(encode(letter))


async def letter_of(log: MemoryLog, origin: Origin = PLACE) -> Letter:
    return (await DeadLetters(log, log).all())[origin]


async def redrive(log: MemoryLog) -> Redriven:
    return await DeadLetters(log, log).redrive(await letter_of(log))


async def test_a_letter_says_where_it_is_from_and_why_it_is_there(log: MemoryLog) -> None:
    letter = await letter_of(log)
    assert (letter.origin, letter.reason, letter.size, letter.landed) == (PLACE, "it is bad", 3, None)
    assert await DeadLetters(log, log).content(letter) == (b"key", b"bad")


async def test_a_letter_that_a_restarted_worker_wrote_again_is_one(log: MemoryLog) -> None:
    log.topic(DEAD_LETTERS).append(log.topic(DEAD_LETTERS).records[0].value)
    assert len(await DeadLetters(log, log).all()) == 1
    assert (await letter_of(log)).times == 2


async def test_a_record_that_is_sent_again_is_the_same_and_names_its_origin(log: MemoryLog) -> None:
    assert await redrive(log) == Redriven(2, before=False)
    sent = log.topic(USAGE).records[2]
    assert (sent.key, sent.value, sent.headers) == (b"key", b"bad", (("redriven-from", b"0-1"),))
    assert (await letter_of(log)).landed == 2


async def test_none_is_sent_twice(log: MemoryLog) -> None:
    await redrive(log)
    assert await redrive(log) == Redriven(2, before=True)
    assert len(log.topic(USAGE).records) == 3


async def test_one_that_was_cut_short_after_sending_is_not_sent_again(log: MemoryLog) -> None:
    await redrive(log)
    log.topic(DEAD_LETTERS).records.pop()  # it died before it could note the record's place
    assert (await letter_of(log)).landed is None
    assert await redrive(log) == Redriven(2, before=True)
    assert (await letter_of(log)).landed == 2
    assert len(log.topic(USAGE).records) == 3


async def test_one_that_was_cut_short_before_sending_is_sent(log: MemoryLog) -> None:
    await redrive(log)
    log.topic(DEAD_LETTERS).records.pop()
    log.topic(USAGE).records.pop()
    assert await redrive(log) == Redriven(2, before=False)
    assert log.topic(USAGE).records[2].value == b"bad"


async def test_what_usage_no_longer_has_is_taken_from_the_letter(log: MemoryLog) -> None:
    log.topic(USAGE).start = 2
    await redrive(log)
    assert log.topic(USAGE).records[2].value == b"bad"


async def test_what_is_gone_is_not_sent_in_part(log: MemoryLog) -> None:
    bury(log, b"x" * (LONGEST_LETTER + 1))
    log.topic(USAGE).start = 3
    with pytest.raises(ContentGone, match="0-2"):
        await DeadLetters(log, log).redrive(await letter_of(log, Origin(0, 2)))
    assert len(log.topic(USAGE).records) == 3
    assert all(record.key != REDRIVE_KEY for record in log.topic(DEAD_LETTERS).records)


async def test_a_large_record_is_sent_whole_while_usage_has_it(log: MemoryLog) -> None:
    bury(log, b"x" * (LONGEST_LETTER + 1))
    await DeadLetters(log, log).redrive(await letter_of(log, Origin(0, 2)))
    assert len(log.topic(USAGE).records[3].value or b"") == LONGEST_LETTER + 1


@pytest.mark.parametrize("text", ["", "3", "3-", "-3", "a-b", "3-4-5"])
def test_a_place_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no place"):
        Origin.parse(text)
