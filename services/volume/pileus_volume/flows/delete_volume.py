"""Delete a volume. It can't be undone: what fails is in error_deleting and may be deleted again."""

from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.core import hosts, messages, volumes
from pileus_volume.core.states import move
from pileus_volume.db.models import Volume
from pileus_volume.flows.tools import Tools


def _id(work: Work) -> str:
    return str(work.data.get("volume_id", work.subject))


def erase(tools: Tools, work: Work) -> None:
    if work.data["host"]:
        tools.agent(hosts.name_of(work.data["host"])).delete(_id(work))


def forget(session: Session, tools: Tools, work: Work) -> None:
    volumes.forget(session, _id(work))


def failed(session: Session, tools: Tools, work: Work) -> None:
    volume = session.get(Volume, _id(work))
    if volume is not None and volume.status == "deleting":
        move(session, volume, "fail_deletion")
        messages.tell(session, volume, "delete", work.error or "")


delete_volume = Flow("volume.delete", Remote(erase), Local(forget), failed=failed, ends=True)
