"""Each device keeps a list of its own objects that have a time to go, in order of that time.

The expirer reads it. No account, container or host has to be up for an object to be remembered here.
"""

from pileus_objectstore.agent.host import Device
from pileus_objectstore.wire.contract import ListingInfo, ListingRow


def enqueue(device: Device, name: str, delete_at: int, timestamp: str) -> None:
    """Remember that `name` goes away at `delete_at` (epoch seconds)."""
    row = ListingRow(f"{delete_at:010d}{name}", timestamp)
    device.listings.create("expiring", 0, "queue", ListingInfo("expiring", put=timestamp))
    with device.listings.use("expiring", 0, "queue") as listing:
        if listing is not None:
            listing.merge([row])
