"""The storage server's HTTP side: threads, kept-alive connections, no ceremony.

Why not gunicorn here: its parser and WSGI layer cost 0.32 ms of CPU a request, this 0.05 ms, and every public
request becomes one of these.
A thread stays with its connection as long as requests keep coming and nobody waits; idle connections rest in one
selector.
"""

import hmac
import logging
import os
import queue
import selectors
import socket
import threading
from collections.abc import Callable
from typing import Any

import msgspec

from pileus_kit import decoding
from pileus_kit.errors import CloudError
from pileus_objectstore.wire.framing import CHUNK, Body, ConnectionBroken, Stream, body_size, fields
from pileus_objectstore.wire.thread_pool import ThreadPool

log = logging.getLogger(__name__)
LINGER_S = 0.25
SKIP = 16 << 20  # so much of an unwanted body is read, so that the refusal arrives before the connection ends
ANSWER_S = 60.0


class CallResult(msgspec.Struct):
    """A call's result and its body: bytes, or a function that sends exactly `length` bytes to the socket."""

    result: Any
    body: bytes = b""
    length: int = 0
    send: Callable[[socket.socket], None] | None = None


Call = tuple[type, Callable[[Any, Body], CallResult]]


class Server:
    """Serves `calls` ({name: (argument type, function)}) to whoever knows `key`."""

    def __init__(self, calls: dict[str, Call], key: str, bind: str) -> None:
        self._calls = {name.encode(): call for name, call in calls.items()}
        self._key = key.encode()
        name, _, port = bind.rpartition(":")
        self._listener = socket.create_server((name, int(port)), backlog=256)
        self.address = f"{name}:{self._listener.getsockname()[1]}"
        self._selector = selectors.DefaultSelector()
        self._threads_pool = ThreadPool(self._serve, "storage")
        self._back: queue.SimpleQueue[Stream] = queue.SimpleQueue()
        self._wake_r, self._wake_w = os.pipe()
        os.set_blocking(self._wake_w, False)
        self._loop = threading.Thread(target=self._dispatch, name="storage-accept", daemon=True)
        self._streams: set[Stream] = set()
        self._stopping = False

    def start(self) -> None:
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake_r, selectors.EVENT_READ)
        self._loop.start()

    def stop(self) -> None:
        """Finish what is being answered, then close everything."""
        self._stopping = True
        self._wake()
        self._loop.join()
        for stream in list(self._streams):
            try:
                stream.sock.shutdown(socket.SHUT_RD)
            except OSError:
                pass
        self._threads_pool.stop(ANSWER_S)
        for stream in list(self._streams):
            stream.sock.close()
        for fd in (self._wake_r, self._wake_w):
            os.close(fd)

    def _wake(self) -> None:
        try:
            os.write(self._wake_w, b"x")
        except BlockingIOError:
            pass

    def _dispatch(self) -> None:
        while not self._stopping:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj == self._wake_r:
                    os.read(self._wake_r, 4096)
                    self._park()
                else:
                    self._selector.unregister(key.fileobj)
                    self._threads_pool.submit(key.data)
        self._listener.close()
        self._selector.close()

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(ANSWER_S)
        stream = Stream(sock)
        self._streams.add(stream)
        self._selector.register(sock, selectors.EVENT_READ, stream)

    def _park(self) -> None:
        while not self._back.empty():
            stream = self._back.get()
            self._selector.register(stream.sock, selectors.EVENT_READ, stream)

    def _serve(self, stream: Stream) -> None:
        try:
            again = self._talk(stream)
        except Exception:  # the edge of the process: a bug must cost one connection, never the thread
            log.exception("a connection failed")
            again = False
        if again:
            self._back.put(stream)
            self._wake()
        else:
            self._streams.discard(stream)
            stream.sock.close()

    def _talk(self, stream: Stream) -> bool:
        """Answer requests until the line falls quiet (True) or is over (False)."""
        try:
            while True:
                head = stream.head()
                if not head or not self._answer(stream, head):
                    return False
                if self._stopping:
                    return False
                if not stream.waiting(0 if self._threads_pool.waiting else LINGER_S):
                    return True
        except OSError:
            return False

    def _answer(self, stream: Stream, head: bytes) -> bool:
        """One request; False if the connection can't go on."""
        first, headers = fields(head)
        if not hmac.compare_digest(headers.get(b"x-cluster-key", b""), self._key):
            stream.sock.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
            return False
        body = Body(stream, body_size(headers))
        call = self._calls.get(first.split(b" ", 2)[1][1:])
        if call is None:
            stream.sock.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return False
        try:
            answer = call[1](decoding.decode(headers[b"x-args"], call[0]), body)
        except ConnectionBroken:
            return False
        except CloudError as e:
            answer = CallResult({"status": e.status, "why": str(e)})
        except Exception:  # a bug in one call is an answer, too
            log.exception("storage call %s failed", first)
            answer = CallResult({"status": 500, "why": "a bug; see the storage server's log"})
        return self._send(stream, answer, body)

    def _send(self, stream: Stream, answer: CallResult, body: Body) -> bool:
        length = answer.length if answer.send else len(answer.body)
        head = b"HTTP/1.1 200 OK\r\nX-Result: %b\r\nContent-Length: %d\r\n\r\n" % (
            msgspec.json.encode(answer.result),
            length,
        )
        if len(answer.body) < CHUNK:
            stream.sock.sendall(head + answer.body)
        else:
            stream.sock.sendall(head)
            stream.sock.sendall(answer.body)
        if answer.send:
            answer.send(stream.sock)
        return body.skip(SKIP)
