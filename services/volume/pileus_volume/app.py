"""The API process: `python -m pileus_volume.app --config FILE`."""

import sys
from collections.abc import Sequence
from pathlib import Path

from flask import Flask

from pileus_kit.auth import Authenticator
from pileus_kit.db import Sessions, alive
from pileus_kit.doorbell import JobNotifier
from pileus_kit.peers import Peers
from pileus_kit.policy import Enforcer
from pileus_kit.process import load_config, serve_api
from pileus_kit.rpc import Agents
from pileus_kit.web import create_app, named_error
from pileus_volume.api import RESOURCES, project_paths
from pileus_volume.api.versions import MICROVERSIONS
from pileus_volume.config import Config
from pileus_volume.core.tools import Tools
from pileus_volume.policy import RULES
from pileus_volume.rpc import StorageAgent

DOORBELL = "volume.jobs"


def create(tools: Tools, authenticate: Authenticator, overrides: Path | None = None) -> Flask:
    """The WSGI application. `overrides`: the file with an operator's policy rules."""
    app = create_app(
        "pileus_volume",
        tools=tools,
        resources=RESOURCES,
        authenticate=authenticate,
        enforcer=Enforcer(RULES, overrides),
        error_view=named_error,
        microversions=MICROVERSIONS,
        service_type="block-storage",
        healthy=lambda: alive(tools.sessions),
    )
    project_paths.install(app)
    return app


def build(config: Config) -> Flask:
    """The application with its real database, bus and peers."""
    peers = Peers(config)
    jobs, agents = JobNotifier(config.bus, DOORBELL), Agents(config.bus, StorageAgent)
    tools = Tools(config, Sessions(config.database_url("volume")), peers, jobs.notify, agents)
    return create(tools, peers.authenticator(), config.path("policy", "volume.yaml"))


def main(argv: Sequence[str] | None = None) -> None:
    """Serve the API until a signal ends the process."""
    config = load_config(Config, sys.argv[1:] if argv is None else argv, "volume-api")
    serve_api(build, config, "pileus-volume-api")


if __name__ == "__main__":
    main()
