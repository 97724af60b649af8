"""Create a group from another one or from a group snapshot: all of its volumes are created, or none stays."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.core import groups, messages
from pileus_volume.core.group_members import PATIENCE_S, check_all_created, has_members, wait_for_deletions
from pileus_volume.core.states import move_group
from pileus_volume.core.tools import Tools
from pileus_volume.db.models import Group, Volume


def wait_for_volumes(tools: Tools, work: Work) -> None:
    """The jobs of the volumes create them."""
    with tools.sessions.read() as session:
        check_all_created(session, Volume.group_id, work.subject)


def delete_volumes(tools: Tools, work: Work) -> None:
    """Have the jobs of the volumes delete them. The step is tried again until they have."""
    with tools.sessions.begin() as session:
        jobs = groups.delete_volumes(session, work, work.subject)
    for job in jobs:
        tools.ring(job.id)
    with tools.sessions.read() as session:
        wait_for_deletions(session, Volume.group_id, work.subject)


def finish(session: Session, tools: Tools, work: Work) -> None:
    group = session.get_one(Group, work.subject)
    if group.status == "creating":  # else an administrator has set another status
        move_group(session, group, "created")


def failed(session: Session, tools: Tools, work: Work) -> None:
    """Delete the row if the group was deleted meanwhile; else set it to error and leave a message."""
    group = session.get(Group, work.subject)
    if group is None:
        return
    is_deleted = work.cancelled or group.status == "deleting"
    if is_deleted and not has_members(session, Volume.group_id, group.id):
        session.execute(delete(Group).where(Group.id == group.id))
        return
    if group.status in ("creating", "deleting"):
        move_group(session, group, "fail_creation" if group.status == "creating" else "fail_deletion")
    messages.create(session, group, "create group", work.error or "")


copy_group = Flow(
    "group.copy",
    Remote(wait_for_volumes, undo=delete_volumes, patience_s=PATIENCE_S),
    Local(finish),
    failed=failed,
)
