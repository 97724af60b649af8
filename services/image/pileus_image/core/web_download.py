"""Downloads a user's URL without giving the user a way into our networks (server-side request forgery).

Every address that the host name of each redirect resolves to is checked, and the connection goes to the very address
that was checked, so a name server can't give another answer the second time.
"""

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from urllib.parse import SplitResult, urljoin, urlsplit

from pileus_image.errors import DownloadFailed

PORTS = {"http": 80, "https": 443}
MAX_REDIRECTS = 5
TIMEOUT_S = 30.0
"""Seconds without a byte after which a server counts as gone."""
MAX_URL_LENGTH = 2048
MAX_DOWNLOAD_S = 6 * 3600.0
"""Seconds that a whole download may take, so that a server that trickles doesn't occupy a worker for ever."""
REDIRECTS = (301, 302, 303, 307, 308)

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


def resolve(host: str, port: int) -> list[str]:
    """Return all addresses of a host name. Raises OSError."""
    return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@dataclass(frozen=True)
class Body:
    """A response's body. `read` works like uploads.Read; `length` is the announced size in bytes, if there is one."""

    read: Callable[[int], bytes]
    length: int | None


class WebDownloader:
    """Downloads from public addresses, and from the `allowed` networks (CIDR) on any port."""

    def __init__(self, allowed: tuple[str, ...] = (), resolver: Resolve = resolve) -> None:
        self._allowed: list[Network] = [ipaddress.ip_network(network) for network in allowed]
        self._resolve = resolver

    def check(self, url: str) -> SplitResult:
        """Raise DownloadFailed if the URL can't be downloaded, as far as its text alone shows that."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise DownloadFailed(url=url[:256], why="it is not a URL") from None
        if len(url) > MAX_URL_LENGTH or not url.isascii() or any(c <= " " for c in url):
            raise DownloadFailed(url=url[:256], why="it is not a URL")
        if parts.scheme not in PORTS or not parts.hostname:
            raise DownloadFailed(url=url[:256], why="it must be http:// or https:// and name a host")
        if parts.username or parts.password:
            raise DownloadFailed(url="a URL with a password", why="a URL may not carry credentials")
        if port not in (None, *PORTS.values()) and not self._allowed:
            raise DownloadFailed(url=url[:256], why=f"port {port} is not allowed")
        return parts

    @contextmanager
    def open(self, url: str) -> Iterator[Body]:
        """Open the URL, following redirects. Raises DownloadFailed, also while the body is read."""
        for _ in range(MAX_REDIRECTS):
            connection, response = self._ask(url)
            try:
                if response.status in REDIRECTS and response.headers.get("Location"):
                    url = urljoin(url, response.headers["Location"])
                    continue
                if response.status != 200:
                    raise DownloadFailed(url=url, why=f"the server answers {response.status} {response.reason}")
                yield Body(_timed_reader(response, url), response.length)
                return
            finally:
                connection.close()
        raise DownloadFailed(url=url, why=f"more than {MAX_REDIRECTS} redirections")

    def _ask(self, url: str) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        parts = self.check(url)
        host, port = str(parts.hostname), parts.port or PORTS[parts.scheme]
        connection = _PinnedConnection(
            self._address(url, host, port), host, port, _tls_context() if parts.scheme == "https" else None
        )
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request("GET", path, headers={"User-Agent": "pileus-image", "Accept-Encoding": "identity"})
            return connection, connection.getresponse()
        except (OSError, http.client.HTTPException) as err:
            connection.close()
            raise DownloadFailed(url=url, why=str(err) or type(err).__name__) from err

    def _address(self, url: str, host: str, port: int) -> str:
        """Return an address of the host, if we may connect to all of them."""
        try:
            addresses = self._resolve(host, port)
        except OSError as err:
            raise DownloadFailed(url=url, why=f"{host} has no address ({err})") from err
        if not addresses or not all(self._may_connect(address, port) for address in addresses):
            raise DownloadFailed(url=url, why=f"{host} is not a public address")
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

    def __init__(self, address: str, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        super().__init__(host, port, timeout=TIMEOUT_S)
        self._address, self._tls = address, tls
        self.default_port = 443 if tls else 80  # left out of the Host header

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._tls:
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host)


def _timed_reader(response: http.client.HTTPResponse, url: str) -> Callable[[int], bytes]:
    deadline = time.monotonic() + MAX_DOWNLOAD_S

    def read(size: int) -> bytes:
        if time.monotonic() > deadline:
            raise DownloadFailed(url=url, why=f"it takes more than {MAX_DOWNLOAD_S:.0f} seconds")
        try:
            return response.read1(size)  # `read` would wait for `size` bytes, and never look at the clock
        except (OSError, http.client.HTTPException) as err:
            raise DownloadFailed(url=url, why=str(err) or type(err).__name__) from err

    return read
