"""Retyping: a volume gets another type. If its backend doesn't do for that, the volume is moved to one that does."""

from sqlalchemy.orm import Session

from pileus_kit.auth import Caller
from pileus_kit.db import now
from pileus_kit.flow import enqueue
from pileus_volume.core import capabilities, messages, migrations, quotas
from pileus_volume.core.job_data import MigrateVolumeData, as_json
from pileus_volume.core.pools import find_host, machine_of
from pileus_volume.core.scheduler import RequestSpec, pick_pool
from pileus_volume.core.states import check_not_migrating, move
from pileus_volume.db.models import Job, StorageHost, Volume, VolumeType
from pileus_volume.errors import Invalid, InvalidVolume, NoValidBackend


def retype(session: Session, caller: Caller, volume: Volume, kind: VolumeType, *, may_move: bool) -> Job | None:
    """Change the volume's type. The job, if any, moves the volume to another backend first.

    As in Cinder, a request is accepted although it needs a move that isn't allowed or possible; the volume then keeps
    its type, and a message says why.
    """
    _check(session, volume, kind)
    host = migrations.source_of(session, volume)
    if capabilities.find_unmet(host, kind.extra_specs) is None:
        volume.type_id, volume.multiattach, volume.updated_at = kind.id, _is_multiattach(kind), now()
        return None
    if volume.status == "in-use" or volume.attachments:
        raise InvalidVolume(
            why=f"Volume {volume.id} is attached, and type {kind.name} is on another backend; detach it."
        )
    target = _find_target(session, volume, host, kind, may_move)
    if isinstance(target, str):
        messages.create(session, volume, "retype volume", target)
        return None
    data = MigrateVolumeData(volume.size, host.name, target.name, target.pool, type_id=kind.id)
    move(session, volume, "retype")
    return enqueue(session, Job, flow="volume.migrate", subject=volume.id, caller=caller, data=as_json(data))


def _check(session: Session, volume: Volume, kind: VolumeType) -> None:
    """Raise an error if the volume can't get this type whatever its backend is."""
    check_not_migrating(volume)
    if volume.status not in ("available", "in-use"):
        raise InvalidVolume(
            why=f"Volume {volume.id} status must be available or in-use, but current status is: {volume.status}."
        )
    if volume.group_id:
        raise InvalidVolume(why=f"Volume {volume.id} belongs to group {volume.group_id}, where it can't be retyped.")
    if kind.id == volume.type_id:
        raise Invalid(why=f"Volume {volume.id} already is of type {kind.name}.")
    if _is_multiattach(kind) != volume.multiattach and volume.attachments:
        raise InvalidVolume(why="An attached volume can't change whether it may be attached more than once.")
    quotas.check_retype(session, volume.project_id, kind, volume.size)


def _find_target(
    session: Session, volume: Volume, source: StorageHost, kind: VolumeType, may_move: bool
) -> StorageHost | str:
    """The storage host to move to, or why the volume can't be moved."""
    if not may_move:
        return "Retype requires migration but is not allowed."
    if why := migrations.why_not_movable(session, volume):
        return f"Retype requires migration, but the volume can't be moved: {why}."
    spec = RequestSpec(volume.size, kind.extra_specs, None, not_pool=volume.host, machine=machine_of(source.name))
    try:
        target = find_host(session, pick_pool(session, spec))
    except NoValidBackend as err:
        return str(err)
    assert target is not None
    return target


def _is_multiattach(kind: VolumeType) -> bool:
    return kind.extra_specs.get("multiattach") == "<is> True"
