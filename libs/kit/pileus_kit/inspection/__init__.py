"""Looks at a machine of the cloud and changes nothing: the same for `pileus doctor` on it and for agents elsewhere."""

from pileus_kit.inspection.facts import (
    TIMEOUT_S,
    DeadDhcp,
    DeviceDamage,
    ExposedPath,
    GuestFacts,
    Inspection,
    MachineFacts,
    NetworkFacts,
    ProcessFacts,
    VolumeFacts,
)
from pileus_kit.inspection.guests import inspect_guests
from pileus_kit.inspection.local import inspect_here
from pileus_kit.inspection.machine import inspect_machine
from pileus_kit.inspection.network import inspect_network
from pileus_kit.inspection.volumes import inspect_volumes

__all__ = [
    "TIMEOUT_S",
    "DeadDhcp",
    "DeviceDamage",
    "ExposedPath",
    "GuestFacts",
    "Inspection",
    "MachineFacts",
    "NetworkFacts",
    "ProcessFacts",
    "VolumeFacts",
    "inspect_guests",
    "inspect_here",
    "inspect_machine",
    "inspect_network",
    "inspect_volumes",
]
