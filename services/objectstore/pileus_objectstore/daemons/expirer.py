"""The expirer: objects whose X-Delete-At has passed are deleted for good (readers don't see them any more anyway)."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from pileus_kit import decoding
from pileus_kit.errors import Unavailable
from pileus_objectstore.core.cluster import Cluster
from pileus_objectstore.daemons.context import DaemonContext
from pileus_objectstore.wire.contract import (
    DeleteObject,
    DoneReply,
    ForgetExpired,
    HostReplicas,
    ListExpired,
    ListingHost,
    ListingReply,
    ObjectReply,
    timestamp,
)

PAGE = 1000
ListingRow = tuple[str, str, int, str, str, int]


@dataclass
class Expirer:
    """One pass is `run`."""

    context: DaemonContext
    cluster: Cluster
    now: Callable[[], float] = time.time

    def run(self) -> str:
        count = 0
        for device in self.context.local("object"):
            while not self.context.stopping():
                args = ListExpired(device.name, int(self.now()), PAGE)
                data = self.context.ask(device.host, "expiring", args, ListingReply)[1]
                names = [row[0] for row in decoding.decode(data, list[ListingRow])]
                settled = [name for name in names if self._delete(int(name[:10]), name[10:])]
                if not settled:
                    break
                self.context.ask(device.host, "settle", ForgetExpired(device.name, settled), DoneReply)
                count += len(settled)
        return f"{count} expired" if count else ""

    def _delete(self, if_delete_at: int, path: str) -> bool:
        """False if it has to be tried again. An object that was replaced, or got another time, stays."""
        names = path[1:].split("/", 2)
        rings, stamp = self.cluster.rings, timestamp(self.now())

        def make(replicas: HostReplicas, listing_hosts: tuple[ListingHost, ...]) -> DeleteObject:
            return DeleteObject(replicas, path, stamp, listing_hosts, if_delete_at)

        try:
            placement, container = rings.placement(*names), rings.placement(*names[:2])
            reply = self.cluster.write("delete_object", placement, container, ObjectReply, make)
        except Unavailable:
            return False
        return reply.status in (204, 404, 412)
