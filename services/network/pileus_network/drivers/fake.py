"""A backend without a host: it remembers what it was told. One process can play a thousand hosts with it."""

from collections.abc import Callable

from pileus_network.drivers.base import Backend, Settings
from pileus_network.rpc import Failure, HostState, Report


class Fake(Backend):
    """`broken` maps ids of ports to the causes for which they can't be wired."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.prepared = False
        self.state: HostState | None = None
        self.applied = 0
        self.broken: dict[str, str] = {}
        self.lost: Callable[[str], None] = _nothing

    def prepare(self) -> None:
        self.prepared = True

    def apply(self, state: HostState, thorough: bool) -> Report:
        self.applied += 1
        self.state = state
        local = [port.id for port in state.ports if port.local and port.admin_up]
        return Report(
            ports=tuple(id for id in local if id not in self.broken),
            failures=tuple(Failure("port", id, self.broken[id]) for id in local if id in self.broken),
        )

    def watch(self, lost: Callable[[str], None]) -> None:
        self.lost = lost

    def close(self) -> None:
        self.lost = _nothing


def _nothing(what: str) -> None:
    """Nobody watches."""
