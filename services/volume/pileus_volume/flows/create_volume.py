"""Create a blank volume."""

from pileus_kit.flow import Flow, Local, Remote, Work
from pileus_volume.flows.creations import failed, finish, place_of, unmake
from pileus_volume.flows.tools import Tools


def make(tools: Tools, work: Work) -> None:
    disk, agent = place_of(tools, work)
    agent.create(disk)


create_volume = Flow("volume.create", Remote(make, undo=unmake), Local(finish), failed=failed)
