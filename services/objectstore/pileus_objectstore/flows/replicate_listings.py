"""Listings exchange the rows that changed, and their heads."""

from pileus_objectstore.flows.items import Item
from pileus_objectstore.flows.surroundings import Surroundings
from pileus_objectstore.ring.devices import Device
from pileus_objectstore.rpc.contract import Done, Held, MergeListing, Replicate, ReplicateReply

PAGE = 1000


def push_listing(around: Surroundings, item: Item, to: Device, there: Held | None) -> bool:
    """True if something had to be sent. Raises HostDown if it did not arrive."""
    held, since, sent = item.held, 0, False
    if there is not None and (there.stamp, there.posted) == (held.stamp, held.posted):
        return False
    while True:
        wish = Replicate(item.kind, item.source.name, item.partition, held.digest, since, PAGE)
        reply, rows = around.ask(item.source.host, "changes", wish, ReplicateReply)
        if reply.status == 404 or reply.info is None:
            return sent
        if there is None and not reply.info.live and around.forgotten(reply.info.deleted):
            return False
        merge = MergeListing(item.kind, to.name, item.partition, held.digest, reply.info)
        around.ask(to.host, "merge_listing", merge, Done, rows)
        sent = True
        if reply.upto <= since or rows == b"[]":
            return sent
        since = reply.upto
