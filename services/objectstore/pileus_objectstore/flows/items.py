"""One file of one device, on its way to another."""

from dataclasses import dataclass

from pileus_objectstore.ring.devices import Device
from pileus_objectstore.rpc.contract import Held


@dataclass(frozen=True)
class Item:
    kind: str
    source: Device
    partition: int
    held: Held
