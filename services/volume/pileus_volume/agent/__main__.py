"""The agent of a storage host: `python -m pileus_volume.agent --config FILE`.

It leaves the storage daemon running when it ends, because guests on other hosts use it. With `--clear` it ends the
daemon instead.
"""

import sys
from collections.abc import Sequence
from functools import partial

from stevedore import DriverManager

from pileus_kit.heartbeat import Heartbeat
from pileus_kit.process import load_config, run_until_signal
from pileus_kit.rpc import Bus
from pileus_volume.agent.backup_objects import new_session
from pileus_volume.agent.endpoint import AgentEndpoint
from pileus_volume.agent.heartbeat import EVERY_S, RETRY_S, send_report
from pileus_volume.agent.image_transfer import send
from pileus_volume.config import Config
from pileus_volume.drivers.backend_specs import all_backends
from pileus_volume.drivers.base import Backend, ExportServer
from pileus_volume.rpc import ControlPlane

CLEAR = "--clear"


def open_backend(config: Config, name: str) -> Backend:
    """The driver of the backend of that name, by its entry point; the first backend's name is empty."""
    spec = next(spec for spec in all_backends(config) if spec.name == name)
    manager: DriverManager[Backend] = DriverManager(
        "pileus.volume.backends", spec.driver, invoke_on_load=True, invoke_args=(config, spec)
    )
    driver = manager.driver
    assert isinstance(driver, Backend)
    return driver


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until a signal ends the process, or only clear the host."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    config = load_config(Config, [argument for argument in arguments if argument != CLEAR], "volume-agent")
    if CLEAR in arguments:
        clear(config)
        return
    bus = Bus(config.bus)
    agent = AgentEndpoint(
        config,
        open_backend(config, ""),
        partial(send, certificates=config.certificates),
        partial(new_session, config.certificates),
        open_backend=partial(open_backend, config),
    )
    control_plane = bus.client(ControlPlane)
    heartbeat = Heartbeat(lambda: send_report(agent, control_plane), every_s=EVERY_S, retry_s=RETRY_S)
    server = bus.serve(
        agent,
        config.host,
        threads=4,  # so that transfers of images and backups don't delay short calls
        origins=config.data_services,
        destroyed_file=config.path("gone", f"volume-{config.host}"),
    )

    def stop() -> None:
        heartbeat.stop()
        server.stop()
        bus.close()

    run_until_signal(heartbeat.start, stop)


def clear(config: Config) -> None:
    """End every export, without the bus. An agent that is started again serves its exports again."""
    for spec in all_backends(config):
        backend = open_backend(config, spec.name)
        if isinstance(backend, ExportServer):
            backend.stop_serving()


if __name__ == "__main__":
    main()
