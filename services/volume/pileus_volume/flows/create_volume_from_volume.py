"""Create a volume with the content of another one, which goes on being used: its snapshot is copied."""

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.flows.creations import failed, finish, place_of, unmake
from pileus_volume.flows.freezing import freeze, melt
from pileus_volume.flows.tools import Tools


def hold(tools: Tools, work: Work) -> None:
    _, agent = place_of(tools, work)
    freeze(tools, agent, work.data["source_id"], work.subject)


def release(tools: Tools, work: Work) -> None:
    if "unplaced" not in work.data:
        _, agent = place_of(tools, work)
        melt(tools, agent, work.data["source_id"], work.subject)


def duplicate(tools: Tools, work: Work) -> None:
    disk, agent = place_of(tools, work)
    agent.create_from_snapshot(disk, work.data["source_id"], work.subject)


create_volume_from_volume = Flow(
    "volume.create_from_volume",
    Remote(hold, undo=release),
    Remote(duplicate, undo=unmake),
    Remote(release),
    Local(finish),
    failed=failed,
)
