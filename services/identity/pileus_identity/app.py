"""The identity API: one process, its threads share what they know about tokens."""

import sys

from flask import Flask

from pileus_identity.api import (
    access_tokens,
    application_credentials,
    consumers,
    credentials,
    discovery,
    domain_configs,
    domains,
    ec2_credentials,
    endpoint_filters,
    grants,
    groups,
    limits,
    memberships,
    oauth_tokens,
    policies,
    projects,
    regions,
    revocations,
    role_assignments,
    roles,
    scopes,
    services,
    signatures,
    tokens,
    trusts,
    users,
)
from pileus_identity.api.errors import error_view
from pileus_identity.config import Config
from pileus_identity.core.tools import Tools
from pileus_identity.policy import RULES
from pileus_kit import db, process
from pileus_kit.policy import Enforcer
from pileus_kit.web import create_app

MODULES = (
    access_tokens,
    application_credentials,
    consumers,
    credentials,
    discovery,
    domain_configs,
    domains,
    ec2_credentials,
    endpoint_filters,
    grants,
    groups,
    limits,
    memberships,
    oauth_tokens,
    policies,
    projects,
    regions,
    revocations,
    role_assignments,
    roles,
    scopes,
    services,
    signatures,
    tokens,
    trusts,
    users,
)


def build(config: Config) -> Flask:
    sessions = db.Sessions(config.database_url("identity"))
    return create(Tools(config, sessions), Enforcer(RULES, config.path("policy", "identity.yaml")))


def create(tools: Tools, enforcer: Enforcer) -> Flask:
    app = create_app(
        "pileus_identity",
        tools=tools,
        resources=[module.resource for module in MODULES],
        authenticate=tools.authenticate,
        enforcer=enforcer,
        error_view=error_view,
        service_type="identity",
        healthy=lambda: db.alive(tools.sessions),
    )
    public = tools.config.public_url or tools.config.identity_url.removesuffix("/v3")
    app.extensions["pileus_identity_url"] = f"{public}/v3"
    return app


def main(argv: list[str] | None = None) -> None:
    config = process.load_config(Config, sys.argv[1:] if argv is None else argv, "identity-api")
    process.serve_api(build, config, "pileus-identity-api")


if __name__ == "__main__":
    main()
