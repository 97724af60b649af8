"""Moving volumes between the backends of a machine: which may be moved, and what happens to their rows.

A volume is copied, its row is switched to the copy in one transaction, and another job deletes what is left on the
backend that it came from. Until that job has ended the volume can't be moved again, back to what is being deleted.
"""

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from pileus_kit.auth import Caller
from pileus_kit.context import Work
from pileus_kit.flow import enqueue, live
from pileus_volume.core import hosts, quotas, scheduler, types
from pileus_volume.core.job_data import DeleteSourceData, MigrateVolumeData, as_json
from pileus_volume.core.pools import find_host, machine_of
from pileus_volume.core.scheduler import RequestSpec
from pileus_volume.core.states import MIGRATING, move
from pileus_volume.core.volumes import is_being_copied
from pileus_volume.db.models import Attachment, Job, Snapshot, StorageHost, Volume
from pileus_volume.errors import InvalidHost, InvalidVolume


def migrate(session: Session, caller: Caller, volume: Volume, target: str, *, lock: bool) -> Job:
    """Begin to move the volume to that storage host. `lock`: nothing else may be done with it meanwhile.

    A host that can't take it fails the job, and leaves a message that says why.
    """
    host = find_host(session, target)
    if host is None or host.disabled or not hosts.is_up(host):
        raise InvalidHost(why=f"No available service named '{target[:255]}'")
    source = source_of(session, volume)
    if source.name == host.name:
        raise _not_movable(volume, f"it is on {volume.host} already")
    if machine_of(source.name) != machine_of(host.name):
        raise InvalidHost(why=f"volumes move between the backends of {machine_of(source.name)} only")
    if why := why_not_movable(session, volume):
        raise _not_movable(volume, why)
    spec = RequestSpec(volume.size, volume.type.extra_specs, None, not_pool=volume.host)
    lack = scheduler.find_lack(session, host, spec)
    data = MigrateVolumeData(
        volume.size, source.name, host.name, host.pool, f"{host.name}: {lack}" if lack is not None else None
    )
    move(session, volume, "migrate_locked" if lock else "migrate", migration_status="starting")
    return enqueue(session, Job, flow="volume.migrate", subject=volume.id, caller=caller, data=as_json(data))


def source_of(session: Session, volume: Volume) -> StorageHost:
    """The storage host that the volume is on. Raises InvalidVolume if there is none."""
    host = find_host(session, volume.host or "")
    if host is None:
        raise _not_movable(volume, "it has no storage host")
    return host


def why_not_movable(session: Session, volume: Volume) -> str | None:
    """Why the volume can't be moved now, as a sentence about it; None if it can."""
    if volume.migration_status in MIGRATING:
        return "it is being migrated"
    if volume.status != "available" or volume.attachments:
        return f"it is {volume.status}; only a volume that no server has can be moved, so detach it first"
    if volume.group_id:
        return f"it belongs to group {volume.group_id}"
    if session.scalar(select(exists().where(Snapshot.volume_id == volume.id))):
        return "it has snapshots"
    if is_being_copied(session, volume.id):
        return "it is being copied"
    if live(session, Job, _clearing(volume.id)):
        return "what it left on its former backend is still being deleted"
    return None


def switch(session: Session, requester: Work, volume: Volume, data: MigrateVolumeData) -> Job:
    """Let the volume be where its copy is. Returns the job that deletes the source.

    Raises InvalidVolume if something happened to the volume meanwhile, which an administrator may have forced.
    """
    if session.scalar(select(exists().where(Attachment.volume_id == volume.id))):
        raise _not_movable(volume, "it was attached meanwhile")
    if session.scalar(select(exists().where(Snapshot.volume_id == volume.id))):
        raise _not_movable(volume, "a snapshot of it was taken meanwhile")
    if volume.size != data.size:
        raise _not_movable(volume, "it was extended meanwhile")
    columns: dict[str, object] = {"host": data.target_pool, "migration_status": "success"}
    if data.type_id is not None:
        kind = types.find(session, data.type_id)
        quotas.check_retype(session, volume.project_id, kind, volume.size)
        columns |= {"type_id": kind.id, "multiattach": kind.extra_specs.get("multiattach") == "<is> True"}
    move(session, volume, "migrated" if data.type_id is None else "retyped", **columns)
    return enqueue(
        session,
        Job,
        flow="volume.delete_source",
        subject=_clearing(volume.id),
        caller=requester,
        data=as_json(DeleteSourceData(volume.id, data.source)),
    )


def complete(volume: Volume, new_volume: Volume, failed: bool) -> str:
    """Answer a service that has copied a volume to another one itself; returns the id of the volume that is kept.

    Moves of volumes need no second volume here, so there is never a migration that waits for this.
    """
    if volume.migration_status in MIGRATING:
        raise InvalidVolume(why=f"Destination volume {new_volume.id} is not mid-migration.")
    if new_volume.migration_status in MIGRATING:
        raise InvalidVolume(why=f"Source volume {volume.id} is not mid-migration.")
    if volume.attachments and not failed:
        raise InvalidVolume(why=f"Volume {volume.id} is attached; attachments don't move to another volume.")
    return new_volume.id


def _clearing(volume_id: str) -> str:
    """The subject of the job that deletes what a move left. It isn't the volume's id, because the volume lives on."""
    return f"moved-{volume_id}"


def _not_movable(volume: Volume, why: str) -> InvalidVolume:
    return InvalidVolume(
        why=f"Volume {volume.id} status must be available, must not be migrating, have snapshots, be part of a group "
        f"and destination host must be different than the current one; {why}."
    )
