"""Rules, tried in a process of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from catalog.flag_evaluation import Verdict
from catalog.rule_process import RuleProcess
from metering.problems import TooManyWaiting
from tests.clock import Clock

US = "us"
THEM = "them"
YES, NO = Verdict(matched=True), Verdict()
CONTEXT = {"region": "eu", "numbers": list(range(2_000)), "text": "a" * 10_000, "pattern": "(a|b)*c"}
SLOW = f"numbers.all(n, {' && '.join(['!text.matches(pattern)'] * 30)})"
GREEDY = "['aaaaaaaaaa']" + ".map(x, x + x + x + x + x + x + x + x)" * 12 + " == []"


@pytest.fixture
async def rules(clock: Clock) -> AsyncIterator[RuleProcess]:
    process = RuleProcess(clock)
    yield process
    await process.close()


async def test_each_list_is_tried_up_to_its_first_match(rules: RuleProcess) -> None:
    found = await rules.match(US, CONTEXT, [["region == 'us'", "true", "nope"], [], ["false"], ["nope", "true"]])
    assert found[:3] == [[NO, YES], [], [NO]]
    assert found[3][0].failure == 'No value with name "nope" found in Activation'
    assert found[3][1] == YES


async def test_rules_are_checked_there_too(rules: RuleProcess) -> None:
    assert await rules.check(US, []) == []
    right, wrong = await rules.check(US, ["region == 'eu'", "region =="])
    assert right is None
    assert wrong is not None
    assert "line 1, column 10" in wrong


@pytest.mark.parametrize("costly", [SLOW, GREEDY], ids=["slow", "greedy"])
async def test_a_rule_that_takes_too_much_fails_alone_and_is_left_alone_for_a_minute(
    rules: RuleProcess, clock: Clock, costly: str
) -> None:
    for _ in range(2):
        found = await rules.match(US, CONTEXT, [["region == 'eu'"], ["false", costly, "true"]])
        assert found == [[YES], [NO, Verdict(failure="took too much time or memory"), YES]]
    assert rules._costly == {(US, costly): 0.0}
    clock.now = 61.0
    assert await rules.match(US, CONTEXT, [["true"]]) == [[YES]]
    assert rules._costly == {}


async def test_callers_at_once_get_their_own_answers(rules: RuleProcess) -> None:
    asked = [rules.match(US, {"n": number}, [[f"n == {number}"], ["n < 25"]]) for number in range(50)]
    for number, found in enumerate(await asyncio.gather(*asked)):
        assert found == [[YES], [YES if number < 25 else NO]]


async def test_the_requests_of_one_owner_delay_those_of_another_by_one(rules: RuleProcess) -> None:
    answered: list[str] = []

    async def ask(owner: str) -> None:
        await rules.match(owner, CONTEXT, [["true"]])
        answered.append(owner)

    await asyncio.gather(*(ask(US) for _ in range(10)), ask(THEM))
    assert answered.index(THEM) <= 1


async def test_whose_turn_does_not_come_in_time_is_told_to_come_back() -> None:
    impatient = RuleProcess(turn_within=0.05)
    await impatient._turn.acquire()
    with pytest.raises(TooManyWaiting) as refused:
        await impatient.match(US, CONTEXT, [["true"]])
    assert refused.value.headers == {"Retry-After": "1"}
    impatient._turn.release()
    assert await impatient.match(US, CONTEXT, [["true"]]) == [[YES]]
    await impatient.close()


async def test_a_caller_that_leaves_takes_no_answer_of_the_next(rules: RuleProcess) -> None:
    await rules.match(US, CONTEXT, [["true"]])
    leaving = asyncio.create_task(rules.match(US, CONTEXT, [["false"]] * 500))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert await rules.match(US, CONTEXT, [["true"]]) == [[YES]]


async def test_a_worker_that_died_is_started_again(rules: RuleProcess) -> None:
    assert await rules.match(US, CONTEXT, [["true"]]) == [[YES]]
    assert rules._worker is not None
    rules._worker.kill()
    await rules._worker.wait()
    assert await rules.match(US, CONTEXT, [["true"], ["false"]]) == [[YES], [NO]]


async def test_closing_ends_the_worker(rules: RuleProcess) -> None:
    await rules.match(US, CONTEXT, [["true"]])
    worker = rules._worker
    await rules.close()
    assert worker is not None
    assert worker.returncode is not None
