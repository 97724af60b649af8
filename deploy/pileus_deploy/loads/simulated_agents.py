"""Many hosts in one process: `python -m pileus_deploy.loads.simulated_agents STATE FIRST COUNT`.

Each host has its compute and network agent with their fake drivers, with its own queues and a connection for each, and
reports as a machine does. They share two accounts of the bus, those of the services, and the connections on which they
send and hear answers: of those a real machine has two more for each agent.
"""

import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from pileus_deploy import plan_files
from pileus_kit.accounts import Account
from pileus_kit.rpc import Bus

NAME = "sim{:05}"
STACK_BYTES = 256 * 1024
"""The stack of each of the thousands of threads."""
SPREAD_S = 15.0
"""The first reports are spread over this time, as those of machines are that were switched on at different times."""


class Hosts:
    """The agents of the hosts from `first` on."""

    def __init__(self, state: Path, first: int, count: int) -> None:
        plan = plan_files.load(state)
        if plan is None:
            raise SystemExit(f"there is no cloud in {state}")
        self._names = [NAME.format(number) for number in range(first, first + count)]
        self._state = state / "cache" / "simulated"
        self._buses = {name: Bus(plan.bus_url(Account(name))) for name in ("compute", "network")}
        self._stops: list[Callable[[], None]] = []

    def start(self) -> None:
        """Start them one after the other."""
        over = threading.Event()
        for name in self._names:
            self._start_compute(name)
            self._start_network(name)
            over.wait(SPREAD_S / len(self._names))

    def stop(self) -> None:
        """End the reports of all; the connections end with the process."""
        for stop in self._stops:
            stop()

    def _start_compute(self, name: str) -> None:
        from pileus_compute.agent.endpoint import HostEndpoint
        from pileus_compute.agent.heartbeat import AgentHeartbeat
        from pileus_compute.agent.inspection import inspect
        from pileus_compute.config import Config
        from pileus_compute.drivers.fake import Fake
        from pileus_compute.rpc import ControlPlane

        config, bus = Config(state=str(self._state / name), host=name, hypervisor="fake"), self._buses["compute"]
        Path(config.state).mkdir(parents=True, exist_ok=True)
        endpoint = HostEndpoint(Fake(name), config.path("snapshots"), inspection=lambda: inspect(config))
        heartbeat = AgentHeartbeat(endpoint, bus.client(ControlPlane), name)
        bus.serve(endpoint, name, threads=2)
        heartbeat.start()
        self._stops.append(heartbeat.stop)

    def _start_network(self, name: str) -> None:
        from pileus_network.agent.service import Agent, load_backend
        from pileus_network.config import Config

        number = int(name.removeprefix("sim"))
        address = f"198.19.{number // 250}.{number % 250 + 1}"
        config = Config(state=str(self._state / name), host=name, driver="fake", tunnel_address=address)
        agent = Agent(config, self._buses["network"], load_backend(config))
        agent.start()


def main(argv: list[str]) -> None:
    """Run the hosts until a signal ends the process; prints "ready" when all have been started."""
    state, first, count = Path(argv[0]), int(argv[1]), int(argv[2])
    threading.stack_size(STACK_BYTES)
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    hosts = Hosts(state, first, count)
    hosts.start()
    print("ready", flush=True)
    signal.sigwait(signals)
    hosts.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
