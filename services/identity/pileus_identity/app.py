"""The identity API: one process, its threads share what they know about tokens."""

import sys

from flask import Flask

from pileus_identity.api import discovery, revocations, tokens
from pileus_identity.api.errors import error_view
from pileus_identity.config import Config
from pileus_identity.core.tools import Tools
from pileus_identity.policy import RULES
from pileus_kit import db, serve
from pileus_kit.policy import Enforcer
from pileus_kit.web import create_app

RESOURCES = (discovery.resource, tokens.resource, revocations.resource)


def build(config: Config) -> Flask:
    sessions = db.Sessions(config.database_url("identity"))
    return create(Tools(config, sessions), Enforcer(RULES, config.path("policy", "identity.yaml")))


def create(tools: Tools, enforcer: Enforcer) -> Flask:
    app = create_app("pileus_identity", tools=tools, resources=RESOURCES, authenticate=tools.authenticate, enforcer=enforcer,
                     error_view=error_view, service_type="identity", healthy=lambda: db.alive(tools.sessions))
    app.extensions["pileus_identity_url"] = f"{tools.config.public_url or tools.config.identity_url.removesuffix('/v3')}/v3"
    return app


def main(argv: list[str] | None = None) -> None:
    serve.api(build, serve.configured(Config, sys.argv[1:] if argv is None else argv, "identity-api"), "pileus-identity-api")


if __name__ == "__main__":
    main()
