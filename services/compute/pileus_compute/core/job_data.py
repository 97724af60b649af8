"""What the jobs of each flow carry.

The fields without a default, and those that say so, are given when the job is enqueued; the others are what its steps
have found out so far. A step reads them with `work.data_as(…)` and returns a dict of those that it adds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pileus_compute.core.server_ports import PortRecord
from pileus_compute.core.server_volumes import ConnectedVolume
from pileus_compute.rpc import Booted
from pileus_kit.json_types import JsonObject

Added = dict[str, object]
"""What a step adds to its job's data."""


@dataclass(frozen=True)
class RequestedNetwork:
    """An interface that a server shall have: on a new port, or on a port that the user made."""

    network_id: str
    network_name: str
    mtu: int = 1500
    port_id: str | None = None
    """The user's port; None: a port is made."""
    fixed_ip: str | None = None
    tag: str | None = None
    port_security: bool = True
    groups: tuple[str, ...] = ()
    """Ids of the security groups that the user's port has."""


@dataclass(frozen=True)
class CreateServerData:
    networks: tuple[RequestedNetwork, ...] = ()
    """Given."""
    security_groups: tuple[str, ...] | None = None
    """Given: ids for the ports that are made; None: the project's default group."""
    excluded: tuple[str, ...] = ()
    """Hosts on which the build has failed already."""
    host: str = ""
    hostname: str = ""
    ports: tuple[PortRecord, ...] = ()
    created: Mapping[str, str] = field(default_factory=dict)
    """Row -> the volume that was made for it."""
    connected: Mapping[str, ConnectedVolume] = field(default_factory=dict)
    """Row -> the attachment of its volume."""
    booted: Booted | None = None


@dataclass(frozen=True)
class ConnectionsData:
    """What the flows have in common that connect all of a server's volumes."""

    connected: Mapping[str, ConnectedVolume]
    """Row -> the attachment of its volume."""


@dataclass(frozen=True)
class BootData:
    """What the flows have in common that boot a guest."""

    booted: Booted | None = None


@dataclass(frozen=True)
class DeleteServerData:
    host: str | None = None
    others: tuple[str, ...] = ()
    """Hosts on which a move has left something of the server."""
    project_id: str = ""
    users_ports: tuple[str, ...] = ()
    has_volumes: bool = False
    volumes_to_delete: tuple[str, ...] = ()
    image_id: str | None = None
    """The image that a shelved server's disk is."""


@dataclass(frozen=True)
class AttachInterfaceData:
    network: RequestedNetwork
    security_groups: tuple[str, ...] | None = None
    """Given."""
    host: str = ""
    """Empty: the server is on no host."""
    port: PortRecord | None = None
    address: str = ""


@dataclass(frozen=True)
class DetachInterfaceData:
    port_id: str
    host: str | None = None
    delete_on_termination: bool = True


@dataclass(frozen=True)
class AttachVolumeData:
    """What attaching and detaching a volume have in common."""

    row: str
    """Id of the ServerVolume."""
    volume_id: str = ""
    project_id: str = ""
    host: str | None = None
    connected: ConnectedVolume | None = None
    device: str = ""
    address: str = ""


@dataclass(frozen=True)
class ExtendVolumeData:
    volume_id: str


@dataclass(frozen=True)
class RebuildServerData:
    change: JsonObject
    """Columns of the server as the rebuild wants them."""
    running: bool
    """Whether the server ran, and so runs when it is rebuilt."""
    volume_id: str = ""
    """Given if the server boots from a volume: it gets the image's content."""
    image_id: str = ""
    """Given with `volume_id`."""
    old: JsonObject = field(default_factory=dict)
    """The same columns as they were."""
    held: str = ""
    """Id of the attachment that keeps the volume for the server meanwhile."""
    swapped: bool = False
    """The old attachment is given up: there is no way back."""
    connection_info: JsonObject | None = None
    booted: Booted | None = None


@dataclass(frozen=True)
class RescueServerData:
    image_id: str
    image: JsonObject
    """What is to be known of the image."""


@dataclass(frozen=True)
class ResizeServerData:
    flavor: JsonObject
    """The new flavor, as a server remembers it."""
    running: bool
    """Whether the server ran, and so runs when it is resized."""
    booted: Booted | None = None


@dataclass(frozen=True)
class RevertResizeData:
    running: bool = False
    booted: Booted | None = None


@dataclass(frozen=True)
class MigrateServerData:
    action: str
    """What was asked for: migrate or resize."""
    flavor: JsonObject
    """The flavor that the server has on the other host, as a server remembers it."""
    running: bool
    """Whether the server ran, and so runs on the other host."""
    source: str
    """The host that the server leaves."""
    requested_host: str | None = None
    """Given by administrators: the only host that will do."""
    images: Mapping[str, str] = field(default_factory=dict)
    """Given: disk -> the image in which it travels. A disk is "root" or the number of a blank one."""
    host: str = ""
    zone: str | None = None
    connected: Mapping[str, ConnectedVolume] = field(default_factory=dict)
    booted: Booted | None = None


@dataclass(frozen=True)
class EvacuateServerData:
    source: str
    """The host that is down."""
    running: bool
    """Whether the server is to run on the other host."""
    requested_host: str | None = None
    forced: bool = False
    """The requested host takes the server whatever else is asked of its host."""
    host: str = ""
    zone: str | None = None
    """The zone that the server was in."""
    connected: Mapping[str, ConnectedVolume] = field(default_factory=dict)
    booted: Booted | None = None


@dataclass(frozen=True)
class RevertMigrateData:
    source: str
    """The host that the server goes back to."""
    host: str
    """The host that it leaves."""
    running: bool
    connected: Mapping[str, ConnectedVolume] = field(default_factory=dict)
    booted: Booted | None = None


@dataclass(frozen=True)
class ReturnServerData:
    running: bool
    """Whether the server is to run on the host where it is."""
    host: str = ""
    connected: Mapping[str, ConnectedVolume] = field(default_factory=dict)
    booted: Booted | None = None


@dataclass(frozen=True)
class LeaveHostData:
    host: str
    destroyed: bool = False


@dataclass(frozen=True)
class ShelveServerData:
    image_id: str | None
    """The image that the root disk becomes; None: the server boots from a volume."""


@dataclass(frozen=True)
class UnshelveServerData:
    zone: str | None = None
    """Given: where the server is to be put."""
    host: str = ""
    here: bool = True
    """The server was not offloaded: its disks are on the host."""
    image_id: str | None = None
    connected: Mapping[str, ConnectedVolume] = field(default_factory=dict)
    booted: Booted | None = None


@dataclass(frozen=True)
class DeleteImageData:
    image_id: str


@dataclass(frozen=True)
class SnapshotServerData:
    image_id: str
    format: str = "qcow2"
    backup_type: str = ""
    """Given for backups: only the newest `rotation` backups of this type stay."""
    rotation: int = 0


@dataclass(frozen=True)
class SnapshotDisk:
    """A volume of the server, as the image that is made of it describes it."""

    volume_id: str
    device_name: str | None
    boot_index: int | None
    delete_on_termination: bool


@dataclass(frozen=True)
class TakenSnapshot:
    snapshot_id: str
    volume_size: int


@dataclass(frozen=True)
class SnapshotVolumesData:
    image_id: str
    image_name: str
    project_id: str
    disks: tuple[SnapshotDisk, ...]
    taken: Mapping[str, TakenSnapshot] = field(default_factory=dict)
    """Volume -> its snapshot."""


def as_json(data: object) -> Any:
    """A job's data, or a part of it, as the database keeps it."""
    return msgspec.to_builtins(data)
