"""The image API process: everything it is made of, in one place."""

import os
import sys
from collections.abc import Sequence

from flask import Flask, request
from stevedore import DriverManager

from pileus_image import policy
from pileus_image.api import data, definitions, images, imports, info, members, metadefs, refusals, tickets
from pileus_image.config import Config
from pileus_image.core.quotas import Limits
from pileus_image.core.tickets import Tickets
from pileus_image.db.models import Event, Job
from pileus_image.drivers.base import Store
from pileus_image.drivers.web import Fetcher
from pileus_image.flows import import_image
from pileus_image.flows.sweep import Sweeper
from pileus_image.flows.tools import Tools
from pileus_kit import operations, process
from pileus_kit.auth import Authenticator
from pileus_kit.db import Sessions, alive
from pileus_kit.errors import NotFound
from pileus_kit.flow import Runner
from pileus_kit.peers import Peers
from pileus_kit.policy import Enforcer
from pileus_kit.web import create_app

RESOURCES = [
    info.root,
    info.resource,
    images.resource,
    data.resource,
    members.resource,
    imports.resource,
    tickets.resource,
    metadefs.resource,
    definitions.resource,
    operations.resource(Job, Event),
]


def create(tools: Tools, authenticate: Authenticator, enforcer: Enforcer) -> Flask:
    """The app over given tools."""
    app = create_app(
        "pileus_image",
        tools=tools,
        resources=RESOURCES,
        authenticate=authenticate,
        enforcer=enforcer,
        error_view=refusals.view,
        service_type="image",
        healthy=lambda: alive(tools.sessions),
    )

    @app.before_request
    def nameless() -> None:
        """An empty id is an image that doesn't exist, not the list."""
        if request.path == "/v2/images/":
            raise NotFound(why="No image found with an empty ID")

    return app


def limits(config: Config) -> Limits:
    return Limits(config.quota_images, config.quota_mib)


def make_tools(config: Config) -> Tools:
    """Database, stores, keys and runner as configured; nothing runs yet."""
    store: Store = DriverManager("pileus.image.stores", config.store).driver(config.path("image", "store"))
    tools = Tools(
        config=config,
        sessions=Sessions(config.database_url("image")),
        stores={config.store: store},
        tickets=Tickets.at(config.path("image", "ticket.key")),
        fetcher=Fetcher(config.download_networks),
        limits=limits(config),
    )
    me = f"image@{config.host}:{os.getpid()}"
    tools.runner = Runner(
        tools.sessions, Job, Event, [import_image.FLOW], tools, me, threads=2, history_days=tools.config.history_days
    )
    return tools


def build(config: Config) -> Flask:
    """The app with its background work: imports and the sweep run in this process, under leases like anywhere."""
    tools = make_tools(config)
    enforcer = Enforcer(policy.RULES, config.path("policy", "image.yaml"))
    app = create(tools, Peers(config).authenticator(), enforcer)
    if tools.runner:
        tools.runner.start()
    Sweeper(tools).start()
    return app


def main(argv: Sequence[str] | None = None) -> None:
    config = process.load_config(Config, sys.argv[1:] if argv is None else argv, "image-api")
    process.serve_api(build, config, "pileus-image-api")


if __name__ == "__main__":
    main()
