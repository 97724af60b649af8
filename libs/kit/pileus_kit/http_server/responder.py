"""A whole request: parsed by gunicorn, answered by the application, in the share of threads of whose it is."""

import logging
import threading
import time
from collections.abc import Callable
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
from pileus_kit.http_server.event_loop import Front
from pileus_kit.http_server.fair_shares import Crowded, Shares
from pileus_kit.http_server.limits import LARGEST_UNSENT, Limits
from pileus_kit.http_server.load_monitor import Load
from pileus_kit.http_server.sockets import NOT_YET, Input
from pileus_kit.http_server.thread_pool import Crew

log = logging.getLogger(__name__)

STATUSES: dict[type[Exception], int] = {
    LimitRequestLine: 414,
    LimitRequestHeaders: 431,
    ExpectationFailed: 417,
    UnsupportedTransferCoding: 501,
}
DRAINED = 64 << 10  # bytes of a body that nobody read, for which a connection is kept
Refusal = Callable[[int, str], tuple[bytes, str]]


class Answers:
    """What the crew does with whole requests."""

    def __init__(
        self, limits: Limits, cfg: Any, application: Any, log: Any, help: Callable[[], None] | None = None
    ) -> None:
        self._limits, self._cfg, self._application, self._log = limits, cfg, application, log
        self.front = Front(limits, self.ready, self.refuse)
        self.crew = Crew(limits.threads, limits.streams, self.front.turn)
        self._load = Load(help)
        self._shares: Shares[Connection] = Shares(limits.share, limits.waiting)

    # -- a request's way -------------------------------------------------------------------------------------------

    def ready(self, connection: Connection) -> None:
        if connection.request is None and not (self._parse(connection) and self._may_run(connection)):
            return
        thread, began = threading.get_ident(), time.monotonic()
        self.crew.busy[thread] = began
        try:
            self._answer(connection)
        finally:
            self.crew.busy.pop(thread, None)
            self._load.answered(time.monotonic() - began)

    def _may_run(self, connection: Connection) -> bool:
        """Whether its owner's share has room. Else it is parked, and whoever leaves the share resumes it."""
        connection.owner = self._shares.owner(self._token(connection), connection.client[0])
        connection.state = State.PARKED  # before anybody may resume it
        try:
            runs = self._shares.enter(connection.owner, connection)
        except Crowded:
            connection.state = State.BUSY
            self.refuse(connection, 429, "Too many requests at the same time.")
            return False
        if not runs:
            return False
        connection.state = State.BUSY
        return True

    def _parse(self, connection: Connection) -> bool:
        """gunicorn's own parser, on what has arrived. Malformed requests are answered and the connection ends."""
        line = connection.line
        if connection.parser is None:
            connection.parser = http.get_parser(self._cfg, line, connection.client)
        connection.parser.unreader.unread(bytes(connection.inbox))
        connection.inbox = bytearray()
        line.offline()
        try:
            connection.request = next(connection.parser)
        except StopIteration:
            self.front.close(connection)
        except NOT_YET:
            self.refuse(connection, 400, "The request is malformed.")
        except http.errors.NoMoreData:
            self.front.close(connection)
        except ParseException as err:
            status = next((s for kind, s in STATUSES.items() if isinstance(err, kind)), 400)
            self.refuse(connection, status, str(err)[:400])
        return connection.request is not None

    def _answer(self, connection: Connection) -> None:
        turn = _Turn(self, connection)
        connection.line.begin(turn.waits)
        try:
            connection.keep = self._respond(connection)
            turn.end()
            self._drain(connection)
        except BaseException:
            turn.end()
            raise
        if connection.keep:
            connection.next()
        self.front.flush(connection)

    def _respond(self, connection: Connection) -> bool:
        """Call the application and send its answer. Says whether the connection can be kept."""
        request, line = connection.request, connection.line
        if connection.continued:
            request._expected_100_continue, connection.continued = False, False
        response, environ = wsgi.create(request, line, connection.client, connection.server, self._cfg)
        environ["wsgi.multithread"] = True
        environ["wsgi.input"] = Input(request.body, _length(environ))
        if self.front.ending or self._load.sheds(connection.served):
            response.force_close()
        try:
            self._send(response, environ, self._application(environ, response.start_response))
        except OSError:
            raise
        except Exception:
            self._log.exception("%s %s", request.method, request.path)
            if response.headers_sent:
                raise ConnectionAbortedError from None  # half an answer can only be broken off
            line.sendall(self._page(500, "Unexpected error.", connection.client))
            return False
        finally:
            if (token := self._token(connection)) and "pileus.owner" in environ:
                self._shares.learn(token, environ["pileus.owner"])
        return not response.should_close()

    def _send(self, response: Any, environ: dict[str, Any], answer: Any) -> None:
        try:
            if isinstance(answer, environ["wsgi.file_wrapper"]):
                response.write_file(answer)
            else:
                for piece in answer:
                    response.write(piece)
                if response.response_length and not response._omits_body and response.sent < response.response_length:
                    raise ConnectionAbortedError("the answer is shorter than it said")
            response.close()
            response.sock.flush(LARGEST_UNSENT)
        finally:
            if hasattr(answer, "close"):
                answer.close()

    def _drain(self, connection: Connection) -> None:
        """What nobody read of a body is thrown away, as far as it has arrived; else the connection can't be kept."""
        if not connection.keep:
            return
        connection.line.offline()
        try:
            connection.keep = bool(connection.parser.finish_body(max_bytes=DRAINED))
        except Exception:  # not all here, or malformed: where the next request begins can't be known
            connection.keep = False

    # -- refusals --------------------------------------------------------------------------------------------------

    def refuse(self, connection: Connection, status: int, why: str) -> None:
        """Answer what is no request, in the application's own shape, and end the connection."""
        connection.line.unsent += self._page(status, why, connection.client)
        connection.keep = False
        self.front.flush(connection)

    def _page(self, status: int, why: str, client: Any) -> bytes:
        shape: Refusal = getattr(self._application, "refusal", _plain)
        body, kind = shape(status, why)
        request_id = context.new_request_id()
        log.info("%s: no request: %d %s [%s]", client[0], status, why, request_id)
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(body)}\r\nX-OpenStack-Request-ID: {request_id}\r\nConnection: close\r\n"
        )
        head += "Retry-After: 1\r\n\r\n" if status == 429 else "\r\n"
        return head.encode("latin-1") + body

    @staticmethod
    def _token(connection: Connection) -> str:
        return next((value for name, value in connection.request.headers if name == "X-AUTH-TOKEN"), "")

    # -- turns -----------------------------------------------------------------------------------------------------

    def leave(self, owner: Any) -> None:
        following = self._shares.leave(owner)
        if following is not None:
            self.front.resume(following)


class _Turn:
    """One request's place among its owner's. It's given up when the request ends, or when the client is so slow that
    another thread has to take over."""

    def __init__(self, answers: Answers, connection: Connection) -> None:
        self._answers, self._owner = answers, connection.owner
        self._held, self._lent = True, False

    def waits(self) -> None:
        if self._held and self._answers.crew.lend(self._owner):
            self._held, self._lent = False, True
            self._answers.leave(self._owner)

    def end(self) -> None:
        if self._held:
            self._answers.leave(self._owner)
        if self._lent:
            self._answers.crew.give_back(self._owner)
        self._held = self._lent = False


def _length(environ: dict[str, Any]) -> int | None:
    given = environ.get("CONTENT_LENGTH", "")
    return int(given) if given.isdecimal() else None


def _plain(status: int, why: str) -> tuple[bytes, str]:
    return msgspec.json.encode({"error": {"code": status, "message": why}}), "application/json"
