"""The identity API: one process, whose threads share the caches of tokens and authorizations."""

import sys

from flask import Flask

from pileus_identity.api import RESOURCES
from pileus_identity.api.error_views import error_view
from pileus_identity.config import Config
from pileus_identity.core.tools import Tools
from pileus_identity.policy import RULES
from pileus_kit import db, process
from pileus_kit.policy import Enforcer
from pileus_kit.web import create_app


def build(config: Config) -> Flask:
    """The application with a database and the operator's policy file."""
    sessions = db.Sessions(config.database_url("identity"))
    return create(Tools(config, sessions), Enforcer(RULES, config.path("policy", "identity.yaml")))


def create(tools: Tools, enforcer: Enforcer) -> Flask:
    """The application with the given tools."""
    app = create_app(
        "pileus_identity",
        tools=tools,
        resources=RESOURCES,
        authenticate=tools.authenticate,
        enforcer=enforcer,
        error_view=error_view,
        service_type="identity",
        healthy=lambda: db.alive(tools.sessions),
    )
    public_url = tools.config.public_url or tools.config.identity_url.removesuffix("/v3")
    app.extensions["pileus_identity_url"] = f"{public_url}/v3"
    return app


def main(argv: list[str] | None = None) -> None:
    """Serve the API until a signal ends the process."""
    config = process.load_config(Config, sys.argv[1:] if argv is None else argv, "identity-api")
    process.serve_api(build, config, "pileus-identity-api")


if __name__ == "__main__":
    main()
