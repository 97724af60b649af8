"""The API process, in one place: `python -m pileus_volume.app --config FILE`."""

import sys
from collections.abc import Sequence
from pathlib import Path

from flask import Flask

from pileus_kit import operations
from pileus_kit.auth import Authenticator
from pileus_kit.db import Sessions, alive
from pileus_kit.doorbell import Ringer
from pileus_kit.peers import Peers
from pileus_kit.policy import Enforcer
from pileus_kit.process import load_config, serve_api
from pileus_kit.web import create_app, named_error
from pileus_volume.api import (
    attachments,
    backups,
    default_types,
    encryption,
    extensions,
    group_snapshots,
    group_types,
    groups,
    hosts,
    image_metadata,
    limits,
    messages,
    metadata,
    project_paths,
    qos_specs,
    quotas,
    snapshots,
    transfers,
    types,
    versions,
    volume_actions,
    volume_connections,
    volumes,
)
from pileus_volume.config import Config
from pileus_volume.db.models import Event, Job
from pileus_volume.flows.tools import Tools
from pileus_volume.policy import RULES
from pileus_volume.rpc import StorageAgent

DOORBELL = "volume.jobs"
RESOURCES = [
    versions.resource,
    volumes.resource,
    volume_actions.resource,
    metadata.of_volumes,
    metadata.of_snapshots,
    snapshots.resource,
    backups.resource,
    group_types.resource,
    groups.resource,
    group_snapshots.resource,
    attachments.resource,
    types.resource,
    quotas.sets,
    quotas.classes,
    limits.resource,
    hosts.services,
    hosts.pools,
    hosts.storage_hosts,
    hosts.capabilities,
    hosts.zones,
    extensions.resource,
    extensions.filters,
    transfers.older,
    transfers.newer,
    messages.resource,
    qos_specs.resource,
    default_types.resource,
    encryption.of_volumes,
    encryption.of_types,
    operations.resource(Job, Event),
]
ACTIONS = (image_metadata, volume_connections)  # modules that add to the volumes' actions


def create(tools: Tools, authenticate: Authenticator, overrides: Path | None = None) -> Flask:
    """The WSGI application. `overrides`: an operator's policy.yaml."""
    app = create_app(
        "pileus_volume",
        tools=tools,
        resources=RESOURCES,
        authenticate=authenticate,
        enforcer=Enforcer(RULES, overrides),
        error_view=named_error,
        microversions=versions.MICROVERSIONS,
        service_type="block-storage",
        healthy=lambda: alive(tools.sessions),
    )
    project_paths.install(app)
    return app


def build(config: Config) -> Flask:
    """All real wiring."""
    peers = Peers(config)
    ringer = Ringer(config.bus, DOORBELL)

    def no_agent(host: str) -> StorageAgent:
        raise LookupError("the API never asks a storage host")

    tools = Tools(config, Sessions(config.database_url("volume")), peers, ringer.ring, no_agent)
    return create(tools, peers.authenticator(), config.path("policy", "volume.yaml"))


def main(argv: Sequence[str] | None = None) -> None:
    config = load_config(Config, sys.argv[1:] if argv is None else argv, "volume-api")
    serve_api(build, config, "pileus-volume-api")


if __name__ == "__main__":
    main()
