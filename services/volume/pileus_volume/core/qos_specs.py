"""QoS specs: named sets of keys that volume types refer to."""

from collections.abc import Collection, Mapping

from sqlalchemy import select
from sqlalchemy import update as update_rows_of
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pileus_kit.db import new_id
from pileus_volume.core import types
from pileus_volume.db.models import QosSpec, VolumeType
from pileus_volume.errors import Invalid, QosExists, QosInUse, QosNotFound, QosSpecNotFound


def find(session: Session, qos_id: str) -> QosSpec:
    """Raises QosNotFound."""
    found = session.get(QosSpec, qos_id)
    if found is None:
        raise QosNotFound(qos=qos_id)
    return found


def create(session: Session, name: str, consumer: str, specs: Mapping[str, str]) -> QosSpec:
    """Write a new row. Raises QosExists if there is one of that name."""
    qos = QosSpec(id=new_id(), name=name, consumer=consumer, specs=dict(specs))
    session.add(qos)
    try:
        session.flush()
    except IntegrityError:
        raise QosExists(name=name) from None
    return qos


def update(session: Session, qos_id: str, consumer: str | None, specs: Mapping[str, str]) -> QosSpec:
    """Add or replace keys and, if given, the consumer."""
    qos = find(session, qos_id)
    qos.consumer, qos.specs = consumer or qos.consumer, {**qos.specs, **specs}
    return qos


def delete_keys(session: Session, qos_id: str, keys: Collection[str]) -> None:
    """Remove keys. Raises QosSpecNotFound for one that isn't there."""
    qos = find(session, qos_id)
    for key in keys:
        if key not in qos.specs:
            raise QosSpecNotFound(qos=qos_id, key=key)
    qos.specs = {k: v for k, v in qos.specs.items() if k not in keys}


def delete(session: Session, qos_id: str, force: bool) -> None:
    """Delete the row. Raises QosInUse if a type refers to it; with force the types lose it."""
    qos = find(session, qos_id)
    if session.scalar(select(VolumeType.id).where(VolumeType.qos_id == qos_id).limit(1)):
        if not force:
            raise QosInUse(qos=qos_id)
        disassociate_all(session, qos_id)
    session.delete(qos)


def associate(session: Session, qos_id: str, type_id: str) -> None:
    """Let the type refer to it. Raises Invalid if the type refers to others already."""
    find(session, qos_id)
    volume_type = types.find(session, type_id)
    if volume_type.qos_id not in (None, qos_id):
        raise Invalid(why=f"Type {type_id} is already associated with another qos specs: {volume_type.qos_id}")
    volume_type.qos_id = qos_id


def disassociate(session: Session, qos_id: str, type_id: str) -> None:
    """Let the type no longer refer to it."""
    find(session, qos_id)
    volume_type = types.find(session, type_id)
    if volume_type.qos_id == qos_id:
        volume_type.qos_id = None


def disassociate_all(session: Session, qos_id: str) -> None:
    """Let no type refer to it any longer."""
    find(session, qos_id)
    session.execute(update_rows_of(VolumeType).where(VolumeType.qos_id == qos_id).values(qos_id=None))


def list_associations(session: Session, qos_id: str) -> list[VolumeType]:
    """The types that refer to it."""
    find(session, qos_id)
    return list(session.scalars(select(VolumeType).where(VolumeType.qos_id == qos_id).limit(1000)))
