"""Servers: find, create, request deletion, archive. What takes longer than a request is a job (see `flows`)."""

import re
import secrets
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import inspect, select, update
from sqlalchemy.orm import Session

from pileus_compute.core import (
    availability_zones,
    block_devices,
    boot_images,
    device_names,
    flavors,
    hosts,
    image_properties,
    keypairs,
    quotas,
    server_groups,
    server_jobs,
    states,
)
from pileus_compute.core.block_devices import BlockDevice, BootSource
from pileus_compute.core.job_data import CreateServerData, RequestedNetwork, as_json
from pileus_compute.db.models import DeletedServer, Flavor, Job, Keypair, Server, ServerTag, ServerVolume
from pileus_compute.errors import FlavorNotFound, GroupNotFound, KeypairNotFound, QuotaExceeded, ServerNotFound
from pileus_kit.auth import Caller
from pileus_kit.db import new_id, now
from pileus_kit.errors import BadRequest, Forbidden
from pileus_kit.flow import enqueue
from pileus_kit.json_types import JsonObject

DELETED = "DELETED"  # the status of a server that is gone
MAX_LABEL = 63  # characters of a hostname
Metadata = dict[str, str]


@dataclass(frozen=True)
class Destination:
    """Where a new server shall run; None: anywhere."""

    zone: str | None = None
    host: str | None = None


@dataclass(frozen=True, kw_only=True)
class ServerRequest:
    """What a request for new servers says, parsed once."""

    name: str
    project_id: str
    user_id: str
    flavor_id: str
    any_flavor: bool = False
    """The caller may use every flavor."""
    zero_disk_flavor: bool = False
    """The caller may boot an image on a local disk with a flavor whose disk is as large as any image."""
    image_id: str | None = None
    block_devices: tuple[BlockDevice, ...] = ()
    min_count: int = 1
    max_count: int = 1
    description: str | None = None
    hostname: str = ""
    """Empty: made from the name."""
    metadata: Metadata
    tags: tuple[str, ...] = ()
    key_name: str | None = None
    user_data: str | None = None
    admin_password: str
    config_drive: bool = False
    disk_config: str | None = None
    access_ip_v4: str | None = None
    access_ip_v6: str | None = None
    destination: Destination = Destination()
    scheduler_hints: JsonObject
    group_id: str | None = None
    group_project: str | None = None
    """The project whose server groups the caller may name; None: all."""


@dataclass(frozen=True)
class ServerNetworks:
    """The interfaces of new servers."""

    networks: tuple[RequestedNetwork, ...] = ()
    security_group_ids: tuple[str, ...] | None = None
    """For the ports that are made; None: the network service gives them the project's default group."""
    security_group_names: tuple[str, ...] = ()
    """What the servers show, also of the ports that they are given."""


# -- create --------------------------------------------------------------------------------------------------------


def create(
    session: Session,
    request: ServerRequest,
    source: BootSource,
    networks: ServerNetworks,
    *,
    caller: Caller,
    default_zone: str,
) -> list[tuple[Server, Job]]:
    """Record new servers and the jobs that will build them.

    Raises BadRequest, Forbidden or QuotaExceeded for what the database refuses.
    """
    flavor = _find_flavor(session, request)
    _check_source(request, source, flavor)
    key = _find_key(session, request)
    quotas.check_metadata(session, request.project_id, request.metadata)
    _check_destination(session, request.destination, default_zone)
    group_id = _find_group(session, request)
    demand = quotas.ServerDemand(
        request.project_id, request.user_id, request.max_count, request.min_count, flavor.vcpus, flavor.memory_mib
    )
    count = quotas.count_allowed_servers(session, demand)
    common = _common_columns(request, source, networks) | {
        "flavor_id": flavor.id,
        "flavor": flavors.copy_of(flavor),
        "vcpus": flavor.vcpus,
        "memory_mib": flavor.memory_mib,
        "key_name": key.name if key else None,
        "public_key": key.public_key if key else None,
        "key_type": key.type if key else None,
        "group_id": group_id,
        "reservation_id": "r-" + secrets.token_hex(4),
    }
    made = [Server(**common | _own_columns(request, index)) for index in range(count)]
    session.add_all(made)
    session.flush()
    session.add_all(ServerTag(server_id=s.id, tag=tag) for s in made for tag in request.tags)
    names = device_names.assign(common["flavor"], [(v.device, v.is_root) for v in source.volumes])
    session.add_all(
        _volume_row(server, position, volume, name)
        for server in made
        for position, (volume, name) in enumerate(zip(source.volumes, names, strict=True))
    )
    flow = "server.create_with_volumes" if source.volumes else "server.create"
    data = as_json(CreateServerData(networks.networks, networks.security_group_ids))
    return [(s, enqueue(session, Job, flow=flow, subject=s.id, data=data, caller=caller)) for s in made]


