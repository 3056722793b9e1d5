"""HTTP/1.1 as this process speaks it: uvicorn's, where it answers as it should."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from api.problems import answer
from metering.problems import BadRequest, HeadersTooLarge, Problem, RequestTimeout

_LARGEST_HEAD: Final = 64 * 1024
#: How long a request whose body is under way may hold up a stop.
_BODY_WITHIN: Final = 1.0
#: How long a new connection may leave its first request out, and any request may take from its begin to its end.
_RECEIVED_WITHIN: Final = 60.0
#: How long a client may take nothing of an answer that waits for it.
_TAKEN_WITHIN: Final = 30.0

log: Final = logging.getLogger(__name__)


class HttpProtocol(HttpToolsProtocol):
    """What no parser understands is told as a problem document, and what never ends is not waited for.

    Nor is a client that takes nothing of its answer: it is cut off, and finds that its answer has no end.

    `Upgrade` is ignored, as RFC 9110 (7.8) leaves a server free to do. The parser skips the body of a request that has
    it, and Java's HttpClient sends `Upgrade: h2c` with everything: so such a request is parsed again without it.
    """

    _head_size = 0
    _head_is_complete = True
    #: Since when the rest of a request is awaited, in the loop's time.
    _awaits_since: float | None = None
    _was_asked = False
    _watch: asyncio.TimerHandle
    #: Bytes of an answer that the client did not take when it was looked at last.
    _untaken = 0
    _looking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._awaits_since = self.loop.time()
        self._watch_again()

    def connection_lost(self, exc: Exception | None) -> None:
        self._watch.cancel()
        self._look_no_more()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._look_later()

    def resume_writing(self) -> None:
        self._look_no_more()
        super().resume_writing()

    def _look_later(self) -> None:
        self._untaken = self.transport.get_write_buffer_size()
        self._looking = self.loop.call_later(_TAKEN_WITHIN, self._look)

    def _look_no_more(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

    def _look(self) -> None:
        if self.transport.get_write_buffer_size() < self._untaken:
            self._look_later()
            return
        log.info("%s took nothing of %s for %g s and is cut off", self.client, self.scope["path"], _TAKEN_WITHIN)
        self.transport.abort()  # closing would wait for it to take the rest

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on_without_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(BadRequest("This is no HTTP/1.1 request."))
        else:
            self._ensure_small_head(len(data))

    def shutdown(self) -> None:
        """Let what has been received be answered; who never sends the rest of its body is not waited for."""
        super().shutdown()
        if self._awaits_body():
            self.loop.call_later(_BODY_WITHIN, self._hang_up)

    def _hang_up(self) -> None:
        if self._awaits_body():
            self.transport.abort()

    def _awaits_body(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn does not say that it may be None
        return cycle is not None and cycle.more_body and not cycle.response_complete

    def on_message_begin(self) -> None:
        self._head_is_complete, self._head_size = False, 0
        self._was_asked, self._awaits_since = True, self.loop.time()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head_is_complete = True
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._awaits_since = None
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _go_on_without_upgrade(self, rest: bytes) -> None:
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        if method == b"CONNECT":
            self._refuse(BadRequest("This is no proxy."))
            return
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        kept = ((name, value) for name, value in self.headers if name != b"upgrade")
        lines = (name + b": " + value for name, value in kept)
        head = b"\r\n".join((method + b" " + self.url + b" HTTP/" + version, *lines, b"", b""))
        self.data_received(head + rest)

    def _ensure_small_head(self, received: int) -> None:
        if self._head_is_complete:
            return
        self._head_size += received
        if self._head_size > _LARGEST_HEAD:
            self._refuse(HeadersTooLarge(f"The request's head is larger than {_LARGEST_HEAD} bytes."))

    def _watch_again(self) -> None:
        self._watch = self.loop.call_later(_RECEIVED_WITHIN, self._ensure_in_time)

    def _ensure_in_time(self) -> None:
        """One look now and then, for a timer of each request would cost more than the request's way through here."""
        since, is_ours = self._awaits_since, self.flow.read_paused
        if self.transport.is_closing():
            return
        if since is None or is_ours or self.loop.time() - since < _RECEIVED_WITHIN:
            self._watch_again()
        elif not self._was_asked:
            self.transport.close()
        else:
            self._refuse(RequestTimeout(f"The request was not there whole within {_RECEIVED_WITHIN:g} seconds."))

    def _refuse(self, problem: Problem) -> None:
        """Answer with the problem and hang up; where other answers are due, it would be taken for one of them."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete or (cycle.more_body and not self._is_answering(cycle)):
            self._write(problem)
            self.transport.close()
        elif cycle.more_body:
            self.transport.close()
        else:
            cycle.keep_alive = False

    def _is_answering(self, cycle: RequestResponseCycle) -> bool:
        return bool(cycle.response_started or self.pipeline)

    def _write(self, problem: Problem) -> None:
        response = answer(problem)
        headers = (*self.server_state.default_headers, *response.raw_headers, (b"connection", b"close"))
        lines = (name + b": " + value + b"\r\n" for name, value in headers)
        self.transport.write(b"".join((STATUS_LINE[problem.status], *lines, b"\r\n", bytes(response.body))))
