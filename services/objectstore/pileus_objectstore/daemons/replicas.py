"""One file of one device, on its way to another."""

from dataclasses import dataclass

from pileus_objectstore.ring.devices import Device
from pileus_objectstore.wire.contract import HeldReplica


@dataclass(frozen=True)
class Replica:
    kind: str
    source: Device
    partition: int
    held: HeldReplica
