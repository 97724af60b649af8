"""Downloads a user's URL without giving the user a way into our networks: redirects are checked like the URL itself.

What is checked says `pileus_kit.public_addresses`.
"""

import http.client
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin

from pileus_image.errors import DownloadFailed
from pileus_kit.public_addresses import AddressRefused, PublicAddresses, Resolve, resolve

MAX_REDIRECTS = 5
TIMEOUT_S = 30.0
"""Seconds without a byte after which a server counts as gone."""
MAX_DOWNLOAD_S = 6 * 3600.0
"""Seconds that a whole download may take, so that a server that trickles doesn't occupy a worker for ever."""
REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class Body:
    """A response's body. `read` works like uploads.Read; `length` is the announced size in bytes, if there is one."""

    read: Callable[[int], bytes]
    length: int | None


class WebDownloader:
    """Downloads from public addresses, and from the `allowed` networks (CIDR) on any port."""

    def __init__(self, allowed: tuple[str, ...] = (), resolver: Resolve = resolve) -> None:
        self._addresses = PublicAddresses(allowed, resolver)

    def check(self, url: str) -> SplitResult:
        """Raise DownloadFailed if the URL can't be downloaded, as far as its text alone shows that."""
        try:
            return self._addresses.check(url)
        except AddressRefused as err:
            shown = "a URL with a password" if "@" in url else url[:256]
            raise DownloadFailed(url=shown, why=str(err)) from None

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
        try:
            connection = self._addresses.connect(parts, TIMEOUT_S)
        except AddressRefused as err:
            raise DownloadFailed(url=url, why=str(err)) from err
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request("GET", path, headers={"User-Agent": "pileus-image", "Accept-Encoding": "identity"})
            return connection, connection.getresponse()
        except (OSError, http.client.HTTPException) as err:
            connection.close()
            raise DownloadFailed(url=url, why=str(err) or type(err).__name__) from err


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
