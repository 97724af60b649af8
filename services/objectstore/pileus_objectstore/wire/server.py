"""The storage server's side of the wire: threads and connections that stay open.

gunicorn is not used here, because its parser and its WSGI layer cost 0.32 ms of CPU a request and this 0.05 ms, and
every request of a client becomes at least one of these. A thread stays with its connection while requests keep coming
and no other connection waits for a thread; idle connections are watched by one selector.
"""

import hmac
import logging
import os
import queue
import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus

import msgspec

from pileus_kit import decoding, listeners
from pileus_kit.errors import CloudError
from pileus_objectstore.wire.framing import (
    CHUNK_BYTES,
    Body,
    ConnectionBroken,
    Stream,
    body_size,
    call_name,
    parse_head,
)
from pileus_objectstore.wire.secured import Door, SecuredStream
from pileus_objectstore.wire.thread_pool import ThreadPool

log = logging.getLogger(__name__)
LINGER_S = 0.25
ON_THEIR_WAY_S = 0.05  # how long a server that stops still reads requests: those that were sent before it did
CLOSING = b"Connection: close\r\n"  # in an answer: the connection ends behind it
MAX_SKIPPED_BYTES = 16 << 20  # of a refused body: the refusal must arrive before the connection ends
ANSWER_S = 60.0


class CallResult(msgspec.Struct):
    """A call's result, a message of the contract, and its body: bytes, or a function that sends `length` bytes."""

    result: object
    body: bytes = b""
    length: int = 0
    send: Callable[[socket.socket], None] | None = None


# The type of a function's first argument, and the function; its second argument is the request's Body.
Call = tuple[type[msgspec.Struct], Callable[..., CallResult]]
# (path, sender's address) -> (status, media type, body) of a page that needs no key; None if that sender has none.
Pages = Callable[[str, str], tuple[int, str, bytes] | None]
PAGE = b"GET "
BAD_REQUEST = 400


