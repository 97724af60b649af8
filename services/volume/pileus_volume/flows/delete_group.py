"""Delete a group when its volumes have gone. What fails is in error_deleting and may be deleted again."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.core import messages
from pileus_volume.core.states import move_group
from pileus_volume.db.models import Group, Volume
from pileus_volume.flows.members import PATIENCE_S, none_left
from pileus_volume.flows.tools import Tools


def wait(tools: Tools, work: Work) -> None:
    with tools.sessions.read() as session:
        none_left(session, Volume.group_id, work.subject)


def forget(session: Session, tools: Tools, work: Work) -> None:
    session.execute(delete(Group).where(Group.id == work.subject))


def failed(session: Session, tools: Tools, work: Work) -> None:
    group = session.get(Group, work.subject)
    if group is not None and group.status == "deleting":
        move_group(session, group, "fail_deletion")
        messages.tell(session, group, "ungroup", work.error or "")


delete_group = Flow("group.delete", Remote(wait, patience_s=PATIENCE_S), Local(forget), failed=failed)
