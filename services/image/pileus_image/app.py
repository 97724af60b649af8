"""The image API process, in one place: `python -m pileus_image.app --config FILE`."""

import sys
from collections.abc import Sequence

from flask import Flask, request

from pileus_image import policy
from pileus_image.api import RESOURCES, error_view
from pileus_image.clients import objectstore
from pileus_image.config import Config
from pileus_image.core.imports import DOORBELL
from pileus_image.core.tools import Tools, make_tools
from pileus_kit import process
from pileus_kit.auth import Authenticator
from pileus_kit.db import alive
from pileus_kit.doorbell import JobNotifier
from pileus_kit.errors import NotFound
from pileus_kit.peers import Peers
from pileus_kit.policy import Enforcer
from pileus_kit.web import create_app


def create(tools: Tools, authenticate: Authenticator, enforcer: Enforcer) -> Flask:
    """Return the WSGI application over given tools."""
    app = create_app(
        "pileus_image",
        tools=tools,
        resources=RESOURCES,
        authenticate=authenticate,
        enforcer=enforcer,
        error_view=error_view.view,
        service_type="image",
        healthy=lambda: alive(tools.sessions),
    )

    @app.before_request
    def refuse_empty_id() -> None:
        """Answer 404: an empty id names an image that doesn't exist, not the list."""
        if request.path == "/v2/images/":
            raise NotFound(why="No image found with an empty ID")

    return app


def build(config: Config) -> Flask:
    """Return the WSGI application as configured."""
    peers = Peers(config)
    tools = make_tools(config, JobNotifier(config.bus, DOORBELL).notify, objectstore.container_opener(peers))
    return create(tools, peers.authenticator(), Enforcer(policy.RULES, config.path("policy", "image.yaml")))


def main(argv: Sequence[str] | None = None) -> None:
    """Serve the API until a signal ends the process."""
    config = process.load_config(Config, sys.argv[1:] if argv is None else argv, "image-api")
    process.serve_api(build, config, "pileus-image-api")


if __name__ == "__main__":
    main()
