"""A replica that is being pushed to another device."""

from dataclasses import dataclass

from pileus_objectstore.ring.devices import Device
from pileus_objectstore.wire.daemon_calls import HeldReplica


@dataclass(frozen=True)
class Replica:
    """One object file or listing of one device of this host."""

    kind: str
    source: Device
    partition: int
    held: HeldReplica
    policy: int = 0
