"""`/operations/hosts`: what the agents of hosts find on their machines."""

from collections.abc import Sequence

from pileus_kit import host_inspections
from pileus_kit.db import Session
from pileus_kit.hosts import HostPage, KnownHost
from pileus_kit.inspection import Inspection
from pileus_volume.api.tools import tools
from pileus_volume.core import hosts


def _find(session: Session, page: HostPage) -> Sequence[KnownHost]:
    return hosts.list_known(session, page)


def _ask(host: str) -> Inspection:
    return tools().agent(host).inspect()


resource = host_inspections.resource(_find, _ask)
