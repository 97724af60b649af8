"""The expirer: objects whose X-Delete-At has passed are deleted for good (readers don't see them any more anyway)."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from pileus_kit import decoding
from pileus_kit.errors import Unavailable
from pileus_objectstore.core.clusters import Cluster
from pileus_objectstore.flows.surroundings import Surroundings
from pileus_objectstore.rpc.contract import (
    DeleteObject,
    Done,
    Expiring,
    ListingReply,
    ObjectReply,
    Settle,
    Spot,
    Upstream,
    timestamp,
)

PAGE = 1000
Row = tuple[str, str, int, str, str, int]


@dataclass
class Expirer:
    """One pass is `run`."""

    around: Surroundings
    cluster: Cluster
    now: Callable[[], float] = time.time

    def run(self) -> str:
        count = 0
        for device in self.around.local("object"):
            while not self.around.over():
                wish = Expiring(device.name, int(self.now()), PAGE)
                data = self.around.ask(device.host, "expiring", wish, ListingReply)[1]
                names = [row[0] for row in decoding.decode(data, list[Row])]
                settled = [name for name in names if self._delete(int(name[:10]), name[10:])]
                if not settled:
                    break
                self.around.ask(device.host, "settle", Settle(device.name, settled), Done)
                count += len(settled)
        return f"{count} expired" if count else ""

    def _delete(self, due: int, path: str) -> bool:
        """False if it has to be tried again. An object that was replaced, or got another time, stays."""
        names = path[1:].split("/", 2)
        rings, stamp = self.cluster.rings, timestamp(self.now())

        def make(spot: Spot, told: tuple[Upstream, ...]) -> DeleteObject:
            return DeleteObject(spot, path, stamp, told, due)

        try:
            place, container = rings.place(*names), rings.place(*names[:2])
            reply = self.cluster.write("delete_object", place, container, ObjectReply, make)
        except Unavailable:
            return False
        return reply.status in (204, 404, 412)
