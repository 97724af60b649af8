"""Describes guests for their hosts: makes the typed `Guest` of the rows of a server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from pileus_compute.core import image_properties, metadata_files, server_ports, server_volumes
from pileus_compute.core.network_data import Subnet
from pileus_compute.db.models import Server, ServerPort, ServerVolume
from pileus_compute.rpc import Guest, Image, LocalDisk, Nic, Volume
from pileus_kit.json_types import JsonObject


@dataclass(frozen=True)
class ImageTicket:
    """A host's right to read or write the data of one image, with what the image service says of that data."""

    url: str
    ticket: str
    format: str | None = None
    size: int | None = None
    virtual_size: int | None = None
    sha256: str | None = None


def tap_of(port_id: str) -> str:
    """Return the name that the network's agent gives to the tap of a port."""
    return f"tap{port_id[:11]}"


Rows = tuple[Server, list[ServerPort], list[ServerVolume]]


def find(session: Session, server_id: str) -> Rows | None:
    """Return the server, its ports and its volumes; None if there is no such server."""
    server = session.get(Server, server_id)
    if server is None:
        return None
    return server, server_ports.list_ports(session, server_id), server_volumes.list_volumes(session, server_id)


def load(session: Session, server_id: str) -> Rows:
    """Return the server, which is known to exist, its ports and its volumes."""
    server = session.get_one(Server, server_id)
    return server, server_ports.list_ports(session, server_id), server_volumes.list_volumes(session, server_id)


def describe(
    session: Session,
    server_id: str,
    tickets: Mapping[str, ImageTicket] | None = None,
    files: bool = False,
    subnets: Sequence[Subnet] = (),
) -> Guest:
    """Return the guest that the server's rows describe.

    `tickets` are by image id, for images that the host has to fetch. With `files`, the guest has the files of the
    config drive, if the server has one; `subnets` are those of its ports.
    """
    server, ports, volumes = load(session, server_id)
    tickets = tickets or {}
    flavor, meta = server.flavor, server.image
    swap, ephemeral = flavor["swap_mib"], flavor["ephemeral_gib"]
    drive = None
    if server.config_drive and files:
        drive = metadata_files.config_drive(server, ports, volumes, subnets)
    return Guest(
        id=server.id,
        name=f"instance-{server.id[:8]}",
        hostname=server.hostname,
        vcpus=server.vcpus,
        memory_mib=server.memory_mib,
        root_gib=flavor["disk_gib"] if server.image_id else 0,
        image=image_of(server.image_id, meta, tickets) if server.image_id else None,
        kernel=_side_image(meta, "kernel_id", "aki", tickets),
        ramdisk=_side_image(meta, "ramdisk_id", "ari", tickets),
        cmdline=str(meta.get("os_command_line", "")),
        swap_mib=swap,
        ephemeral=(LocalDisk(ephemeral * 1024),) if ephemeral else (),
        nics=tuple(nic_of(p) for p in ports),
        volumes=tuple(volume_of(v) for v in volumes if v.connection_info),
        config_drive=drive,
        properties=properties_of(server),
        project_id=server.project_id,
        user_id=server.user_id,
    )


def image_of(image_id: str, meta: JsonObject, tickets: Mapping[str, ImageTicket]) -> Image:
    """Return an image. What the image service says with the ticket overrides what the server remembers."""
    ticket = tickets.get(image_id) or ImageTicket("", "")
    return Image(
        id=image_id,
        url=ticket.url,
        ticket=ticket.ticket,
        format=ticket.format or meta.get("disk_format") or "raw",
        size=meta.get("size") if ticket.size is None else ticket.size,
        virtual_size=meta.get("virtual_size") if ticket.virtual_size is None else ticket.virtual_size,
        sha256=meta.get("sha256") if ticket.sha256 is None else ticket.sha256,
    )


def _side_image(meta: JsonObject, key: str, kind: str, tickets: Mapping[str, ImageTicket]) -> Image | None:
    image_id = meta.get(key)
    return image_of(image_id, {"disk_format": kind}, tickets) if image_id else None


def nic_of(port: ServerPort) -> Nic:
    """Return the guest's interface for a port."""
    return Nic(port_id=port.id, mac=port.mac, tap=tap_of(port.id), mtu=port.mtu)


def volume_of(volume: ServerVolume) -> Volume:
    """Return the guest's disk for a volume."""
    return Volume(
        id=volume.volume_id or "",
        connection_info=volume.connection_info or {},
        device=volume.device or "",
        boot_index=volume.boot_index if volume.boot_index is not None and volume.boot_index >= 0 else None,
    )


def properties_of(server: Server) -> dict[str, str]:
    """Return the hardware properties of the server's image and flavor (see properties_from)."""
    return properties_from(server.image, server.flavor)


def properties_from(image: JsonObject, flavor: JsonObject) -> dict[str, str]:
    """Return the image's hardware properties. The flavor's `hw:x`, `os:x` and `trait:x` override `hw_x` and so on."""
    found = {k: str(v) for k, v in image.items() if k.startswith(image_properties.PREFIXES) and v is not None}
    for key, value in flavor.get("extra_specs", {}).items():
        kind, _, name = key.partition(":")
        if kind in ("hw", "os"):
            found[f"{kind}_{name}"] = str(value)
        elif key.startswith(image_properties.TRAIT):
            found[key] = str(value)
    return found


def image_ids(server: Server) -> list[str]:
    """Return the images that a host needs to make the server's disks."""
    wanted = (server.image_id, server.image.get("kernel_id"), server.image.get("ramdisk_id"))
    return [i for i in wanted if i]
