"""A container of the object store that holds image data: its ACLs name this service's user."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import quote, urlencode

from pileus_image.drivers.base import StoreAway, StoreFull
from pileus_image.drivers.object_containers import ObjectContainer, OpenContainer
from pileus_kit.errors import Transient
from pileus_kit.peers import PeerRefused, Peers

SERVICE = "objectstore"
NOT_FOUND, TOO_LARGE = 404, 413
MAX_NAMES = 200
"""Names in one page of a listing and in one bulk deletion."""


class SwiftContainer(ObjectContainer):
    """A container behind Swift's API, called with this service's own token."""

    def __init__(self, peers: Peers, store: str, account: str, container: str) -> None:
        self._peers, self._store, self._account, self._container = peers, store, account, container
        self._path = f"/v1/{account}/{container}"

    def put(self, name: str, data: bytes) -> None:
        with self._translated():
            headers = {"Content-Type": "application/octet-stream"}
            self._peers.send(SERVICE, "PUT", self._of(name), data=data, headers=headers)

    def get(self, name: str) -> bytes | None:
        with self._translated():
            try:
                return self._peers.send(SERVICE, "GET", self._of(name)).content
            except PeerRefused as err:
                if err.status != NOT_FOUND:
                    raise
                return None

    def list_names(self, prefix: str) -> Iterator[Sequence[str]]:
        marker = ""
        while page := self._page(prefix, marker):
            yield page
            marker = page[-1]

    def _page(self, prefix: str, marker: str) -> list[str]:
        query = urlencode({"prefix": prefix, "marker": marker, "limit": MAX_NAMES, "format": "json"})
        with self._translated():
            entries = self._peers.call(SERVICE, "GET", f"{quote(self._path)}?{query}")
        return [entry["name"] for entry in entries]

    def delete(self, names: Sequence[str]) -> None:
        for first in range(0, len(names), MAX_NAMES):
            lines = "\n".join(quote(f"/{self._container}/{name}") for name in names[first : first + MAX_NAMES])
            with self._translated():
                path = f"{quote(f'/v1/{self._account}')}?bulk-delete"
                headers = {"Content-Type": "text/plain"}
                answer = self._peers.send(SERVICE, "POST", path, data=lines.encode(), headers=headers).json()
            if answer["Errors"]:
                name, why = answer["Errors"][0]
                raise StoreAway(store=self._store, why=f"{name} can't be removed: {why}")

    def _of(self, name: str) -> str:
        return quote(f"{self._path}/{name}")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise StoreFull where a quota is reached, and StoreAway where the object store refuses or is away."""
        try:
            yield
        except PeerRefused as err:
            if err.status == TOO_LARGE:
                raise StoreFull() from err
            raise StoreAway(store=self._store, why=f"{err.status} {err}") from err
        except Transient as err:
            raise StoreAway(store=self._store, why=str(err)) from err


def container_opener(peers: Peers) -> OpenContainer:
    """Return what opens containers with this service's token."""
    return lambda store, account, container: SwiftContainer(peers, store, account, container)
