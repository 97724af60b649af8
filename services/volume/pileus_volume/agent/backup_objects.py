"""The objects of backups, read and written with temporary URLs, because this host holds no credentials."""

from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from pileus_kit.errors import PeerDown
from pileus_kit.tls import NO_CERTIFICATES, Certificates
from pileus_volume.errors import BackupRefused, ToolFailed
from pileus_volume.rpc import BackupLocation

TIMEOUT_S = (5, 120)  # to connect, and between two pieces of an answer
RETRIES = Retry(
    total=5, backoff_factor=0.5, status_forcelist=(502, 503, 504), allowed_methods=None, raise_on_status=False
)  # a failure with one of many objects must not fail the whole backup
PIECE_BYTES = 1 << 20


def new_session(certificates: Certificates = NO_CERTIFICATES) -> requests.Session:
    """A session whose connection is kept alive through a whole backup."""
    http = certificates.open_session()
    for prefix in ("http://", "https://"):
        http.mount(prefix, HTTPAdapter(max_retries=RETRIES))
    return http


class BackupObjects:
    """The objects in the location's container, by name.

    Raises PeerDown if the object store fails, ToolFailed if it refuses a request.
    """

    def __init__(self, location: BackupLocation, http: requests.Session) -> None:
        self._location, self._http = location, http

    def put(self, name: str, data: bytes) -> None:
        """Store an object."""
        self._send("PUT", name, self._location.write_query, data).close()

    def get(self, name: str, max_bytes: int) -> bytes:
        """The object's content. Raises BackupRefused if it is longer than `max_bytes`, or missing."""
        with self._send("GET", name, self._location.read_query) as response:
            data = bytearray()
            for piece in response.iter_content(PIECE_BYTES):
                data += piece
                if len(data) > max_bytes:
                    raise BackupRefused(why=f"object {name} is longer than {max_bytes} bytes")
        return bytes(data)

    def _send(self, method: str, name: str, query: str, data: bytes | None = None) -> requests.Response:
        try:
            response = self._http.request(
                method,
                f"{self._location.url}/{quote(name)}?{query}",
                data=data,
                stream=True,
                timeout=TIMEOUT_S,
                allow_redirects=False,
            )
        except requests.RequestException as err:  # its text would reveal the URL, which is the right to the object
            raise PeerDown(service="objectstore", why=f"{method} {name}: {type(err).__name__}") from None
        if response.status_code < 300:
            return response
        response.close()
        if response.status_code == 404:
            raise BackupRefused(why=f"object {name} is missing")
        if response.status_code >= 500:
            raise PeerDown(service="objectstore", why=f"{method} {name}: status {response.status_code}")
        raise ToolFailed(tool="object store", why=f"{method} {name}: status {response.status_code}")
