"""The API process."""

import sys
from collections.abc import Sequence
from pathlib import Path

from flask import Flask

from pileus_kit import process
from pileus_kit.auth import Authenticator
from pileus_kit.db import Sessions, alive
from pileus_kit.doorbell import JobNotifier
from pileus_kit.peers import Peers
from pileus_kit.policy import Enforcer
from pileus_kit.rpc import Agents
from pileus_kit.web import create_app
from pileus_network.api import RESOURCES
from pileus_network.api.faults import neutron_error
from pileus_network.clients.agent_notifier import AgentNotifier
from pileus_network.clients.tools import Tools
from pileus_network.config import Config
from pileus_network.core import quotas
from pileus_network.core.compute_events import TOPIC
from pileus_network.policy import RULES
from pileus_network.rpc import HostAgent


def create(tools: Tools, authenticate: Authenticator, enforcer: Enforcer) -> Flask:
    return create_app(
        "pileus-network",
        tools=tools,
        resources=RESOURCES,
        authenticate=authenticate,
        enforcer=enforcer,
        error_view=neutron_error,
        service_type="network",
        healthy=lambda: alive(tools.sessions),
    )


def build(config: Config) -> Flask:
    """Build the application of a deployed cloud."""
    quotas.parse_configured(config.quotas)  # a wrong limit stops the start
    sessions = Sessions(config.database_url("network"))
    peers = Peers(config)
    agents, jobs = AgentNotifier(config.bus), JobNotifier(config.bus, TOPIC)
    tools = Tools(config, sessions, peers, agents, jobs, Agents(config.bus, HostAgent))
    return create(tools, peers.authenticator(), Enforcer(RULES, Path(config.state, "policy", "network.yaml")))


def main(argv: Sequence[str] | None = None) -> None:
    config = process.load_config(Config, list(sys.argv[1:] if argv is None else argv), "network-api")
    process.serve_api(build, config, "pileus-network-api")


if __name__ == "__main__":
    main()
