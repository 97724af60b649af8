"""Managing: a disk that a backend has already becomes a volume, and a volume is forgotten while its disk stays."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_kit.auth import Caller
from pileus_kit.db import new_id
from pileus_kit.flow import enqueue, live
from pileus_volume.core import capabilities, hosts, quotas, types, volumes
from pileus_volume.core.job_data import ManageVolumeData, as_json
from pileus_volume.core.pools import find_host
from pileus_volume.db.models import Job, StorageHost, Volume
from pileus_volume.errors import HostNotFound, Invalid, InvalidVolume, ServiceUnavailable
from pileus_volume.rpc import GIB, StoredDisk, file_name

VOLUME_FILE = re.compile(re.escape(file_name("")) + r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
MANAGED = "already managed"


@dataclass(frozen=True)
class ManageRequest:
    """A disk of a storage host that is to become a volume, as the caller asked for it."""

    host: str
    source_name: str
    name: str | None = None
    description: str | None = None
    type: str | None = None
    availability_zone: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    bootable: bool = False


@dataclass(frozen=True)
class ManageableDisk:
    """A disk as lists show it. `size` in GiB; `volume_id`: the volume that has it."""

    name: str
    size: int
    unsafe: str | None
    volume_id: str | None


def manage(session: Session, caller: Caller, request: ManageRequest) -> tuple[Volume, Job]:
    """Write the volume's row and the job that gives it the disk. Its size is known, and counted, when it has it."""
    host = _find_usable(session, request.host)
    volume_type = types.choose(session, caller, request.type)
    if why := capabilities.find_unmet(host, volume_type.extra_specs):
        raise Invalid(why=f"Type {volume_type.name} doesn't fit storage host {host.name}: {why}.")
    check_unmanaged(session, request.source_name)
    quotas.check(session, str(caller.project_id), volume_type, volumes=1)
    volume = Volume(
        id=new_id(),
        project_id=str(caller.project_id),
        user_id=caller.user_id,
        name=request.name,
        description=request.description,
        size=0,
        claimed=0,
        type_id=volume_type.id,
        availability_zone=request.availability_zone or host.availability_zone,
        host=host.pool,
        multiattach=volume_type.extra_specs.get("multiattach") == "<is> True",
        bootable=request.bootable,
        meta=dict(request.metadata),
    )
    session.add(volume)
    session.flush()
    session.refresh(volume)
    data = as_json(ManageVolumeData(host.name, request.source_name))
    return volume, enqueue(session, Job, flow="volume.manage", subject=volume.id, caller=caller, data=data)


def check_unmanaged(session: Session, name: str) -> None:
    """Raise InvalidVolume if the disk of that name is a volume's."""
    found = VOLUME_FILE.fullmatch(name)
    if found and session.scalar(select(Volume.id).where(Volume.id == found[1])):
        raise InvalidVolume(why="Unable to manage existing volume. The volume is already managed")


def find_listed(session: Session, name: str) -> StorageHost:
    """The storage host whose disks are to be listed. Raises HostNotFound, or ServiceUnavailable."""
    host = find_host(session, name)
    if host is None:
        raise HostNotFound(host=name)
    check_usable(host, name)
    return host


def _find_usable(session: Session, name: str) -> StorageHost:
    host = find_host(session, name)
    if host is None:
        raise ServiceUnavailable(why=f"Host '{name}' not found")
    check_usable(host, name)
    return host


def check_usable(host: StorageHost, name: str) -> None:
    """Raise ServiceUnavailable unless the storage host is up and enabled."""
    if host.disabled:
        raise ServiceUnavailable(why=f"Unable to manage existing volume on a disabled service: {name}")
    if not hosts.is_up(host):
        raise ServiceUnavailable(why=f"Unable to manage existing volume on a service that is down: {name}")


def describe(session: Session, disks: Iterable[StoredDisk]) -> list[ManageableDisk]:
    """The disks with the volumes that have them; one statement for all."""
    ids = {disk.name: found[1] for disk in disks if (found := VOLUME_FILE.fullmatch(disk.name))}
    known = set(session.scalars(select(Volume.id).where(Volume.id.in_(ids.values())).limit(len(ids) + 1)))
    listed = []
    for disk in disks:
        volume_id = ids.get(disk.name) if ids.get(disk.name) in known else None
        unsafe = MANAGED if volume_id else disk.unsafe or None
        listed.append(ManageableDisk(disk.name, -(-disk.size_bytes // GIB), unsafe, volume_id))
    return listed


def unmanage(session: Session, volume: Volume) -> None:
    """Forget the volume; its disk stays where it is, under the name that it has.

    Raises InvalidVolume for a volume that couldn't be deleted, either.
    """
    if volume.status == "creating" or live(session, Job, volume.id):
        raise InvalidVolume(why=f"Volume {volume.id} can't be unmanaged while it is {volume.status}.")
    volumes.check_deletable(session, volume)
    volumes.delete_rows(session, volume.id)
