"""The process that tries rules: `python -m catalog.rule_worker`, frames on its standard input, lines on its output.

A rule is a program of someone else's. One that takes too much time or memory ends this process, by the kernel's own
limits, and nothing else: `catalog.rule_process` starts another.
"""

from __future__ import annotations

import resource
import signal
import sys
import time
from collections.abc import Iterator
from typing import BinaryIO, Final

from catalog.flag_evaluation import Verdict
from catalog.flag_rules import Rules, fault_in
from catalog.rule_messages import DONE, HEADER_SIZE, Check, Match, Request, line, read_frame

#: Seconds of processor time, so that a busy machine fails no rule.
MOST_OF_A_RULE: Final = 0.1
MOST_OF_A_REQUEST: Final = 1.0
MOST_MEMORY: Final = 512 * 1024 * 1024
_LATE: Final = Verdict(failure="not tried, as the rules before it took too long")


def main() -> None:
    """Answer until the other side closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; our end is that of our input
    limit_memory()
    serve(Rules(), sys.stdin.buffer, sys.stdout.buffer)


def limit_memory() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = MOST_MEMORY if hard == resource.RLIM_INFINITY else min(MOST_MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def serve(rules: Rules, requests: BinaryIO, answers: BinaryIO) -> None:
    while len(header := requests.read(HEADER_SIZE)) == HEADER_SIZE:
        request = read_frame(requests.read(int.from_bytes(header, "big")))
        for verdict in verdicts(rules, request):
            answers.write(line(verdict) + b"\n")
            answers.flush()  # at once: should the next rule end us, the other side knows which it was
        answers.write(DONE + b"\n")
        answers.flush()


def verdicts(rules: Rules, request: Request) -> Iterator[Verdict]:
    """One for each rule that was tried: within a list, those up to the first match."""
    match request:
        case Check():
            yield from (_checked(rule) for (rule,) in request.rules)
        case Match():
            yield from _matched(rules, request)


def _checked(rule: str) -> Verdict:
    with_limit(MOST_OF_A_REQUEST)
    fault = fault_in(rule)
    with_limit(0)
    return Verdict(matched=fault is None, failure=fault)


def _matched(rules: Rules, request: Match) -> Iterator[Verdict]:
    started = time.process_time()
    context = rules.activation(request.context)
    for of_flag in request.rules:
        for rule in of_flag:
            if time.process_time() - started > MOST_OF_A_REQUEST:
                yield _LATE
                continue
            with_limit(MOST_OF_A_RULE)
            verdict = rules.verdict(rule, context)
            with_limit(0)
            yield verdict
            if verdict.matched:
                break


def with_limit(seconds: float) -> None:
    """End this process once it used so much processor time; 0 calls it off. The library holds Python's lock meanwhile,
    so nothing but the default action of a signal comes through."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


if __name__ == "__main__":
    main()
