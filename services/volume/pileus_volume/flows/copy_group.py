"""Create a group from another or from a group snapshot: all of its volumes are made, or none stays."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.core import groups, messages
from pileus_volume.core.states import move_group
from pileus_volume.db.models import Group, Volume
from pileus_volume.flows.members import PATIENCE_S, all_made, any_left, none_goes
from pileus_volume.flows.tools import Tools


def gather(tools: Tools, work: Work) -> None:
    with tools.sessions.read() as session:
        all_made(session, Volume.group_id, work.subject)


def scatter(tools: Tools, work: Work) -> None:
    """The jobs of the volumes do it. It is asked again until they have."""
    with tools.sessions.begin() as session:
        jobs = groups.clear(session, work, work.subject)
    for job in jobs:
        tools.ring(job.id)
    with tools.sessions.read() as session:
        none_goes(session, Volume.group_id, work.subject)


def finish(session: Session, tools: Tools, work: Work) -> None:
    group = session.get_one(Group, work.subject)
    if group.status == "creating":  # else an administrator has decided otherwise
        move_group(session, group, "created")


def failed(session: Session, tools: Tools, work: Work) -> None:
    """Deleted meanwhile: gone. Else the record stays, in error, and its owner is told why."""
    group = session.get(Group, work.subject)
    if group is None:
        return
    gone = work.cancelled or group.status == "deleting"
    if gone and not any_left(session, Volume.group_id, group.id):
        session.execute(delete(Group).where(Group.id == group.id))
        return
    if group.status in ("creating", "deleting"):
        move_group(session, group, "fail_creation" if group.status == "creating" else "fail_deletion")
    messages.tell(session, group, "group", work.error or "")


copy_group = Flow("group.copy", Remote(gather, undo=scatter, patience_s=PATIENCE_S), Local(finish), failed=failed)
