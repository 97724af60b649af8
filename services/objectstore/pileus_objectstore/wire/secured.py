"""TLS between storage hosts: each proves by a certificate of this cloud that it may keep objects.

Such certificates have the common name `objects of MACHINE`, which the cloud's authority gives to machines with that
part only. A machine that was removed is refused by the serial numbers of its certificates.
"""

import logging
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from pileus_objectstore.wire.framing import RECEIVE_BYTES, ConnectionBroken, Stream

log = logging.getLogger(__name__)
NAMES = "objects of "
AUTHORITY, CERTIFICATE, KEY = "ca-cert.pem", "objects-cert.pem", "objects-key.pem"
HANDSHAKE_S = 10.0
MAX_HANDSHAKES = 64


@dataclass(frozen=True)
class Peer:
    """Who is on the other side: the name in the certificate, and its serial number in capital hexadecimal digits."""

    name: str
    serial: str


class Credentials:
    """The files in a directory: the cloud's authority, this host's certificate and its key. They may be renewed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._read_at = 0
        self._contexts: tuple[ssl.SSLContext, ssl.SSLContext] | None = None

    def serving(self) -> ssl.SSLContext:
        """The context of a storage server. Raises OSError if the files can't be used."""
        return self._current()[0]

    def calling(self) -> ssl.SSLContext:
        """The context of who calls a storage server. Raises OSError if the files can't be used."""
        return self._current()[1]

    def _current(self) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        stamp = (self._directory / CERTIFICATE).stat().st_mtime_ns
        if self._contexts is None or stamp != self._read_at:
            try:
                self._contexts = self._load(ssl.PROTOCOL_TLS_SERVER), self._load(ssl.PROTOCOL_TLS_CLIENT)
                self._read_at = stamp
            except OSError as e:  # between the renewal of the key and that of the certificate they don't match
                if self._contexts is None:
                    raise
                log.warning("the certificate in %s can't be used yet: %s", self._directory, e)
        return self._contexts

    def _load(self, side: int) -> ssl.SSLContext:
        context = ssl.SSLContext(side)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(self._directory / AUTHORITY)
        context.load_cert_chain(self._directory / CERTIFICATE, self._directory / KEY)
        if side == ssl.PROTOCOL_TLS_SERVER:
            context.num_tickets = 0  # connections stay open, and a ticket would look like an unexpected answer
        return context


class SecuredStream(Stream):
    """A stream over TLS. Python's timeouts end its calls, as the kernel's would be taken for an interruption."""

    sock: ssl.SSLSocket

    def __init__(self, sock: ssl.SSLSocket, timeout_s: float, tick_s: float = 0.0) -> None:
        super().__init__(sock)
        self.timeout_s = timeout_s
        self._tick_s = tick_s or timeout_s
        self.peer: Peer | None = None
        sock.settimeout(timeout_s)

    def shake_hands(self) -> Peer:
        """Finish the handshake, once; who is on the other side. Raises OSError for who can't prove to keep objects."""
        if self.peer is None:
            self.sock.settimeout(HANDSHAKE_S)
            self.sock.do_handshake()
            self.peer = peer_of(self.sock)
            self.sock.settimeout(self.timeout_s)
        return self.peer

    def waiting(self) -> bool:
        """Whether something (or the end) has arrived."""
        return bool(self.sock.pending()) or super().waiting()

    def arrives(self) -> bool:
        """Whether something (or the end) has arrived, or arrives within a tick."""
        self.sock.settimeout(self._tick_s)
        try:
            self._held = self._held or self.sock.recv(RECEIVE_BYTES)
        except TimeoutError:
            return False
        finally:
            self.sock.settimeout(self.timeout_s)
        return True

    def _receive(self, max_bytes: int) -> bytes:
        if self.sock.gettimeout() != self.timeout_s:
            self.sock.settimeout(self.timeout_s)
        return self.sock.recv(max_bytes)


def peer_of(sock: ssl.SSLSocket) -> Peer:
    """Who a connection's certificate is for. Raises ConnectionBroken if that isn't a machine that keeps objects."""
    shown = sock.getpeercert() or {}
    subject = cast("tuple[tuple[tuple[str, str], ...], ...]", shown.get("subject", ()))
    names = [value for part in subject for kind, value in part if kind == "commonName"]
    if len(names) != 1 or not names[0].startswith(NAMES):
        raise ConnectionBroken(f"the certificate of {', '.join(names) or 'nobody'} isn't one for objects")
    return Peer(names[0].removeprefix(NAMES), str(shown["serialNumber"]))


@dataclass(frozen=True)
class Door:
    """How a storage server takes connections from other machines: at which address, and by which certificates.

    `is_removed` tells of a serial number whether it is one of a machine that was removed from the cloud.
    """

    bind: str
    credentials: Credentials
    is_removed: Callable[[str], bool]
    _shaking: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(MAX_HANDSHAKES))

    def open(self, sock: socket.socket, timeout_s: float, tick_s: float) -> SecuredStream:
        """A stream whose handshake is still to come. Raises OSError."""
        secured = self.credentials.serving().wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return SecuredStream(secured, timeout_s, tick_s)

    def admits(self, stream: Stream) -> bool:
        """Whether the other side may make a call now; refusals are logged."""
        if not isinstance(stream, SecuredStream):
            return True
        peer = stream.peer or self._shake_hands(stream)
        if peer is None:
            return False
        if self.is_removed(peer.serial):
            log.warning("a connection of %s is refused, which was removed from this cloud", peer.name)
            return False
        return True

    def _shake_hands(self, stream: SecuredStream) -> Peer | None:
        """Only so many at once, as strangers can make them last."""
        if not self._shaking.acquire(blocking=False):
            log.warning("a connection is refused: %d others aren't proven yet", MAX_HANDSHAKES)
            return None
        try:
            return stream.shake_hands()
        except OSError as e:
            log.warning("a connection is refused: %s", e)
            return None
        finally:
            self._shaking.release()


def connect(credentials: Credentials, sock: socket.socket, host: str, timeout_s: float) -> SecuredStream:
    """A stream to the storage server at this address, after both have proved who they are. Raises OSError."""
    sock.settimeout(HANDSHAKE_S)
    context = credentials.calling()
    secured = context.wrap_socket(sock, server_hostname=host.strip("[]"), do_handshake_on_connect=False)
    stream = SecuredStream(secured, timeout_s)
    try:
        stream.shake_hands()
    except OSError:
        secured.close()
        raise
    return stream
