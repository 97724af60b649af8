"""A device is one disk (or one directory that plays a disk) of one storage host."""

import msgspec


class Device(msgspec.Struct, frozen=True):
    """`host` is the address of the storage server that owns the device; `name` is its directory there."""

    id: int
    name: str
    host: str
    region: int = 1
    zone: int = 1
    weight: float = 100.0

    @property
    def tiers(self) -> tuple[object, ...]:
        """What two devices may have in common, from the region to the device itself."""
        return (self.region, (self.region, self.zone), self.host, self.id)


def distance(one: Device, other: Device) -> int:
    """4 another region, 3 another zone, 2 another host, 1 another device, 0 the same."""
    for level, (a, b) in enumerate(zip(one.tiers, other.tiers, strict=True)):
        if a != b:
            return 4 - level
    return 0
