"""Pools: a storage host's room, and how much of it volumes have claimed already."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pileus_volume.db.models import StorageHost, Volume


@dataclass(frozen=True)
class Pool:
    """A storage host and the GiB that its volumes have claimed."""

    host: StorageHost
    claimed_gib: int

    @property
    def room_gib(self) -> float:
        """How much more may be promised; volumes are thin, so more than the disk has."""
        return self.host.total_gib * self.host.overcommit - self.claimed_gib


def machine_of(name: str) -> str:
    """The name of the machine, as its agent is called, in `machine@backend#pool` or in a storage host's name."""
    return name.partition("@")[0]


def find_host(session: Session, name: str) -> StorageHost | None:
    """The storage host by its name, or by its pool's with or without `#pool`; one statement for each whole pool."""
    if "#" in name:
        return session.scalar(select(StorageHost).where(StorageHost.pool == name).limit(1))
    found = session.get(StorageHost, name)
    if found is not None or not name:
        return found
    is_backend = StorageHost.pool.startswith(f"{name}#", autoescape=True)
    return session.scalar(select(StorageHost).where(is_backend).order_by(StorageHost.name).limit(1))


def list_pools(session: Session) -> list[Pool]:
    """All pools, read with one statement; the one with most room first."""
    rows = session.execute(
        select(StorageHost, func.coalesce(func.sum(Volume.claimed), 0))
        .outerjoin(Volume, Volume.host == StorageHost.pool)
        .group_by(StorageHost.name)
        .limit(10_000)
    )
    pools = (Pool(host, int(claimed)) for host, claimed in rows)
    return sorted(pools, key=lambda pool: (-pool.room_gib, pool.host.name))
