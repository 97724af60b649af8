"""User messages: what went wrong after a request was accepted."""

from datetime import timedelta
from typing import Literal

from sqlalchemy import delete as delete_rows_of
from sqlalchemy.orm import Session

from pileus_kit import context
from pileus_kit.auth import Caller
from pileus_kit.db import now
from pileus_volume.db.models import Backup, Group, GroupSnapshot, Message, Model, Snapshot, Volume
from pileus_volume.errors import MessageNotFound

Action = Literal[
    "create volume",
    "delete volume",
    "extend volume",
    "upload volume",
    "create snapshot",
    "delete snapshot",
    "revert volume",
    "reimage volume",
    "attach volume",
    "create backup",
    "delete backup",
    "restore backup",
    "create group",
    "delete group",
    "create group snapshot",
    "delete group snapshot",
    "migrate volume",
    "retype volume",
    "manage volume",
    "manage snapshot",
]
KEPT = timedelta(days=30)  # until a message expires
ACTIONS: dict[
    Action, tuple[str, str]
] = {  # OpenStack's numbers (to 016) and sentences; event ids look like VOLUME_VOLUME_001_002
    "create volume": ("001", "schedule allocate volume"),
    "delete volume": ("018", "delete volume"),
    "extend volume": ("007", "extend volume"),
    "upload volume": ("003", "copy volume to image"),
    "create snapshot": ("009", "create snapshot"),
    "delete snapshot": ("010", "delete snapshot"),
    "revert volume": ("017", "revert volume to snapshot"),
    "reimage volume": ("016", "reimage volume"),
    "attach volume": ("002", "attach volume"),
    "create backup": ("013", "create backup"),
    "delete backup": ("014", "delete backup"),
    "restore backup": ("015", "restore backup"),
    "create group": ("019", "create group"),
    "delete group": ("020", "delete group"),
    "create group snapshot": ("021", "create group snapshot"),
    "delete group snapshot": ("022", "delete group snapshot"),
    "migrate volume": ("023", "migrate volume"),
    "retype volume": ("024", "retype volume"),
    "manage volume": ("008", "create volume from backend storage"),
    "manage snapshot": ("025", "manage snapshot"),
}
KINDS: dict[type[Model], str] = {
    Volume: "VOLUME",
    Snapshot: "VOLUME_SNAPSHOT",
    Backup: "VOLUME_BACKUP",
    Group: "VOLUME_GROUP",
    GroupSnapshot: "VOLUME_GROUP_SNAPSHOT",
}


def create(
    session: Session, resource: Volume | Snapshot | Backup | Group | GroupSnapshot, action: Action, why: str
) -> None:
    """Write a message about the resource for the users of its project; expired messages are deleted on the way.

    `why` is a sentence without internals.
    """
    number, sentence = ACTIONS[action]
    kind = KINDS[type(resource)]
    at = now()
    session.execute(delete_rows_of(Message).where(Message.expires_at < at))
    session.add(
        Message(
            project_id=resource.project_id,
            resource_type=kind,
            resource_id=resource.id,
            event_id=f"VOLUME_{kind}_{number}_001",
            text=f"{sentence}: {why}"[:1000],
            request_id=context.request_id.get(),
            created_at=at,
            expires_at=at + KEPT,
        )
    )


def find(session: Session, message_id: str, caller: Caller) -> Message:
    """The message if the caller may see it. Raises MessageNotFound."""
    found = session.get(Message, message_id)
    if found is None or (found.project_id != caller.project_id and not caller.is_admin):
        raise MessageNotFound(message=message_id)
    return found


def delete(session: Session, message: Message) -> None:
    """Delete the message's row."""
    session.delete(message)
