"""Move a volume to another backend of its machine: copy, compare, switch. Until the switch it can be undone, and the
switch is the last step; another job deletes the source."""

from sqlalchemy.orm import Session

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.core import messages, migrations
from pileus_volume.core.job_data import MigrateVolumeData
from pileus_volume.core.states import MIGRATING, move
from pileus_volume.core.tools import Tools
from pileus_volume.db.models import Volume
from pileus_volume.errors import NoValidBackend
from pileus_volume.rpc import Disk

UNTIL_THE_SWITCH = ("maintenance", "retyping")


def begin(session: Session, tools: Tools, work: Work) -> None:
    why = work.data_as(MigrateVolumeData).no_valid_backend
    if why is not None:
        raise NoValidBackend(why=why)
    session.get_one(Volume, work.subject).migration_status = "migrating"


def copy_disk(tools: Tools, work: Work) -> None:
    data = work.data_as(MigrateVolumeData)
    tools.agent_named(data.target).receive(Disk(work.subject, data.size), _backend_of(data.source))


def delete_copy(tools: Tools, work: Work) -> None:
    tools.agent_named(work.data_as(MigrateVolumeData).target).delete(work.subject)


def complete(session: Session, tools: Tools, work: Work) -> None:
    session.get_one(Volume, work.subject).migration_status = "completing"


def compare(tools: Tools, work: Work) -> None:
    data = work.data_as(MigrateVolumeData)
    tools.agent_named(data.target).check_received(work.subject, _backend_of(data.source))


def switch(session: Session, tools: Tools, work: Work) -> None:
    migrations.switch(session, work, session.get_one(Volume, work.subject), work.data_as(MigrateVolumeData))


def failed(session: Session, tools: Tools, work: Work) -> None:
    """Leave the volume where it is, as it was, with a message; one that was deleted by force meanwhile is gone."""
    volume = session.get(Volume, work.subject)
    if volume is None:
        return
    is_retyped = work.data_as(MigrateVolumeData).type_id is not None
    if volume.migration_status in MIGRATING:
        volume.migration_status = "error"
        session.flush()
    if volume.status in UNTIL_THE_SWITCH:  # else an administrator has set another status
        move(session, volume, "retyped" if volume.status == "retyping" else "migrated")
    messages.create(session, volume, "retype volume" if is_retyped else "migrate volume", work.error or "")


def _backend_of(name: str) -> str:
    """The name by which a machine's agent knows the storage host `machine@backend`; the first backend's is empty."""
    return name.partition("@")[2]


migrate_volume = Flow(
    "volume.migrate",
    Local(begin),
    Remote(copy_disk, undo=delete_copy),
    Local(complete),
    Remote(compare),
    Local(switch),
    failed=failed,
)
