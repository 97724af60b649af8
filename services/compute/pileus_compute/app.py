"""The compute API: everything it is made of, in one place."""

import sys
from collections.abc import Sequence

from flask import Flask

from pileus_compute.api import RESOURCES
from pileus_compute.api.discovery import MICROVERSIONS
from pileus_compute.config import Config
from pileus_compute.flows.tools import TOPIC, Tools
from pileus_compute.policy import RULES
from pileus_kit import db, serve
from pileus_kit.auth import Authenticator
from pileus_kit.doorbell import Ringer
from pileus_kit.peers import Peers
from pileus_kit.policy import Enforcer
from pileus_kit.rpc import Bus
from pileus_kit.web import create_app, named_error


def build(config: Config) -> Flask:
    peers = Peers(config)
    tools = Tools(config, db.Sessions(config.database_url("compute")), peers, ring=Ringer(config.bus, TOPIC).ring,
                  connect=lambda: Bus(config.bus, "compute-api"))
    app = create(tools, peers.authenticator(), Enforcer(RULES, config.path("policy", "compute.yaml")))
    app.extensions["pileus_identity_url"] = config.identity_url
    return app


def create(tools: Tools, authenticate: Authenticator, enforcer: Enforcer) -> Flask:
    return create_app("pileus_compute", tools=tools, resources=RESOURCES, authenticate=authenticate, enforcer=enforcer,
                      error_view=named_error, microversions=MICROVERSIONS, service_type="compute",
                      healthy=lambda: db.alive(tools.sessions))


def main(argv: Sequence[str] | None = None) -> None:
    config = serve.configured(Config, sys.argv[1:] if argv is None else argv, "compute-api")
    serve.api(build, config, "pileus-compute-api")


if __name__ == "__main__":
    main()
