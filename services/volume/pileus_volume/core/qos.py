"""QoS specs: named sets of keys that types refer to."""

from collections.abc import Collection, Mapping

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pileus_kit.db import new_id
from pileus_volume.core import types
from pileus_volume.db.models import QosSpec, VolumeType
from pileus_volume.errors import Invalid, QosExists, QosInUse, QosNotFound, QosSpecNotFound


def get(session: Session, qos_id: str) -> QosSpec:
    found = session.get(QosSpec, qos_id)
    if found is None:
        raise QosNotFound(qos=qos_id)
    return found


def create(session: Session, name: str, consumer: str, specs: Mapping[str, str]) -> QosSpec:
    qos = QosSpec(id=new_id(), name=name, consumer=consumer, specs=dict(specs))
    session.add(qos)
    try:
        session.flush()
    except IntegrityError:
        raise QosExists(name=name) from None
    return qos


def change(session: Session, qos_id: str, consumer: str | None, specs: Mapping[str, str]) -> QosSpec:
    qos = get(session, qos_id)
    qos.consumer, qos.specs = consumer or qos.consumer, {**qos.specs, **specs}
    return qos


def unset(session: Session, qos_id: str, keys: Collection[str]) -> None:
    qos = get(session, qos_id)
    for key in keys:
        if key not in qos.specs:
            raise QosSpecNotFound(qos=qos_id, key=key)
    qos.specs = {k: v for k, v in qos.specs.items() if k not in keys}


def remove(session: Session, qos_id: str, force: bool) -> None:
    qos = get(session, qos_id)
    if session.scalar(select(VolumeType.id).where(VolumeType.qos_id == qos_id).limit(1)):
        if not force:
            raise QosInUse(qos=qos_id)
        dissociate_all(session, qos_id)
    session.delete(qos)


def associate(session: Session, qos_id: str, type_id: str) -> None:
    get(session, qos_id)
    kind = types.get(session, type_id)
    if kind.qos_id not in (None, qos_id):
        raise Invalid(why=f"Type {type_id} is already associated with another qos specs: {kind.qos_id}")
    kind.qos_id = qos_id


def dissociate(session: Session, qos_id: str, type_id: str) -> None:
    get(session, qos_id)
    kind = types.get(session, type_id)
    if kind.qos_id == qos_id:
        kind.qos_id = None


def dissociate_all(session: Session, qos_id: str) -> None:
    get(session, qos_id)
    session.execute(update(VolumeType).where(VolumeType.qos_id == qos_id).values(qos_id=None))


def associations(session: Session, qos_id: str) -> list[VolumeType]:
    get(session, qos_id)
    return list(session.scalars(select(VolumeType).where(VolumeType.qos_id == qos_id).limit(1000)))
