"""Create a volume with the content of a snapshot."""

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.core.job_data import CreateVolumeData
from pileus_volume.core.tools import Tools
from pileus_volume.flows.create_volume import delete_disk, disk_and_agent, failed, finish


def copy(tools: Tools, work: Work) -> None:
    data = work.data_as(CreateVolumeData)
    assert data.source_id is not None and data.snapshot_id is not None
    disk, agent = disk_and_agent(tools, work)
    agent.create_from_snapshot(disk, data.source_id, data.stored_name or data.snapshot_id)


create_volume_from_snapshot = Flow(
    "volume.create_from_snapshot", Remote(copy, undo=delete_disk), Local(finish), failed=failed
)