class Server:
    """Serves `calls` ({name: (argument type, function)}) to programs that know `key`, and `pages` to all.

    Other machines come through `door`, where they prove themselves by TLS, if there is one.
    """

    def __init__(
        self,
        calls: dict[str, Call],
        key: str,
        bind: str,
        pages: Pages = lambda path, address: None,
        door: Door | None = None,
    ) -> None:
        self._pages, self._door = pages, door
        self._calls = {name.encode(): call for name, call in calls.items()}
        self._key = key.encode()
        name, _, port = bind.rpartition(":")
        self._listener = listeners.listen(name, int(port), backlog=256)
        self.address = f"{name}:{self._listener.getsockname()[1]}"
        self._listeners = [self._listener]
        if door:
            name, _, port = door.bind.rpartition(":")
            self._listeners.append(listeners.listen(name, int(port), backlog=256))
            self.address = f"{name}:{self._listeners[1].getsockname()[1]}"
        self._selector = selectors.DefaultSelector()
        self._threads = ThreadPool(self._serve, "storage")
        self._returned: queue.SimpleQueue[Stream] = queue.SimpleQueue()
        self._wake_r, self._wake_w = os.pipe()
        os.set_blocking(self._wake_w, False)
        self._loop = threading.Thread(target=self._dispatch, name="storage-accept", daemon=True)
        self._streams: set[Stream] = set()
        self._stopping, self._on_their_way_s = False, 0.0

    def start(self) -> None:
        """Accept connections from now on."""
        for listener in self._listeners:
            self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(self._wake_r, selectors.EVENT_READ)
        self._loop.start()

    def stop(self, on_their_way_s: float = ON_THEIR_WAY_S) -> None:
        """Finish the calls that are being answered, and those that come on open connections within `on_their_way_s`
        seconds, each of which ends behind its answer; then close all connections."""
        self._on_their_way_s, self._stopping = on_their_way_s, True
        self._wake()
        self._loop.join()
        for stream in list(self._streams):
            _end_requests(stream)
        self._threads.stop(ANSWER_S)
        for stream in list(self._streams):
            stream.sock.close()
        for fd in (self._wake_r, self._wake_w):
            os.close(fd)

    def _wake(self) -> None:
        with suppress(OSError):  # it is woken already, or has ended
            os.write(self._wake_w, b"x")

    def _dispatch(self) -> None:
        while not self._stopping:
            self._handle_events()
        for listener in self._listeners:
            self._selector.unregister(listener)
            listener.close()
        end = time.monotonic() + self._on_their_way_s
        while self._streams and (left_s := end - time.monotonic()) > 0:
            self._handle_events(left_s)
        self._selector.close()

    def _handle_events(self, timeout_s: float | None = None) -> None:
        for key, _ in self._selector.select(timeout_s):
            if key.fileobj in self._listeners:
                self._accept(key.fileobj)
            elif key.fileobj == self._wake_r:
                os.read(self._wake_r, 4096)
                self._park()
            else:
                self._selector.unregister(key.fileobj)
                self._threads.submit(key.data)

    def drop_removed(self) -> None:
        """End the connections of machines that were removed from the cloud, also in the middle of a call."""
        for stream in list(self._streams):
            peer = stream.peer if isinstance(stream, SecuredStream) else None
            if self._door and peer and self._door.is_removed(peer.serial):
                _end_requests(stream, socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        try:
            sock, _ = listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stream = Stream(sock, ANSWER_S, LINGER_S) if listener is self._listener else self._secure(sock)
        except OSError:
            return
        self._streams.add(stream)
        self._selector.register(stream.sock, selectors.EVENT_READ, stream)

    def _secure(self, sock: socket.socket) -> Stream:
        assert self._door is not None
        try:
            return self._door.open(sock, ANSWER_S, LINGER_S)
        except OSError as e:
            log.error("no connection can be taken from another machine: %s", e)
            sock.close()
            raise

    def _park(self) -> None:
        while not self._returned.empty():
            stream = self._returned.get()
            self._selector.register(stream.sock, selectors.EVENT_READ, stream)

    def _serve(self, stream: Stream) -> None:
        try:
            again = self._talk(stream)
        except Exception:  # a bug must end one connection, not the thread
            log.exception("a connection failed")
            again = False
        if again:
            self._returned.put(stream)
            self._wake()
        else:
            self._streams.discard(stream)
            stream.sock.close()
            if self._stopping:
                self._wake()

    def _talk(self, stream: Stream) -> bool:
        """Answer requests until the connection is idle (True) or can't be used any more (False)."""
        try:
            while True:
                if self._door and not self._door.admits(stream):
                    return False
                head = stream.read_head()
                if not head or not self._answer(stream, head):
                    return False
                if not (stream.waiting() if self._threads.waiting else stream.arrives()):
                    return True
        except OSError:
            return False

    def _answer(self, stream: Stream, head: bytes) -> bool:
        """Answer one request; False if the connection can't be used any more."""
        first, headers = parse_head(head)
        if first.startswith(PAGE) and self._show(stream, first):
            return False
        if not hmac.compare_digest(headers.get(b"x-cluster-key", b""), self._key):
            stream.sock.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
            return False
        body = Body(stream, body_size(headers))
        call = self._calls.get(call_name(first))
        if call is None:
            stream.sock.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return False
        try:
            args = decoding.decode(headers.get(b"x-args", b""), call[0])
        except (msgspec.MsgspecError, ValueError) as e:
            return self._send(stream, CallResult({"status": BAD_REQUEST, "why": str(e)}), body)
        try:
            answer = call[1](args, body)
        except ConnectionBroken:
            return False
        except CloudError as e:
            answer = CallResult({"status": e.status, "why": str(e)})
        except Exception:  # a bug in one call is answered, and the connection stays
            log.exception("storage call %s failed", first)
            answer = CallResult({"status": 500, "why": "an unexpected error; see the storage server's log"})
        return self._send(stream, answer, body)

    def _show(self, stream: Stream, first: bytes) -> bool:
        """Send a page; False if there is none that this sender may have."""
        path = first[len(PAGE) :].partition(b" ")[0].partition(b"?")[0]
        page = self._pages(path.decode("latin-1"), stream.sock.getpeername()[0])
        if page is None:
            return False
        status, media, body = page
        head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: {media}\r\n"
        stream.sock.sendall(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        return True

    def _send(self, stream: Stream, answer: CallResult, body: Body) -> bool:
        length = answer.length if answer.send else len(answer.body)
        ends = self._stopping
        head = b"HTTP/1.1 200 OK\r\nX-Result: %b\r\n%bContent-Length: %d\r\n\r\n" % (
            msgspec.json.encode(answer.result),
            CLOSING if ends else b"",
            length,
        )
        if len(answer.body) < CHUNK_BYTES:
            stream.sock.sendall(head + answer.body)
        else:
            stream.sock.sendall(head)
            stream.sock.sendall(answer.body)
        if answer.send:
            answer.send(stream.sock)
        return body.skip(MAX_SKIPPED_BYTES) and not ends


def _end_requests(stream: Stream, how: int = socket.SHUT_RD) -> None:
    """Let nothing more arrive (and nothing leave). `SSLSocket.shutdown` would go on in plain text."""
    try:
        socket.socket.shutdown(stream.sock, how)
    except OSError:
        pass
