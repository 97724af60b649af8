"""Connections to hosts that users name, without giving users a way into our networks (server-side request forgery).

Every address that a host name resolves to is checked, and the connection goes to the very address that was checked, so
a name server can't give another answer the second time.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from urllib.parse import SplitResult, urlsplit

PORTS = {"http": 80, "https": 443}
MAX_URL_LENGTH = 2048

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
SPECIAL = [
    ipaddress.ip_network(network)
    for network in (
        "192.88.99.0/24",  # relays of 6to4 (RFC 7526)
        "::/96",  # an IPv4 address in an IPv6 one (RFC 4291, 2.5.5.1)
        "::ffff:0:0:0/96",  # the same, translated (RFC 2765)
        "64:ff9b::/96",
        "64:ff9b:1::/48",  # NAT64 (RFC 6052, RFC 8215)
        "fec0::/10",  # site-local (RFC 3879)
        "5f00::/16",  # segment routing (RFC 9602)
        "3fff::/20",  # documentation (RFC 9637)
    )
]
"""Networks without hosts on the Internet, though the standard library takes some of them for global."""
Resolve = Callable[[str, int], list[str]]


class AddressRefused(Exception):
    """The URL can't be used, or its host is none to which users may have us connect."""


def resolve(host: str, port: int) -> list[str]:
    """Return all addresses of a host name. Raises OSError."""
    return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class PublicAddresses:
    """Allows public addresses at the usual ports, and those of the `allowed` networks (CIDR) at any port."""

    def __init__(self, allowed: tuple[str, ...] = (), resolver: Resolve = resolve) -> None:
        self._allowed: list[Network] = [ipaddress.ip_network(network) for network in allowed]
        self._resolve = resolver

    def check(self, url: str) -> SplitResult:
        """Parse a URL. Raises AddressRefused if it can't be used, as far as its text alone shows that."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise AddressRefused("it is not a URL") from None
        if len(url) > MAX_URL_LENGTH or not url.isascii() or any(c <= " " for c in url):
            raise AddressRefused("it is not a URL")
        if parts.scheme not in PORTS or not parts.hostname:
            raise AddressRefused("it must be http:// or https:// and name a host")
        if parts.username or parts.password:
            raise AddressRefused("a URL may not carry credentials")
        if port not in (None, *PORTS.values()) and not self._allowed:
            raise AddressRefused(f"port {port} is not allowed")
        return parts

    def connect(self, parts: SplitResult, timeout_s: float) -> http.client.HTTPConnection:
        """Return a connection, not open yet, to an address of a checked URL's host. Raises AddressRefused."""
        host, port = str(parts.hostname), parts.port or PORTS[parts.scheme]
        tls = _tls_context() if parts.scheme == "https" else None
        return _PinnedConnection(self._address(host, port), host, port, tls, timeout_s)

    def _address(self, host: str, port: int) -> str:
        """Return an address of the host, if we may connect to all of them."""
        try:
            addresses = self._resolve(host, port)
        except OSError as err:
            raise AddressRefused(f"{host} has no address ({err})") from err
        if not addresses or not all(self._may_connect(address, port) for address in addresses):
            raise AddressRefused(f"{host} is not a public address")
        return addresses[0]

    def _may_connect(self, text: str, port: int) -> bool:
        address = ipaddress.ip_address(text.partition("%")[0])
        inner = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
        teredo = getattr(address, "teredo", None)
        for embedded in (inner, *(teredo or ())):
            if embedded is not None and not self._may_connect(str(embedded), port):
                return False
        if any(address in network for network in self._allowed):
            return True
        special = any(address in network for network in SPECIAL if network.version == address.version)
        return address.is_global and not address.is_multicast and not special and port in PORTS.values()


@cache
def _tls_context() -> ssl.SSLContext:
    """Return the TLS settings. They hold all certificate authorities, some 6 MiB, which few processes ever need."""
    return ssl.create_default_context()


class _PinnedConnection(http.client.HTTPConnection):
    """Connects to one address, whatever its name resolves to by now."""

    def __init__(self, address: str, host: str, port: int, tls: ssl.SSLContext | None, timeout_s: float) -> None:
        super().__init__(host, port, timeout=timeout_s)
        self._address, self._tls = address, tls
        self.default_port = 443 if tls else 80  # left out of the Host header

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._tls:
            # The one that ends the exchange needs the socket that shakes hands, not the plain one that it replaced.
            self.sock = encrypted = self._tls.wrap_socket(
                self.sock, server_hostname=self.host, do_handshake_on_connect=False
            )
            encrypted.do_handshake()


@contextmanager
def limited(connection: http.client.HTTPConnection, seconds: float) -> Iterator[None]:
    """End what is exchanged on the connection after some seconds, whatever the peer sends until then.

    A timeout of a socket is for one `recv` only: a peer that sends a byte now and then would keep the caller for ever.
    What the caller is waiting for then raises OSError or HTTPException.
    """
    done = threading.Event()

    def end() -> None:
        late = not done.wait(seconds)
        while late:  # again, as a connection may just be opened
            with suppress(OSError, AttributeError):
                connection.sock.shutdown(socket.SHUT_RDWR)
            late = not done.wait(0.2)

    watch = threading.Thread(target=end, name="end of an exchange", daemon=True)
    watch.start()
    try:
        yield
    finally:
        done.set()