def _find_flavor(session: Session, request: ServerRequest) -> Flavor:
    try:
        return flavors.find(session, request.flavor_id, request.project_id, see_all=request.any_flavor)
    except FlavorNotFound as err:
        raise BadRequest(why=str(err)) from None


def _check_source(request: ServerRequest, source: BootSource, flavor: Flavor) -> None:
    """Raise BadRequest or Forbidden if the servers can't be made of this source with this flavor."""
    block_devices.check_local_disks(source.local_disks, flavor.ephemeral_gib, flavor.swap_mib)
    if source.from_image:
        disk_gib = flavor.disk_gib if source.image_id else source.root_volume_gib
        boot_images.check_fits(source.image_facts, flavor.memory_mib, disk_gib)
    if source.image_id and flavor.disk_gib == 0 and not request.zero_disk_flavor:
        raise Forbidden(rule="os_compute_api:servers:create:zero_disk_flavor")
    if request.max_count > 1 and any(v.source == "volume" for v in source.volumes):
        raise BadRequest(why="Cannot attach one or more volumes to multiple instances")


def _find_key(session: Session, request: ServerRequest) -> Keypair | None:
    if not request.key_name:
        return None
    try:
        return keypairs.find(session, request.user_id, request.key_name)
    except KeypairNotFound:
        raise BadRequest(why="Invalid key_name provided.") from None


def _check_destination(session: Session, destination: Destination, default_zone: str) -> None:
    if not destination.zone and not destination.host:
        return
    zones = availability_zones.zones_by_host(session, default_zone)
    if destination.host and destination.host not in zones:
        raise BadRequest(why=f"Compute host {destination.host} could not be found.")
    if destination.zone:
        availability_zones.require_zone(destination.zone, set(zones.values()))


def _find_group(session: Session, request: ServerRequest) -> str | None:
    if request.group_id is None:
        return None
    try:
        group = server_groups.find(session, request.group_id, request.group_project)
    except GroupNotFound as err:
        raise BadRequest(why=str(err)) from None
    if server_groups.is_full(session, group):
        raise QuotaExceeded(why="Quota exceeded, too many servers in group")
    return group.id


def _common_columns(request: ServerRequest, source: BootSource, networks: ServerNetworks) -> JsonObject:
    """Return the columns that all the new servers share. A password reaches the guest by a config drive only."""
    config_drive = request.config_drive or image_properties.requires_config_drive(source.image_facts)
    return {
        "project_id": request.project_id,
        "user_id": request.user_id,
        "description": request.description,
        "image_id": source.image_id,
        "image": source.image_facts,
        "meta": request.metadata,
        "user_data": request.user_data,
        "admin_password": request.admin_password if config_drive else None,
        "config_drive": config_drive,
        "disk_config": request.disk_config or "MANUAL",
        "access_ip_v4": request.access_ip_v4,
        "access_ip_v6": request.access_ip_v6,
        "requested_zone": request.destination.zone,
        "requested_host": request.destination.host,
        "scheduler_hints": request.scheduler_hints,
        "security_groups": list(networks.security_group_names),
    }


def _own_columns(request: ServerRequest, index: int) -> JsonObject:
    """Return the columns that tell the server from its siblings: several servers get numbers behind their names."""
    number = index + 1 if request.max_count > 1 else None
    server_id = new_id()
    return {
        "id": server_id,
        "name": request.name if number is None else f"{request.name}-{number}",
        "launch_index": index,
        "hostname": request.hostname or hostname_of(request.name, server_id, number),
    }


