"""Reads the most recent of a host's replicas of a listing."""

import logging
from collections.abc import Callable
from typing import TypeVar

from pileus_objectstore.agent.host import Host
from pileus_objectstore.errors import Damaged, DeviceFailed
from pileus_objectstore.storage.listing_database import ListingDatabase
from pileus_objectstore.wire.contract import HostReplicas

log = logging.getLogger(__name__)
T = TypeVar("T")


def best_replica(host: Host, kind: str, replicas: HostReplicas, read: Callable[[ListingDatabase], T]) -> T | None:
    """Ask the replica with the latest change; if it can't answer, the next one.

    None: there is no such listing. Raises DeviceFailed if that is not certain, because half of its devices or
    more can't be read.
    """
    ranked = []
    silent = set(replicas.devices)
    for rank, device in enumerate(host.holders(replicas)):
        try:
            with device.listings.use(kind, replicas.partition, replicas.digest) as listing:
                if listing is not None:
                    info = listing.info
                    ranked.append((max(info.newest, info.put, info.deleted), -rank, device))
            silent.discard(device.name)
        except Damaged as e:
            log.error("%s", e)
            silent.discard(device.name)
        except DeviceFailed as e:
            log.error("%s", e)
    for _, _, device in sorted(ranked, key=lambda entry: entry[:2], reverse=True):
        try:
            with device.listings.use(kind, replicas.partition, replicas.digest) as listing:
                if listing is not None:
                    return read(listing)
        except (Damaged, DeviceFailed) as e:
            log.error("%s", e)
            silent.add(device.name)
    if silent and 2 * len(silent) >= len(replicas.devices):
        raise DeviceFailed(device=", ".join(sorted(silent)), why="its listings can't be read")
    return None
