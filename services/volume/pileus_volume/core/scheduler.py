"""The scheduler: which storage host takes a volume or a group, and what each of the others lacks."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from pileus_volume.core import capabilities
from pileus_volume.core.hosts import is_up
from pileus_volume.core.pools import Pool, list_pools, machine_of
from pileus_volume.db.models import StorageHost
from pileus_volume.errors import NoValidBackend

MIN_FREE_GIB = 1.0  # a disk with less than this takes no volume, however much may still be promised


@dataclass(frozen=True)
class RequestSpec:
    """What a volume asks of a storage host.

    `only_pool`: the pool of its source or its group, which it can't leave; `not_pool`: the one that it leaves;
    `machine`: where it has to stay.
    """

    size_gib: int
    extra_specs: Mapping[str, str]
    availability_zone: str | None
    only_pool: str | None = None
    not_pool: str | None = None
    machine: str | None = None


def pick_pool(session: Session, *specs: RequestSpec) -> str:
    """The pool that meets all specs. Raises NoValidBackend, which says for each host what it lacks."""
    reasons = []
    for pool in list_pools(session):
        why = next(filter(None, (_lacks(pool, spec) for spec in specs)), None)
        if why is None:
            return pool.host.pool
        reasons.append(f"{pool.host.name}: {why}")
    raise NoValidBackend(why="; ".join(reasons) or "there is no storage host")


def find_lack(session: Session, host: StorageHost, spec: RequestSpec) -> str | None:
    """What this storage host lacks, as a sentence about it; None if it takes the volume."""
    return next((_lacks(pool, spec) for pool in list_pools(session) if pool.host.name == host.name), "it is unknown")


def _lacks(pool: Pool, spec: RequestSpec) -> str | None:
    host = pool.host
    if spec.only_pool and host.pool != spec.only_pool:
        return "the source is elsewhere"
    if host.pool == spec.not_pool:
        return "the volume is there"
    if spec.machine and machine_of(host.name) != spec.machine:
        return f"it is another machine, and volumes move between the backends of {spec.machine} only"
    if host.disabled or host.frozen:
        return "it is disabled"
    if not is_up(host):
        return f"it has been silent since {host.seen_at:%H:%M:%S}"
    if why := capabilities.find_unmet(host, spec.extra_specs):
        return why
    if spec.availability_zone and host.availability_zone != spec.availability_zone:
        return f"it is in zone {host.availability_zone}, not {spec.availability_zone}"
    if pool.room_gib < spec.size_gib or host.free_gib < MIN_FREE_GIB:
        return f"{max(pool.room_gib, 0):.0f} GiB may still be promised, {host.free_gib:.1f} GiB are free"
    return None