def _volume_row(server: Server, position: int, volume: BlockDevice, device: str) -> ServerVolume:
    return ServerVolume(
        server_id=server.id,
        position=position,
        source=volume.source,
        source_id=volume.source_id,
        volume_id=volume.source_id if volume.source == "volume" else None,
        boot_index=volume.boot_index,
        size_gib=volume.size_gib,
        device=device,
        volume_type=volume.volume_type,
        delete_on_termination=volume.delete_on_termination,
        tag=volume.tag,
    )


def hostname_of(name: str, server_id: str, number: int | None = None) -> str:
    """Return a hostname made from a display name: one label of ASCII letters, digits and dashes, since a guest takes
    what follows a dot for its domain. A name without any such character gives a hostname from the id.

    `number` is the server's among several of one request.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^a-z0-9-]+", "", re.sub(r"[ _.]", "-", plain).lower()).strip("-")
    if not plain:
        return f"Server-{server_id}"
    end = "" if number is None else f"-{number}"
    return plain[: MAX_LABEL - len(end)].rstrip("-") + end


# -- find, change, delete --------------------------------------------------------------------------------------------


def find(session: Session, server_id: str, project_id: str | None = None) -> Server:
    """Return the server (of the project, if one is given). Raises ServerNotFound."""
    server = session.get(Server, server_id)
    if server is None or (project_id is not None and server.project_id != project_id):
        raise ServerNotFound(server=server_id)
    return server


def find_all(session: Session, server_ids: Iterable[str]) -> dict[str, Server]:
    """Return those of these servers that exist, by id."""
    return {s.id: s for s in session.scalars(select(Server).where(Server.id.in_(set(server_ids))))}


def find_even_deleted(session: Session, server_id: str, project_id: str | None = None) -> Server | DeletedServer:
    """Return the server, or what is kept of it if it was deleted. Raises ServerNotFound."""
    try:
        return find(session, server_id, project_id)
    except ServerNotFound:
        deleted = session.get(DeletedServer, server_id)
        if deleted is None or (project_id is not None and deleted.project_id != project_id):
            raise
        return deleted


def update_metadata(session: Session, server: Server, change: Callable[[Metadata], Metadata]) -> None:
    """Replace the server's metadata by what `change` makes of it. Raises BadState or QuotaExceeded."""
    states.require(server, "update_metadata", server_jobs.current_task_state(session, server))
    metadata = change(server.meta)
    quotas.check_metadata(session, server.project_id, metadata)
    server.meta = metadata


def update_security_groups(session: Session, server_id: str, name: str, add: bool) -> None:
    """Note that the server's ports have, or no longer have, this security group."""
    server = session.get_one(Server, server_id)
    others = [n for n in server.security_groups if n != name]
    server.security_groups = others + ([name] if add else [])


def reset_status(session: Session, server: Server, status: str) -> None:
    """Set the status to what an administrator says. Jobs of the server go on."""
    session.execute(update(Server).where(Server.id == server.id).values(status=status))


def request_delete(session: Session, server: Server, caller: Caller) -> Job | None:
    """Mark the server for deletion, have its jobs undone, and enqueue the job that takes it apart.

    Return None if the server is being deleted already.
    """
    hit = session.execute(
        update(Server)
        .where(Server.id == server.id, Server.deleting.is_(False))
        .values(deleting=True)
        .execution_options(synchronize_session=False)
    )
    if not hit.rowcount:  # type: ignore[attr-defined]
        return None
    server_jobs.cancel_jobs(session, server.id, "The server is being deleted.")
    return enqueue(session, Job, flow="server.delete", subject=server_jobs.delete_subject(server.id), caller=caller)


def archive(session: Session, server: Server) -> None:
    """Replace the row of a server that is gone by what is asked about it later, and give back its claim on a host."""
    hosts.release(session, server.id)
    kept = {
        column.key: getattr(server, column.key)
        for column in inspect(DeletedServer).column_attrs
        if hasattr(server, column.key)
    }
    session.add(DeletedServer(**kept | {"status": DELETED, "power_state": states.NOSTATE, "updated_at": now()}))
    session.delete(server)
