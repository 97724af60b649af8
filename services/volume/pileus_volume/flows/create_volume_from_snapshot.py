"""Create a volume with the content of a snapshot."""

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.flows.creations import failed, finish, place_of, unmake
from pileus_volume.flows.tools import Tools


def copy(tools: Tools, work: Work) -> None:
    disk, agent = place_of(tools, work)
    agent.create_from_snapshot(disk, work.data["source_id"], work.data["snapshot_id"])


create_volume_from_snapshot = Flow(
    "volume.create_from_snapshot", Remote(copy, undo=unmake), Local(finish), failed=failed
)
