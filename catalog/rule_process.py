"""Rules, tried where they can do no harm: in a process of their own that is started anew when one of them ends it."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final
from weakref import WeakValueDictionary

from catalog.flag_evaluation import Verdict
from catalog.rule_messages import DONE, Check, Match, Request, frame, read_line
from metering.problems import TooManyWaiting, Unavailable

_log: Final = logging.getLogger(__name__)

_COSTLY: Final = Verdict(failure="took too much time or memory")
_NOT_TRIED_FOR: Final = 60.0
_MOST_RESTARTS: Final = 3
_ANSWERS_WITHIN: Final = 10.0
_TURN_WITHIN: Final = 10.0


class RuleProcess:
    """Tries rules in a worker process, started with the first of them; one request at a time.

    A rule that ended the worker is not tried again for its owner (an organization) for a minute, and the requests of
    one owner take one place in the queue, so that they can't keep others from their answers.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, turn_within: float = _TURN_WITHIN) -> None:
        self._clock = clock
        self._turn_within = turn_within
        self._turn = asyncio.Lock()
        self._turns_of: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._worker: Process | None = None
        self._costly: dict[tuple[str, str], float] = {}

    async def match(
        self, owner: str, context: Mapping[str, Any], rules: Sequence[Sequence[str]]
    ) -> list[list[Verdict]]:
        """For each list, the verdicts on its rules up to the first that matches.

        Raises `Unavailable`, and `TooManyWaiting` where its turn does not come in time.
        """
        if not any(rules):
            return [[] for _ in rules]
        return await self._ask(owner, Match(dict(context), [list(of_flag) for of_flag in rules]))

    async def check(self, owner: str, rules: Sequence[str]) -> list[str | None]:
        """What keeps each of the rules from being a condition; None when nothing does. Raises as `match` does."""
        if not rules:
            return []
        return [verdict.failure for (verdict,) in await self._ask(owner, Check([[rule] for rule in rules]))]

    async def close(self) -> None:
        async with self._turn:
            await self._end()

    async def _ask(self, owner: str, request: Request) -> list[list[Verdict]]:
        async with self._turn_for(owner):
            self._forgive()
            for _ in range(_MOST_RESTARTS):
                conversation = _Conversation(request, {rule for of, rule in self._costly if of == owner})
                if await self._converse(conversation):
                    return conversation.verdicts
                if (guilty := conversation.trying) is not None:
                    self._costly[owner, guilty] = self._clock()
                    _log.warning("a rule of organization %s ended the rule worker: %.200s", owner, guilty)
        raise Unavailable("The rules of feature flags can't be tried now.", headers={"Retry-After": "1"})

    @asynccontextmanager
    async def _turn_for(self, owner: str) -> AsyncIterator[None]:
        own = self._turns_of.setdefault(owner, asyncio.Lock())
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(self._turn_within):
                    await held.enter_async_context(own)
                    await held.enter_async_context(self._turn)
            except TimeoutError:
                detail = "Too many evaluations of feature flags wait for their turn."
                raise TooManyWaiting(detail, headers={"Retry-After": "1"}) from None
            yield

    def _forgive(self) -> None:
        then = self._clock() - _NOT_TRIED_FOR
        self._costly = {rule: since for rule, since in self._costly.items() if since > then}

    async def _converse(self, conversation: _Conversation) -> bool:
        """Whether the worker lived to the end of it; else it is gone."""
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN):
                await conversation.hold(await self._living())
        except (OSError, EOFError, TimeoutError):
            await self._end()
            return False
        except BaseException:
            await self._end()  # a caller that left took its turn with it: the answers are nobody's
            raise
        return True

    async def _living(self) -> Process:
        if self._worker is None or self._worker.returncode is not None:
            self._worker = await _start()
        return self._worker

    async def _end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None and worker.returncode is None:
            worker.kill()
        if worker is not None:
            await worker.wait()


class _Conversation:
    """One request and what came of it so far. Rules in `costly` are not sent, and have their verdict."""

    def __init__(self, request: Request, costly: Collection[str]) -> None:
        self._request = request
        self._costly = costly
        self.verdicts: list[list[Verdict]] = []
        self.trying: str | None = None

    async def hold(self, worker: Process) -> None:
        """Raises `OSError` or `EOFError` when the worker ended; then `trying` is the rule that it did not survive."""
        assert worker.stdin is not None
        assert worker.stdout is not None
        self.verdicts, self.trying = [], None
        worker.stdin.write(frame(self._sent()))
        for rules in self._request.rules:
            self.verdicts.append([])
            for rule in rules:
                verdict = _COSTLY if rule in self._costly else await self._read(worker.stdout, rule)
                self.verdicts[-1].append(verdict)
                if verdict.matched:
                    break
        self.trying = None
        if await _line(worker.stdout) != DONE:
            raise EOFError

    def _sent(self) -> Request:
        rules = [[rule for rule in rules if rule not in self._costly] for rules in self._request.rules]
        match self._request:
            case Match(context):
                return Match(context, rules)
            case Check():
                return Check([one for one in rules if one])

    async def _read(self, answers: asyncio.StreamReader, rule: str) -> Verdict:
        self.trying = rule
        return read_line(await _line(answers))


async def _start() -> Process:
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "catalog.rule_worker", stdin=PIPE, stdout=PIPE)


async def _line(answers: asyncio.StreamReader) -> bytes:
    """Raises `EOFError` (`IncompleteReadError`) when the worker ended."""
    return (await answers.readuntil(b"\n"))[:-1]
