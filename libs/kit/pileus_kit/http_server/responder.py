"""Answers a whole request: gunicorn parses it, the application answers it, within its owner's share of the threads."""

import logging
import threading
import time
from collections.abc import Callable, Hashable
from http import HTTPStatus
from typing import Any

import msgspec
from gunicorn import http
from gunicorn.http import wsgi
from gunicorn.http.errors import (
    ExpectationFailed,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
    UnsupportedTransferCoding,
)

from pileus_kit import context
from pileus_kit.http_server.connections import Connection, State
from pileus_kit.http_server.event_loop import EventLoop
from pileus_kit.http_server.fair_shares import FairShares, TooManyWaiting
from pileus_kit.http_server.framing import split_underscored, with_ascii_line
from pileus_kit.http_server.limits import MAX_UNSENT_BYTES, Limits
from pileus_kit.http_server.load_monitor import LoadMonitor
from pileus_kit.http_server.sockets import WOULD_BLOCK, BodyInput
from pileus_kit.http_server.thread_pool import ThreadPool

log = logging.getLogger(__name__)

STATUSES: dict[type[Exception], int] = {
    LimitRequestLine: 414,
    LimitRequestHeaders: 431,
    ExpectationFailed: 417,
    UnsupportedTransferCoding: 501,
}
MAX_DRAINED_BYTES = 64 << 10
"""A connection is kept if the application left at most so much of a body unread."""
MAX_REFUSAL_CHARACTERS = 400
HEALTH_PATH = "/healthcheck"
ErrorBody = Callable[[int, str], tuple[bytes, str]]
"""(status, sentence) -> body and content type, in the application's shape."""


class Responder:
    """What the threads of the pool do with whole requests."""

    def __init__(
        self,
        limits: Limits,
        gunicorn_config: Any,
        application: Any,
        gunicorn_log: Any,
        request_process: Callable[[], None] | None = None,
    ) -> None:
        """`request_process` asks for another API process; None: there may be none."""
        self._config, self._application, self._log = _Settled(gunicorn_config), application, gunicorn_log
        self.event_loop = EventLoop(limits, self.respond, self.refuse)
        self.pool = ThreadPool(limits.threads, limits.slow_transfers, self.event_loop.handle_event)
        self._load = LoadMonitor(request_process)
        self._shares: FairShares[Connection] = FairShares(limits.max_threads_per_owner, limits.max_waiting_per_owner)

    # -- a request's way -------------------------------------------------------------------------------------------

    def respond(self, connection: Connection) -> Connection | None:
        """Parse and answer the request that has arrived, or queue it until its owner's share has room.

        Returns the owner's next connection that was queued; the caller goes on with it.
        """
        if connection.request is None and not (self._parse(connection) and self._admit(connection)):
            return None
        thread, began = threading.get_ident(), time.monotonic()
        self.pool.busy_since[thread] = began
        try:
            return self._answer(connection)
        finally:
            self.pool.busy_since.pop(thread, None)
            self._load.count(time.monotonic() - began)

    def _parse(self, connection: Connection) -> bool:
        """Run gunicorn's parser on what has arrived. A malformed request is answered, and the connection ends."""
        sock = connection.socket
        if connection.parser is None:
            connection.parser = http.get_parser(self._config, sock, connection.peer)
        connection.parser.unreader.unread(with_ascii_line(bytes(connection.received)))
        connection.received = bytearray()
        sock.forbid_waiting()
        try:
            connection.request = next(connection.parser)
        except StopIteration:
            self.event_loop.close(connection)
        except WOULD_BLOCK:
            self.refuse(connection, 400, "The request is malformed.")
        except http.errors.NoMoreData:
            self.event_loop.close(connection)
        except ParseException as err:
            status = next((s for kind, s in STATUSES.items() if isinstance(err, kind)), 400)
            self.refuse(connection, status, str(err)[:MAX_REFUSAL_CHARACTERS])
        if connection.request is not None:
            request = connection.request
            request.headers, request.underscored = split_underscored(request.headers)
        if connection.request is not None and not isinstance(connection.peer, tuple):
            connection.client = (_header(connection, "X-FORWARDED-FOR"), 0)
            if root := connection.request.underscored.pop("script_name", ""):  # our own proxy's word, not a client's
                connection.request.headers.append(("SCRIPT_NAME", root))
        return connection.request is not None and not self._fails_health_check(connection)

    def _fails_health_check(self, connection: Connection) -> bool:
        """Answer a balancer that asks whether it may send more to a process that is about to end."""
        if self.event_loop.is_draining and connection.request.path == HEALTH_PATH:
            self.refuse(connection, 503, "This process is about to end.")
            return True
        return False

    def _admit(self, connection: Connection) -> bool:
        """Whether the owner's share has room for the request. Otherwise it is queued, and the thread that next leaves
        the share resumes it."""
        connection.owner = self._shares.owner(_token(connection), connection.client[0])
        connection.state = State.QUEUED  # before `enter`, after which another thread may resume it
        try:
            is_admitted = self._shares.enter(connection.owner, connection)
        except TooManyWaiting:
            connection.state = State.BUSY
            self.refuse(connection, 429, "Too many requests at the same time.")
            return False
        if is_admitted:
            connection.state = State.BUSY
        return is_admitted

    def _answer(self, connection: Connection) -> Connection | None:
        slot = _Slot(self, connection.owner)
        following: Connection | None = None
        connection.socket.begin_request(slot.before_wait)
        try:
            connection.keep_alive = self._call_application(connection)
            following = slot.leave()
            self._drain(connection)
            if connection.keep_alive:
                connection.begin_next_request()
            self.event_loop.flush(connection)
        except BaseException:
            self.resume(following or slot.leave())
            raise
        return following

    def _call_application(self, connection: Connection) -> bool:
        """Call the application and send its answer. Whether the connection can be kept."""
        request, sock = connection.request, connection.socket
        if connection.sent_continue:
            request._expected_100_continue, connection.sent_continue = False, False
        response, environ = wsgi.create(request, sock, connection.client, connection.server, self._config)
        environ["wsgi.multithread"] = True
        environ["pileus.underscored"] = request.underscored
        environ["wsgi.input"] = BodyInput(request.body, _content_length(environ))
        if self.event_loop.is_draining or self._load.should_reconnect(connection.served):
            response.force_close()
        try:
            _send(response, environ, self._application(environ, response.start_response))
        except OSError:
            raise
        except Exception:
            self._log.exception("%s %s", request.method, request.path)
            if response.headers_sent:
                raise ConnectionAbortedError from None  # half an answer can only be broken off
            sock.send(self._error_response(500, "Unexpected error.", connection.client))
            return False
        finally:
            if (token := _token(connection)) and "pileus.owner" in environ:
                self._shares.remember_owner(token, environ["pileus.owner"])
        return not response.should_close()

    def _drain(self, connection: Connection) -> None:
        """Throw away what the application left unread of a body, as far as it has arrived. If it hasn't, or it is
        malformed, nothing says where the next request begins, so the connection isn't kept."""
        if not connection.keep_alive:
            return
        connection.socket.forbid_waiting()
        try:
            connection.keep_alive = bool(connection.parser.finish_body(max_bytes=MAX_DRAINED_BYTES))
        except Exception:
            connection.keep_alive = False

    # -- refusals --------------------------------------------------------------------------------------------------

    def refuse(self, connection: Connection, status: int, why: str) -> None:
        """Answer what can't be given to the application, in the application's own shape, and end the connection."""
        connection.socket.unsent += self._error_response(status, why, connection.client)
        connection.keep_alive = False
        self.event_loop.flush(connection)

    def _error_response(self, status: int, why: str, client: Any) -> bytes:
        error_body: ErrorBody = getattr(self._application, "refusal", _json_error)
        statuses: dict[int, int] = getattr(self._application, "refusal_statuses", {})
        status = statuses.get(status, status)
        body, content_type = error_body(status, why)
        request_id = context.new_request_id()
        log.info("%s: no request: %d %s [%s]", client[0], status, why, request_id)
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\nX-OpenStack-Request-ID: {request_id}\r\nConnection: close\r\n"
        )
        head += "Retry-After: 1\r\n\r\n" if status == 429 else "\r\n"
        return head.encode("latin-1") + body

    def leave_share(self, owner: Hashable) -> Connection | None:
        """End one request of the owner. Returns the next one that was queued."""
        return self._shares.leave(owner)

    def resume(self, connection: Connection | None) -> None:
        """Let another thread take up a request that was queued, if there is one."""
        if connection is not None:
            self.event_loop.resume(connection)


