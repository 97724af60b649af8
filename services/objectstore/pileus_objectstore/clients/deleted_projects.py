"""Asks identity which projects were deleted."""

from datetime import datetime
from typing import Any, NamedTuple, Protocol

from pileus_kit.peers import Peers

PATH = "/v3/OS-PILEUS/deleted-projects"


class DeletedProject(NamedTuple):
    """A project that was deleted at `deleted_at` (epoch seconds). Serials are in the order of deletions."""

    id: str
    serial: int
    deleted_at: float


class DeletedProjects(Protocol):
    """Lists the projects that were deleted after a serial, oldest first, page by page; none at the end."""

    def __call__(self, since: int) -> list[DeletedProject]:
        """Return the next page. Raises PeerDown or PeerRefused."""
        ...


class IdentityDeletedProjects:
    """Asks identity, as the service's own user."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    def __call__(self, since: int) -> list[DeletedProject]:
        """Return the next page. Raises PeerDown or PeerRefused."""
        answer: Any = self._peers.send("identity", "GET", f"{PATH}?since={since}").json()
        return [
            DeletedProject(row["id"], row["serial"], datetime.fromisoformat(row["deleted_at"]).timestamp())
            for row in answer["projects"]
        ]
