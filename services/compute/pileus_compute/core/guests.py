"""From rows to what a host is told: the typed description of a guest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_compute.core import image_properties, metadata_files
from pileus_compute.core.network_data import Subnet
from pileus_compute.db.models import Server, ServerPort, ServerVolume
from pileus_compute.rpc import Guest, Image, LocalDisk, Nic, Volume


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
    """The name that the network's agent gives to the tap of a port."""
    return f"tap{port_id[:11]}"


def load(session: Session, server_id: str) -> tuple[Server, list[ServerPort], list[ServerVolume]]:
    server = session.get_one(Server, server_id)
    ports = list(
        session.scalars(select(ServerPort).where(ServerPort.server_id == server_id).order_by(ServerPort.position))
    )
    volumes = list(
        session.scalars(select(ServerVolume).where(ServerVolume.server_id == server_id).order_by(ServerVolume.position))
    )
    return server, ports, volumes


def describe(
    session: Session,
    server_id: str,
    tickets: Mapping[str, ImageTicket] | None = None,
    files: bool = False,
    subnets: Sequence[Subnet] = (),
) -> Guest:
    """The guest as its rows say. `tickets`: by image id, for those that the host has to fetch;
    `files`: with the content of the config drive, if the server has one."""
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


def image_of(image_id: str, meta: dict[str, Any], tickets: Mapping[str, ImageTicket]) -> Image:
    """What the image service says with the ticket is newer than what the server remembers."""
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


def _side_image(meta: dict[str, Any], key: str, kind: str, tickets: Mapping[str, ImageTicket]) -> Image | None:
    image_id = meta.get(key)
    return image_of(image_id, {"disk_format": kind}, tickets) if image_id else None


def nic_of(port: ServerPort) -> Nic:
    return Nic(port_id=port.id, mac=port.mac, tap=tap_of(port.id), mtu=port.mtu)


def volume_of(volume: ServerVolume) -> Volume:
    return Volume(
        id=volume.volume_id or "",
        connection_info=volume.connection_info or {},
        device=volume.device or "",
        boot_index=volume.boot_index if volume.boot_index is not None and volume.boot_index >= 0 else None,
    )


def properties_of(server: Server) -> dict[str, str]:
    """The image's hardware properties. A flavor's `hw:x` says the same as `hw_x` and wins; so `os:x` and `trait:x`."""
    return properties_from(server.image, server.flavor)


def properties_from(image: dict[str, Any], flavor: dict[str, Any]) -> dict[str, str]:
    found = {k: str(v) for k, v in image.items() if k.startswith(image_properties.PREFIXES) and v is not None}
    for key, value in flavor.get("extra_specs", {}).items():
        kind, _, name = key.partition(":")
        if kind in ("hw", "os"):
            found[f"{kind}_{name}"] = str(value)
        elif key.startswith(image_properties.TRAIT):
            found[key] = str(value)
    return found


def image_ids(server: Server) -> list[str]:
    """The images that a host needs to make the server's disks."""
    wanted = (server.image_id, server.image.get("kernel_id"), server.image.get("ramdisk_id"))
    return [i for i in wanted if i]
