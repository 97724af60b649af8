"""The other side of container sync: a container of any cluster that speaks Swift's API, reached by signed requests."""

import http.client
import secrets
import ssl
from collections.abc import Iterator, Mapping
from urllib.parse import quote, urlsplit

from pileus_objectstore.core.sync_realms import Destination, sign

TIMEOUT_S = 60.0  # of one step, such as to connect or to send a piece
AWAY = (429, 498)  # and all from 500 on: the same request may succeed later
UNUSABLE = (401, 403, 405, 497)  # the container itself, or its key, isn't usable


class PeerAway(Exception):
    """The other cluster doesn't answer, or has no container with this key now; all that follows would fail, too."""


class ObjectRefused(Exception):
    """The other cluster doesn't take this object; others may succeed."""


class SyncPeer:
    """One container of another cluster. Close it after use."""

    def __init__(self, destination: Destination, key: str, authorities: str = "") -> None:
        """`key` is the containers'. `authorities` is a PEM file that verifies the other side beside the system's."""
        self._destination, self._key = destination, key
        self._path = urlsplit(destination.url).path
        self._authorities = authorities
        self._connection: http.client.HTTPConnection | None = None

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def timestamp(self, name: str) -> str:
        """The X-Timestamp of an object; '' if there is none. Raises PeerAway, ObjectRefused."""
        status, stamp = self._call("HEAD", name, "0", {})
        return stamp if status == 200 else ""

    def put(self, name: str, stamp: str, headers: Mapping[str, str], size: int, body: Iterator[bytes]) -> None:
        """Store an object, unless there is something newer. Raises PeerAway, ObjectRefused."""
        status, _ = self._call("PUT", name, stamp, {**headers, "Content-Length": str(size)}, body)
        if status == 404:
            raise PeerAway("there is no such container")

    def delete(self, name: str, stamp: str) -> None:
        """Delete an object, unless there is something newer. Raises PeerAway, ObjectRefused."""
        self._call("DELETE", name, stamp, {})

    def _call(
        self, method: str, name: str, stamp: str, headers: Mapping[str, str], body: Iterator[bytes] | None = None
    ) -> tuple[int, str]:
        """(status, X-Timestamp) of the answer, which is 2xx, 404 or 409."""
        try:
            answer = self._exchange(method, name, stamp, headers, body)
            answer.read()
        except (OSError, http.client.HTTPException) as e:
            self.close()
            raise PeerAway(str(e) or type(e).__name__) from e
        if answer.will_close:
            self.close()
        status = answer.status
        if status >= 500 or status in AWAY or status in UNUSABLE:
            raise PeerAway(f"it answers {status}")
        if status >= 300 and status not in (404, 409):
            raise ObjectRefused(f"it answers {status}")
        return status, answer.getheader("X-Timestamp", "")

    def _exchange(
        self, method: str, name: str, stamp: str, headers: Mapping[str, str], body: Iterator[bytes] | None
    ) -> http.client.HTTPResponse:
        path, nonce = f"{self._path}/{quote(name)}", secrets.token_hex(16)
        realm = self._destination.realm
        signature = sign(method, path, stamp, nonce, realm.keys[0], self._key)
        signed = {**headers, "X-Timestamp": stamp, "X-Container-Sync-Auth": f"{realm.name} {nonce} {signature}"}
        encoded = {header: value.encode() for header, value in signed.items()}
        if self._connection is None:
            self._connection = self._connect()
        try:
            self._connection.request(method, path, body, encoded)
        except (BrokenPipeError, ConnectionResetError):
            if body is None:
                raise
            # a refusal that came before the body's end says more than the connection that it closed
        return self._connection.getresponse()

    def _connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self._destination.url)
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "https":
            context = ssl.create_default_context()  # the other cluster may have another authority than this cloud
            if self._authorities:
                context.load_verify_locations(self._authorities)
            return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
