"""The agent of a compute host: `python -m pileus_compute.agent --config FILE`."""

import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

from stevedore import DriverManager

from pileus_compute.agent.endpoint import HostEndpoint
from pileus_compute.agent.heartbeat import AgentHeartbeat
from pileus_compute.agent.inspection import inspect
from pileus_compute.config import Config
from pileus_compute.drivers.base import Hypervisor
from pileus_compute.rpc import ControlPlane
from pileus_kit.process import load_config, run_until_signal
from pileus_kit.rpc import Bus

WORKERS = 8
"""How many calls of the control plane the agent works on at the same time."""


def hypervisor(config: Config) -> Hypervisor:
    """The configured driver, by its entry point name."""
    kind: Any = DriverManager("pileus.compute.hypervisors", config.hypervisor).driver
    driver: Hypervisor = kind.from_config(config)
    return driver


def main(argv: Sequence[str] | None = None) -> None:
    config = load_config(Config, sys.argv[1:] if argv is None else argv, "compute-agent")
    driver, bus = hypervisor(config), Bus(config.bus)
    host = HostEndpoint(driver, config.path("snapshots"), config.certificates, partial(inspect, config))
    heartbeat = AgentHeartbeat(host, bus.client(ControlPlane), config.host)
    server = bus.serve(
        host,
        config.host,
        threads=WORKERS,
        origins=config.data_services,
        destroyed_file=config.path("gone", f"compute-{config.host}"),
    )

    def stop() -> None:
        heartbeat.stop()
        server.stop()
        bus.close()
        driver.close()

    run_until_signal(heartbeat.start, stop)


if __name__ == "__main__":
    main()
