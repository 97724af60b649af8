"""Delete what a volume that was moved has left on its former backend. The volume itself is elsewhere and in use, so
nothing here changes it."""

from sqlalchemy.orm import Session

from pileus_kit.errors import CloudError
from pileus_kit.flow import Again, Flow, Remote, Work
from pileus_volume.core import messages
from pileus_volume.core.job_data import DeleteSourceData
from pileus_volume.core.tools import Tools
from pileus_volume.db.models import Volume

PATIENCE_S = 86400.0
PAUSE_S = 10.0


def delete_source(tools: Tools, work: Work) -> None:
    """A backend that refuses is asked again: the copy that stays would take room unseen."""
    data = work.data_as(DeleteSourceData)
    try:
        tools.agent_named(data.host).delete(data.volume_id)
    except CloudError as err:
        raise Again(after=PAUSE_S, why=str(err)) from err


def failed(session: Session, tools: Tools, work: Work) -> None:
    data = work.data_as(DeleteSourceData)
    volume = session.get(Volume, data.volume_id)
    if volume is not None:
        why = f"it was moved, but its former copy on {data.host} couldn't be deleted: {work.error or ''}"
        messages.create(session, volume, "migrate volume", why)


delete_source_of_volume = Flow("volume.delete_source", Remote(delete_source, patience_s=PATIENCE_S), failed=failed)
