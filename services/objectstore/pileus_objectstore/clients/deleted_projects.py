"""Asks identity which projects were deleted."""

from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec

from pileus_kit import decoding
from pileus_kit.peers import Peers

PATH = "/v3/OS-PILEUS/deleted-projects"


class DeletedProject(NamedTuple):
    """A project that was deleted at `deleted_at` (epoch seconds). Serials are in the order of deletions."""

    id: str
    serial: int
    deleted_at: float


class _Row(msgspec.Struct):
    """A project as identity shows it."""

    id: str
    serial: int
    deleted_at: datetime


class _Page(msgspec.Struct):
    """What identity answers."""

    projects: list[_Row]


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
        answer = self._peers.send("identity", "GET", f"{PATH}?since={since}")
        rows = decoding.decode(answer.content, _Page).projects
        return [DeletedProject(row.id, row.serial, row.deleted_at.timestamp()) for row in rows]
