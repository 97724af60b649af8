"""Delete a group after its volumes. A group that can't be deleted is in error_deleting and may be deleted again."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.core import messages
from pileus_volume.core.group_members import PATIENCE_S, check_all_deleted
from pileus_volume.core.states import move_group
from pileus_volume.core.tools import Tools
from pileus_volume.db.models import Group, Volume


def wait_for_volumes(tools: Tools, work: Work) -> None:
    """The jobs of the volumes delete them."""
    with tools.sessions.read() as session:
        check_all_deleted(session, Volume.group_id, work.subject)


def delete_row(session: Session, tools: Tools, work: Work) -> None:
    session.execute(delete(Group).where(Group.id == work.subject))


def failed(session: Session, tools: Tools, work: Work) -> None:
    group = session.get(Group, work.subject)
    if group is not None and group.status == "deleting":
        move_group(session, group, "fail_deletion")
        messages.create(session, group, "delete group", work.error or "")


delete_group = Flow("group.delete", Remote(wait_for_volumes, patience_s=PATIENCE_S), Local(delete_row), failed=failed)
