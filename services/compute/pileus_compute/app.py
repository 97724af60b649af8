"""The compute API: builds everything that its application is made of."""

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from flask import Flask, Response, request

from pileus_compute.api import RESOURCES
from pileus_compute.api.versions import CAME_BY_V2, MICROVERSIONS
from pileus_compute.config import Config
from pileus_compute.core.tools import TOPIC, Tools
from pileus_compute.policy import RULES
from pileus_kit import db, process
from pileus_kit.auth import Authenticator
from pileus_kit.doorbell import JobNotifier
from pileus_kit.errors import NotFound
from pileus_kit.peers import Peers
from pileus_kit.policy import Enforcer
from pileus_kit.rpc import Bus
from pileus_kit.web import create_app, named_error, request_id

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def build(config: Config) -> Flask:
    peers = Peers(config)
    tools = Tools(
        config,
        db.Sessions(config.database_url("compute")),
        peers,
        ring=JobNotifier(config.bus, TOPIC).notify,
        connect=lambda: Bus(config.bus),
    )
    app = create(tools, peers.authenticator(), Enforcer(RULES, config.path("policy", "compute.yaml")))
    app.extensions["pileus_identity_url"] = config.identity_url
    return app


def create(tools: Tools, authenticate: Authenticator, enforcer: Enforcer) -> Flask:
    app = create_app(
        "pileus_compute",
        tools=tools,
        resources=RESOURCES,
        authenticate=authenticate,
        enforcer=enforcer,
        error_view=named_error,
        microversions=MICROVERSIONS,
        service_type="compute",
        healthy=lambda: db.alive(tools.sessions),
    )
    app.after_request(_add_former_request_id)
    app.before_request(_refuse_empty_id)
    app.wsgi_app = V2(app.wsgi_app)  # type: ignore[method-assign]
    return app


def _refuse_empty_id() -> None:
    """Answer 404 where a path ends before its id: `DELETE /servers/` must not reach the list's route."""
    if request.path.endswith("/") and request.path.startswith("/v2.1/") and request.path != "/v2.1/":
        raise NotFound(why="The resource could not be found.")


def _add_former_request_id(response: Response) -> Response:
    """Add the header that compute had before OpenStack's services shared one; clients still read it."""
    response.headers["X-Compute-Request-ID"] = response.headers.get("X-OpenStack-Request-ID") or request_id()
    return response


class V2:
    """Middleware that serves `/v2` as `/v2.1` without microversions."""

    def __init__(self, app: "WSGIApplication") -> None:
        self.app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/v2" or path.startswith("/v2/"):
            environ["PATH_INFO"], environ[CAME_BY_V2] = "/v2.1" + path[3:], True
            for name in ("HTTP_OPENSTACK_API_VERSION", "HTTP_X_OPENSTACK_NOVA_API_VERSION"):
                environ.pop(name, None)
        return self.app(environ, start_response)


def main(argv: Sequence[str] | None = None) -> None:
    config = process.load_config(Config, sys.argv[1:] if argv is None else argv, "compute-api")
    process.serve_api(build, config, "pileus-compute-api")


if __name__ == "__main__":
    main()
