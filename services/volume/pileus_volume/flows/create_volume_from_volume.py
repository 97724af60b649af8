"""Create a volume with the content of another one, which may be in use: a temporary snapshot of it is copied."""

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.clients.assisted_snapshots import remove_snapshot, take_snapshot
from pileus_volume.core.job_data import CreateVolumeData
from pileus_volume.core.tools import Tools
from pileus_volume.flows.create_volume import delete_disk, disk_and_agent, failed, finish


def _source_id(work: Work) -> str:
    source_id = work.data_as(CreateVolumeData).source_id
    assert source_id is not None
    return source_id


def take_temporary_snapshot(tools: Tools, work: Work) -> None:
    """The snapshot of the source is named like the new volume."""
    _, agent = disk_and_agent(tools, work)
    take_snapshot(tools.peers, agent, _source_id(work), work.subject)


def remove_temporary_snapshot(tools: Tools, work: Work) -> None:
    data = work.data_as(CreateVolumeData)
    if data.no_valid_backend is None:
        remove_snapshot(tools.peers, tools.agent_of(data.host), _source_id(work), work.subject)


def copy(tools: Tools, work: Work) -> None:
    disk, agent = disk_and_agent(tools, work)
    agent.create_from_snapshot(disk, _source_id(work), work.subject)


create_volume_from_volume = Flow(
    "volume.create_from_volume",
    Remote(take_temporary_snapshot, undo=remove_temporary_snapshot),
    Remote(copy, undo=delete_disk),
    Remote(remove_temporary_snapshot),
    Local(finish),
    failed=failed,
)
