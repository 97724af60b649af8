"""A driver without a host: it remembers the state. One process can stand for a thousand hosts with it."""

from collections.abc import Callable

from pileus_network.drivers.base import Backend, Settings
from pileus_network.rpc import Failure, HostState, Report


class Fake(Backend):
    """Reports all local ports as wired. `broken` maps the ids of those that can't be to the causes."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.prepared = False
        self.state: HostState | None = None
        self.applied = 0
        self.broken: dict[str, str] = {}
        self.on_loss: Callable[[str], None] = _ignore

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

    def watch(self, on_loss: Callable[[str], None]) -> None:
        self.on_loss = on_loss

    def close(self) -> None:
        self.on_loss = _ignore


def _ignore(what: str) -> None:
    """Do nothing: the driver isn't watched."""
