"""A backup's objects, reached with temporary URLs: this host holds no credentials."""

from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from pileus_kit.errors import PeerDown
from pileus_volume.errors import BackupRefused, ToolFailed
from pileus_volume.rpc import Shelf

TIMEOUT = (5, 120)  # seconds to connect, between two pieces of an answer
ONCE_MORE = Retry(
    total=5, backoff_factor=0.5, status_forcelist=(502, 503, 504), allowed_methods=None, raise_on_status=False
)  # one object of many must not cost the whole backup
PIECE = 1 << 20


def session() -> requests.Session:
    """Kept alive through a whole backup."""
    http = requests.Session()
    http.trust_env = False
    for prefix in ("http://", "https://"):
        http.mount(prefix, HTTPAdapter(max_retries=ONCE_MORE))
    return http


class Objects:
    """By name in the shelf's container. Raises PeerDown if the store is unwell, ToolFailed if it says no."""

    def __init__(self, shelf: Shelf, http: requests.Session) -> None:
        self._shelf, self._http = shelf, http

    def put(self, name: str, data: bytes) -> None:
        self._send("PUT", name, self._shelf.write, data).close()

    def get(self, name: str, most: int) -> bytes:
        """Its content; raises BackupRefused if that is more than `most` bytes."""
        with self._send("GET", name, self._shelf.read) as response:
            data = bytearray()
            for piece in response.iter_content(PIECE):
                data += piece
                if len(data) > most:
                    raise BackupRefused(why=f"object {name} is longer than {most} bytes")
        return bytes(data)

    def _send(self, method: str, name: str, right: str, data: bytes | None = None) -> requests.Response:
        try:
            response = self._http.request(
                method,
                f"{self._shelf.url}/{quote(name)}?{right}",
                data=data,
                stream=True,
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        except requests.RequestException as err:  # its words would tell the URL, which is a right
            raise PeerDown(service="objectstore", why=f"{method} {name}: {type(err).__name__}") from None
        if response.status_code < 300:
            return response
        response.close()
        if response.status_code == 404:
            raise BackupRefused(why=f"object {name} is missing")
        if response.status_code >= 500:
            raise PeerDown(service="objectstore", why=f"{method} {name}: status {response.status_code}")
        raise ToolFailed(tool="object store", why=f"{method} {name}: status {response.status_code}")