class _Settled:
    """gunicorn's settings, each looked up once: its own object searches for each of the thirty that a request reads."""

    def __init__(self, config: Any) -> None:
        self._config = config

    def __getattr__(self, name: str) -> Any:
        value = self.__dict__[name] = getattr(self._config, name)
        return value


class _Slot:
    """One request's slot in its owner's share.

    It is given up when the request ends, or when its client is so slow that a substitute thread takes over.
    """

    def __init__(self, responder: Responder, owner: Hashable) -> None:
        self._responder, self._owner = responder, owner
        self._is_held, self._has_substitute = True, False

    def before_wait(self) -> None:
        """Give up the slot if there is a substitute for this thread, which is about to wait for its client."""
        if self._is_held and self._responder.pool.add_substitute(self._owner):
            self._is_held, self._has_substitute = False, True
            self._responder.resume(self._responder.leave_share(self._owner))

    def leave(self) -> Connection | None:
        """Give up the slot and the substitute, whichever there is. Returns the request that has the slot now."""
        following = self._responder.leave_share(self._owner) if self._is_held else None
        if self._has_substitute:
            self._responder.pool.remove_substitute(self._owner)
        self._is_held = self._has_substitute = False
        return following


def _send(response: Any, environ: dict[str, Any], answer: Any) -> None:
    """Send an application's answer through gunicorn's response."""
    try:
        if isinstance(answer, environ["wsgi.file_wrapper"]):
            response.write_file(answer)
        else:
            for piece in answer:
                response.write(piece)
            if response.response_length and not response._omits_body and response.sent < response.response_length:
                raise ConnectionAbortedError("the answer is shorter than it said")
        response.close()
        response.sock.flush(MAX_UNSENT_BYTES)
    finally:
        if hasattr(answer, "close"):
            answer.close()


def _token(connection: Connection) -> str:
    return _header(connection, "X-AUTH-TOKEN")


def _header(connection: Connection, wanted: str) -> str:
    return next((value for name, value in connection.request.headers if name == wanted), "")


def _content_length(environ: dict[str, Any]) -> int | None:
    given = environ.get("CONTENT_LENGTH", "")
    return int(given) if given.isdecimal() else None


def _json_error(status: int, why: str) -> tuple[bytes, str]:
    return msgspec.json.encode({"error": {"code": status, "message": why}}), "application/json"
