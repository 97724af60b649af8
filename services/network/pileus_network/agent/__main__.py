"""The agent process: `python -m pileus_network.agent --config FILE [--clear]`."""

import sys

from pileus_kit import process
from pileus_kit.rpc import Bus
from pileus_network.agent.service import Agent, load_backend
from pileus_network.config import Config
from pileus_network.rpc import HostState

CLEAR = "--clear"


def main(argv: list[str] | None = None) -> None:
    """Look after this host until a signal ends the process; with `--clear`, remove all networks from it and end."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    config = process.load_config(Config, [argument for argument in arguments if argument != CLEAR], "network-agent")
    if CLEAR in arguments:
        clear(config)
        return
    bus = Bus(config.bus)
    agent = Agent(config, bus, load_backend(config))

    def stop() -> None:
        agent.stop()
        bus.close()

    process.run_until_signal(agent.start, stop)


def clear(config: Config) -> None:
    """Remove all networks from this host, without bus or worker. An agent that starts later creates them again."""
    report = load_backend(config).apply(HostState(config.host, 0), thorough=True)
    if report.failures:
        raise SystemExit("".join(f"{failure.kind} {failure.id}: {failure.cause}\n" for failure in report.failures))


if __name__ == "__main__":
    main()
