"""The expirer's queue: each device lists its own objects that will expire, in the order of that time.

No account, container or other host has to be up for an object to be entered here.
"""

from pileus_objectstore.agent.host import Device
from pileus_objectstore.core.listing_rows import policy_mark
from pileus_objectstore.wire.contract import ListingInfo, ListingRow

EXPIRER_QUEUE = ("expiring", 0, "queue")  # the queue's kind, partition and digest among the device's listings


def enqueue(device: Device, name: str, delete_at: int, timestamp: str, policy: int = 0) -> None:
    """Enter that the object at path `name` of a storage policy expires at `delete_at` (epoch seconds)."""
    row = ListingRow(f"{delete_at:010d}{name}", timestamp, type=policy_mark(policy))
    device.listings.create(*EXPIRER_QUEUE, ListingInfo("expiring", put=timestamp))
    flush = device.listings.append(*EXPIRER_QUEUE, [row])
    if flush is not None:
        flush.wait()
