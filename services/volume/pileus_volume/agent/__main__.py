"""The agent of a storage host: `python -m pileus_volume.agent --config FILE`.

It leaves the storage daemon running when it ends, for guests elsewhere go on; with `--clear` it ends it instead.
"""

import sys
from collections.abc import Sequence

from stevedore import DriverManager

from pileus_kit.process import load_config, run_until_signal
from pileus_kit.rpc import Bus
from pileus_volume.agent.greeting import Greeting
from pileus_volume.agent.service import Agent
from pileus_volume.config import Config
from pileus_volume.drivers.base import Backend, Server
from pileus_volume.rpc import Registry

CLEAR = "--clear"


def backend_of(config: Config) -> Backend:
    """The configured driver, by its entry point name."""
    manager: DriverManager[Backend] = DriverManager(
        "pileus.volume.backends", config.backend, invoke_on_load=True, invoke_args=(config,)
    )
    driver = manager.driver
    assert isinstance(driver, Backend)
    return driver


def main(argv: Sequence[str] | None = None) -> None:
    arguments = sys.argv[1:] if argv is None else list(argv)
    config = load_config(Config, [argument for argument in arguments if argument != CLEAR], "volume-agent")
    if CLEAR in arguments:
        clear(config)
        return
    bus = Bus(config.bus)
    agent = Agent(config, backend_of(config))
    greeting = Greeting(agent, bus.client(Registry))
    server = bus.serve(
        agent,
        config.host,
        threads=4,  # each idle thread of a pool wakes every second
        origins=config.data_services,
        destroyed_file=config.path("gone", f"volume-{config.host}"),
    )

    def stop() -> None:
        greeting.stop()
        server.stop()
        bus.close()

    run_until_signal(greeting.start, stop)


def clear(config: Config) -> None:
    """Serve nothing any more; needs no bus. What an agent is told again, it serves again."""
    backend = backend_of(config)
    if isinstance(backend, Server):
        backend.stop_serving()


if __name__ == "__main__":
    main()
