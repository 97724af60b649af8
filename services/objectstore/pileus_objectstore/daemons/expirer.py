"""The expirer: deletes objects whose X-Delete-At has passed. Readers have not seen them since that time."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pileus_kit import decoding
from pileus_kit.errors import Unavailable
from pileus_objectstore.core import object_versioning
from pileus_objectstore.core.listing import Entry
from pileus_objectstore.core.listing_rows import policy_of
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.daemons.context import DaemonContext
from pileus_objectstore.ring.devices import Device
from pileus_objectstore.wire.contract import (
    DeleteObject,
    HostReplicas,
    ListingHost,
    ListingReply,
    ObjectReply,
    timestamp,
)
from pileus_objectstore.wire.daemon_calls import DoneReply, ForgetExpired, ListExpired

log = logging.getLogger(__name__)
PAGE = 1000
TIME_DIGITS = 10  # an entry's name is the time in epoch seconds, then the object's path


@dataclass
class Expirer:
    """Deletes the expired objects of this host's devices; `run` makes one pass."""

    context: DaemonContext
    tools: Tools
    now: Callable[[], float] = time.time

    def run(self) -> str:
        """Make one pass; what was done, '' for nothing. A device that can't be used keeps no other one waiting."""
        count = failed = 0
        for device in self.context.mounted():
            try:
                for handled in self._pages(device):
                    count += handled
            except Unavailable as e:
                log.warning("%s", e)
                failed += 1
        if not (count or failed):
            return ""
        return f"{count} expired" + (f", {failed} devices failed" if failed else "")

    def _pages(self, device: Device) -> Iterator[int]:
        """Handle the entries of a device page by page; how many of each page. Raises HostDown."""
        while not self.context.stopping():
            args = ListExpired(device.name, int(self.now()), PAGE)
            data = self.context.ask(device.host, "list_expired", args, ListingReply)[1]
            handled = [entry.name for entry in decoding.decode(data, list[Entry]) if self._delete(entry)]
            if not handled:
                return
            self.context.ask(device.host, "forget_expired", ForgetExpired(device.name, handled), DoneReply)
            yield len(handled)

    def _delete(self, entry: Entry) -> bool:
        """Delete an object if it still expires at that time; False if this must be tried again."""
        delete_at, path = int(entry.name[:TIME_DIGITS]), entry.name[TIME_DIGITS:]
        names, policy = path[1:].split("/", 2), policy_of(entry.content_type)
        cluster, stamp = self.tools.cluster, timestamp(self.now())

        def make(replicas: HostReplicas, listing_hosts: tuple[ListingHost, ...]) -> DeleteObject:
            return DeleteObject(replicas, path, stamp, listing_hosts, delete_at)

        try:
            placement, container = cluster.rings.placement(*names, policy=policy), cluster.rings.placement(*names[:2])
            reply = cluster.write("delete_object", placement, container, ObjectReply, make)
            if reply.status == 204:
                object_versioning.delete_parts(self.tools, Target(*names), reply.meta)
        except Unavailable:
            return False
        return reply.status in (204, 404, 412)
