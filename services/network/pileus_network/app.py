"""The API process: everything it is made of, in one place."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from flask import Flask

from pileus_kit import operations, process
from pileus_kit.auth import Authenticator
from pileus_kit.db import Sessions, alive
from pileus_kit.doorbell import Ringer
from pileus_kit.peers import Peers
from pileus_kit.policy import Enforcer
from pileus_kit.web import Resource, create_app
from pileus_network.api import (
    address_scopes,
    agents,
    auto_allocated_topologies,
    extensions,
    floatingips,
    network_ip_availabilities,
    networks,
    ports,
    quotas,
    rbac_policies,
    routers,
    security_group_rules,
    security_groups,
    subnetpools,
    subnets,
    tags,
    versions,
    zones,
)
from pileus_network.api.faults import neutron_error
from pileus_network.clients.agent_notifier import AgentNotifier, BusAgentNotifier
from pileus_network.config import Config
from pileus_network.core import quotas as core_quotas
from pileus_network.core.compute_events import TOPIC
from pileus_network.db.models import Event, Job
from pileus_network.policy import RULES

NOUNS = (
    versions,
    extensions,
    networks,
    subnets,
    ports,
    routers,
    floatingips,
    security_groups,
    security_group_rules,
    subnetpools,
    address_scopes,
    rbac_policies,
    quotas,
    agents,
    zones,
    network_ip_availabilities,
    auto_allocated_topologies,
)
RESOURCES: tuple[Resource, ...] = (*(noun.resource for noun in NOUNS), *tags.RESOURCES, operations.resource(Job, Event))


class Rings(Protocol):
    def ring(self, job_id: str) -> None:
        """Tell the workers that a job waits; neither waits nor raises."""
        ...


@dataclass(frozen=True)
class Tools:
    config: Config
    sessions: Sessions
    agent_notifier: AgentNotifier
    ringer: Rings


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
    """The real one."""
    core_quotas.parse_configured(config.quotas)  # a wrong limit is said at start
    sessions = Sessions(config.database_url("network"))
    tools = Tools(config, sessions, BusAgentNotifier(config.bus), Ringer(config.bus, TOPIC))
    return create(tools, Peers(config).authenticator(), Enforcer(RULES, Path(config.state, "policy", "network.yaml")))


def main(argv: list[str] | None = None) -> None:
    config = process.load_config(Config, sys.argv[1:] if argv is None else argv, "network-api")
    process.serve_api(build, config, "pileus-network-api")


if __name__ == "__main__":
    main()
